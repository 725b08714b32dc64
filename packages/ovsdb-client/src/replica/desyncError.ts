/** The server sent a change that does not fit the rows held: they have to be loaded anew. */
export class DesyncError extends Error {
  override readonly name = 'DesyncError';
}
