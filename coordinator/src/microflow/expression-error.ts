/** An expression that describes no packet. `column` counts characters from 0 and is where it went wrong. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';

  constructor(
    message: string,
    readonly column: number,
  ) {
    super(message);
  }
}
