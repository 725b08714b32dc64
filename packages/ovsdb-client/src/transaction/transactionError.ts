/** Which operation of a transaction failed: its position among the operations and what it was. */
export interface FailedOperation {
  readonly index: number;
  readonly op: string;
  readonly table: string | undefined;
}

/**
 * The database refused a transaction; nothing of it took place. `code` is the error string of RFC 7047 section 4.1.3
 * or ovsdb-server(7), such as "constraint violation", "referential integrity violation", "timed out", "not owner",
 * "aborted", "resources exhausted", "permission error".
 */
export class TransactionError extends Error {
  override readonly name = 'TransactionError';
  readonly code: string;
  /** Undefined when the transaction as a whole failed, at its commit. */
  readonly operation: FailedOperation | undefined;
  readonly details: string | undefined;

  constructor(code: string, details?: string, operation?: FailedOperation) {
    const where = operation
      ? `operation ${operation.index} (${operation.op}${operation.table ? ` ${operation.table}` : ''}): `
      : '';
    super(`transaction failed: ${where}${code}${details ? `: ${details}` : ''}`);
    this.code = code;
    this.details = details;
    this.operation = operation;
  }

  /** True when a row was no longer as `wait` or `verify` wanted it: build the transaction anew from the current rows. */
  get isTryAgain(): boolean {
    return this.code === 'timed out';
  }

  /**
   * True when a clustered server could not tell the fate of the transaction ("cluster error", such as a leader lost
   * amid the commit): contrary to all other codes it may have taken place.
   */
  get maybeCommitted(): boolean {
    return this.code === 'cluster error';
  }
}
