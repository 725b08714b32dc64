/** A resource that cannot be applied; the message is for people and goes to the coordinator. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
