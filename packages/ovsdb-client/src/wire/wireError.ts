/**
 * The peer sent bytes which are not the OVSDB protocol (RFC 7047 section 4): broken JSON, a message that is no
 * JSON-RPC message, nesting or a single value beyond the limits. The connection it came from is dropped.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
}
