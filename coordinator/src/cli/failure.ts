/** The command could not do what it was asked: exit status 1 and this line. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
