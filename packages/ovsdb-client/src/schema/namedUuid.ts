/**
 * Stands, within one transaction, for the row that an insert of the same transaction makes (RFC 7047 section 5.1,
 * named-uuid). `uuid` is set when the caller chose the row's UUID.
 */
export class NamedUuid {
  readonly name: string;
  readonly uuid: string | undefined;

  constructor(name: string, uuid?: string) {
    this.name = name;
    this.uuid = uuid;
  }
}
