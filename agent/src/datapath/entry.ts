/** Maps that the agent writes configuration to. Counters are not among them. */
export const CONFIG_MAPS = [
  'iov_ifindex',
  'iov_ifindex_overflow',
  'iov_vlan_ports',
  'iov_ports',
  'iov_datapaths',
  'iov_mcast',
  'iov_fdb',
  'iov_learned',
  'iov_arp',
  'iov_nd',
  'iov_groups',
  'iov_security',
  'iov_security_ip4',
  'iov_security_ip6',
  'iov_rates',
  'iov_virtual_ips',
  'iov_tunnels',
  'iov_tunnel_dests',
  'iov_tunnel_sources',
  'iov_tunnel_locals',
  'iov_tunnel_sources6',
  'iov_tunnel_locals6',
] as const;

export type ConfigMap = (typeof CONFIG_MAPS)[number];

/** One key of one map, as it shall be. */
export interface Entry {
  map: ConfigMap;
  key: Buffer;
  value: Buffer;
}

/** A map key as a string, one character a byte: what JavaScript Maps can index. */
export function keyText(key: Buffer): string {
  return key.toString('latin1');
}

export function keyBuffer(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Key of an array map, or a hash keyed by a number: __u32, host order. */
export function u32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32LE(value);
  return buffer;
}
