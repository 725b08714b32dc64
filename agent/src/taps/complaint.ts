/** What is wrong with a row of the local database: a Problem without its time and place. */
export interface Complaint {
  readonly table: string;
  /** Empty when it is not about one row. */
  readonly uuid: string;
  /** Row name, for people. */
  readonly name: string;
  /** Column, with the key of a map: `external_ids:iface-id`. */
  readonly column: string;
  /** What is wrong and what happens instead or what to do. */
  readonly message: string;
}
