/** What a client asked cannot be done: status 400 (or as given), and this text for people. Nothing was changed. */
export class HoverError extends Error {
  override readonly name = 'HoverError';

  constructor(
    message: string,
    readonly status: 400 | 403 | 413 = 400,
  ) {
    super(message);
  }
}
