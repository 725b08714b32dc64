/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* No program: an object whose BTF has every type of the ABI. generate.mjs makes the TypeScript codecs from it. */
#include <iov/types.h>

const volatile struct {
	enum iov_constant constant;
	enum iov_slot slot;
	enum iov_drop drop;
	enum iov_packet_flag packet_flag;
	enum iov_field field;
	enum iov_port_flag port_flag;
	enum iov_security_flag security_flag;
	enum iov_dest_kind dest_kind;
	enum iov_group_scope group_scope;
	enum iov_datapath_flag datapath_flag;
	enum iov_tunnel_flag tunnel_flag;
	enum iov_event_kind event_kind;
	enum iov_trace_kind trace_kind;

	struct iov_packet packet;
	struct iov_port port;
	struct iov_ifindex ifindex;
	struct iov_datapath datapath;
	struct iov_dest dest;
	struct iov_fdb_key fdb_key;
	struct iov_tunnel_key tunnel_key;
	struct iov_arp_key arp_key;
	struct iov_nd_key nd_key;
	struct iov_neighbour neighbour;
	struct iov_security_key security_key;
	struct iov_security security;
	struct iov_security_ip4_key security_ip4_key;
	struct iov_security_ip6_key security_ip6_key;
	struct iov_mcast_key mcast_key;
	struct iov_group_key group_key;
	struct iov_group group;
	struct iov_tunnel tunnel;
	struct iov_tunnel_source tunnel_source;
	struct iov_tunnel_source6 tunnel_source6;
	struct iov_tunnel_count tunnel_count;
	struct iov_counters counters;
	struct iov_port_drop_key port_drop_key;
	struct iov_port_drop port_drop;
	struct iov_vlan_key vlan_key;
	struct iov_learning learning;
	struct iov_rate rate;
	struct iov_bucket bucket;
	struct iov_virtual_key virtual_key;
	struct iov_event event;
	struct iov_mcast_event mcast_event;
	struct iov_path_mtu_event path_mtu_event;
	struct iov_trace_event trace_event;
	struct iov_trace trace;
} iov_abi __attribute__((section(".rodata")));
