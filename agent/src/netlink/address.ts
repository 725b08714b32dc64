/** An address of a device (ip-address(8)). */
export interface Address {
  readonly family: 4 | 6;
  /** Text form; IPv6 as in RFC 5952. */
  readonly address: string;
  readonly prefixLength: number;
}
