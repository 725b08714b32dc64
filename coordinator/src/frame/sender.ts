/** Who sends a frame that is made up: the machine of a logical port. Addresses are in network order. */
export interface Sender {
  port: string;
  /** What it may be taken for, best first: a MAC and its IP addresses. */
  addresses: readonly { mac: Uint8Array; ips: readonly Uint8Array[] }[];
  /** The MAC of whoever the packet is for, where the logical switch knows it. */
  neighbour?: Uint8Array;
}
