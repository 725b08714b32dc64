/** An Interface of the integration bridge that has an iface-id and whose device exists. */
export interface PluggedInterface {
  /** Interface row. */
  readonly uuid: string;
  /** Interface name, which is that of the device. */
  readonly name: string;
  /** The device that the data plane has; of a port of type internal the hidden end. */
  readonly ifindex: number;
  /** Interface.ifindex; another than `ifindex` for ports of type internal, and that of their network namespace. */
  readonly shownIfindex?: number;
  /** external_ids:iface-id, the logical port's name; unique among the plugged. */
  readonly ifaceId: string;
  /** external_ids:iface-id-ver: the logical port binds only if its option of that name is equal. */
  readonly ifaceIdVer?: string;
  /** external_ids:encap-ip: the tunnel address this port wants. */
  readonly encapIp?: string;
  /** The device's own hardware address (mac_in_use), lower case with colons. */
  readonly mac?: string;
}
