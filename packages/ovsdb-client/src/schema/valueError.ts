/** A value that does not fit its column's type. `column` and `table` are filled in by whoever knows them. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}
