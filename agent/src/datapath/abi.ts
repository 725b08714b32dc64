/** The structs and enums shared with the IOModules, generated from the BTF of the loaded objects. */
export {
  iov_arp_keyCodec,
  iov_constant,
  type iov_counters,
  iov_countersCodec,
  iov_datapathCodec,
  iov_dest_kind,
  iov_destCodec,
  iov_drop,
  type iov_event,
  iov_event_kind,
  iov_eventCodec,
  iov_fdb_keyCodec,
  iov_group_key_layout,
  iov_group_keyCodec,
  iov_group_scope,
  iov_groupCodec,
  iov_ifindexCodec,
  iov_nd_keyCodec,
  iov_neighbourCodec,
  iov_packet_flag,
  type iov_port,
  type iov_port_drop,
  iov_port_drop_keyCodec,
  iov_port_dropCodec,
  iov_port_flag,
  iov_port_layout,
  iov_portCodec,
  iov_rateCodec,
  iov_security_flag,
  iov_security_ip4_keyCodec,
  iov_security_ip6_keyCodec,
  iov_security_keyCodec,
  iov_securityCodec,
  type iov_tunnel,
  iov_tunnel_flag,
  iov_tunnel_keyCodec,
  iov_tunnel_sourceCodec,
  iov_tunnelCodec,
  iov_virtual_keyCodec,
  iov_vlan_keyCodec,
} from '@iovisor-ovn/iomodules';

/** Added to an element's number in the tries: its rows for the receiving side (types.h, IOV_SECURITY_EGRESS). */
export const SECURITY_EGRESS = 0x80000000;

/** Added to the port of an interface that carries VLANs of other ports (types.h, IOV_IFINDEX_TRUNK). */
export const IFINDEX_TRUNK = 0x80000000;
