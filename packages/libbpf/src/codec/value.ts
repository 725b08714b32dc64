/** Reads and writes one kind of value at an offset. */
export interface Accessor {
  read(buffer: Buffer, at: number): unknown;
  /** @throws TypeError or RangeError if the value does not fit the type. */
  write(buffer: Buffer, at: number, value: unknown): void;
}

/** @internal a value as an error message names it */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object'
    ? (value.constructor?.name ?? 'object')
    : `${typeof value} ${String(value)}`;
}
