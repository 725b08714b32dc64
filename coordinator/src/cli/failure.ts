import { exit } from './exit-codes.js';

/** The command could not do what it was asked: this line, and this exit status. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    message: string,
    readonly exitCode: number = exit.failed,
  ) {
    super(message);
  }
}
