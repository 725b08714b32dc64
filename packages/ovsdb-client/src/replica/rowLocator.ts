/** Something that holds rows and can tell in which table one is. */
export interface RowLocator {
  /** Name of the table that holds the row; undefined when there is no such row (any more). */
  tableOf(uuid: string): string | undefined;
}
