/** The maps of include/iov/maps.h, which all modules of a load share. */
export const sharedMapNames = [
  'iov_programs',
  'iov_scratch',
  'iov_ifindex',
  'iov_ifindex_overflow',
  'iov_ports',
  'iov_port_counters',
  'iov_port_drops',
  'iov_drops',
  'iov_datapaths',
  'iov_epochs',
  'iov_fdb',
  'iov_arp',
  'iov_nd',
  'iov_groups',
  'iov_security',
  'iov_security_ip4',
  'iov_security_ip6',
  'iov_tunnels',
  'iov_tunnel_counters',
  'iov_tunnel_dests',
  'iov_tunnel_sources',
  'iov_tunnel_locals',
] as const;

export type IovMapName = (typeof sharedMapNames)[number];
