/** Which way a packet takes: the kernel's own answer, policy rules included. */
export interface Route {
  readonly ifindex: number;
  /** Next hop; absent when the destination is on the link. */
  readonly gateway?: string;
  /** Source address the kernel would choose. */
  readonly source?: string;
  /** MTU of the route or path when one is known (RTAX_MTU), not that of the device. */
  readonly mtu?: number;
}

export interface RouteOptions {
  /** Source address of the packet. */
  readonly source?: string;
  /** Firewall mark of the packet, for policy routing. */
  readonly mark?: number;
}
