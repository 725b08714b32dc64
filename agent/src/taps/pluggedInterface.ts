/** An Interface of the integration bridge that has an iface-id and whose device exists. */
export interface PluggedInterface {
  /** Interface row. */
  readonly uuid: string;
  /** Device name. */
  readonly name: string;
  readonly ifindex: number;
  /** external_ids:iface-id, the logical port's name; unique among the plugged. */
  readonly ifaceId: string;
  /** external_ids:iface-id-ver: the logical port binds only if its option of that name is equal. */
  readonly ifaceIdVer?: string;
  /** external_ids:encap-ip: the tunnel address this port wants. */
  readonly encapIp?: string;
  /** The device's own hardware address (mac_in_use), lower case with colons. */
  readonly mac?: string;
}
