/**
 * The connection was lost, or there was none. `maybeCommitted` says whether a transaction had been sent already: then
 * only the database knows whether it took place.
 */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  readonly maybeCommitted: boolean;

  constructor(message: string, options: { maybeCommitted: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.maybeCommitted = options.maybeCommitted;
  }
}

/** The server answered a request with a JSON-RPC error (RFC 7047 section 4); `code` is its error string. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: string;
  readonly details: string | undefined;
  readonly method: string;

  constructor(method: string, code: string, details?: string) {
    super(`${method} was refused: ${code}${details ? ` (${details})` : ''}`);
    this.method = method;
    this.code = code;
    this.details = details;
  }

  /** True when the server is too old to know the method: ovsdb-server says "unknown method". */
  get isUnknownMethod(): boolean {
    return this.code === 'unknown method';
  }
}

/** A server was reached and is not one to use: not the leader, behind, cut off from its cluster, another database. */
export class UnsuitableServerError extends Error {
  override readonly name = 'UnsuitableServerError';
}

/** The client was closed by its owner. */
export class ClientClosedError extends Error {
  override readonly name = 'ClientClosedError';

  constructor() {
    super('the OVSDB client was closed');
  }
}
