/** NUD state, see "ip neighbour" in ip-neighbour(8). */
export type NeighbourState =
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'incomplete'
  | 'permanent'
  | 'noarp';

/** An ARP or ND entry of the kernel. */
export interface Neighbour {
  /** Lower case with colons; absent while unresolved. */
  readonly mac?: string;
  readonly state: NeighbourState;
}

/** An entry that was added, changed or removed; ask `Netlink.neighbour` for what it is now. */
export interface NeighbourEvent {
  readonly ifindex: number;
  readonly ip: string;
}
