/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The maps all IOModules share. Every object defines them; the loader gives all objects of a load the same ones. */
#ifndef IOV_MAPS_H
#define IOV_MAPS_H

#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>
#include "types.h"

#define IOV_MAP(NAME, TYPE, KEY, VALUE, MAX, FLAGS) \
	struct {                                    \
		__uint(type, TYPE);                 \
		__uint(max_entries, MAX);           \
		__uint(map_flags, FLAGS);           \
		__type(key, KEY);                   \
		__type(value, VALUE);               \
	} NAME SEC(".maps")

IOV_MAP(iov_programs, BPF_MAP_TYPE_PROG_ARRAY, __u32, __u32, IOV_SLOT_COUNT, 0);
IOV_MAP(iov_scratch, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct iov_packet, 1, 0);

IOV_MAP(iov_ifindex, BPF_MAP_TYPE_ARRAY, __u32, struct iov_ifindex, IOV_IFINDEX_SLOTS, 0);
IOV_MAP(iov_ifindex_overflow, BPF_MAP_TYPE_HASH, __u32, __u32, IOV_MAX_PORTS, BPF_F_NO_PREALLOC);
/* Twice: a tag counts whichever of the two Ethernet types it comes with. */
IOV_MAP(iov_vlan_ports, BPF_MAP_TYPE_HASH, struct iov_vlan_key, __u32, 2 * IOV_MAX_PORTS, BPF_F_NO_PREALLOC);
IOV_MAP(iov_ports, BPF_MAP_TYPE_ARRAY, __u32, struct iov_port, IOV_MAX_PORTS, 0);
IOV_MAP(iov_port_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct iov_counters, IOV_MAX_PORTS, 0);
IOV_MAP(iov_port_drops, BPF_MAP_TYPE_PERCPU_HASH, struct iov_port_drop_key, struct iov_port_drop, 65536, BPF_F_NO_PREALLOC);
IOV_MAP(iov_drops, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, IOV_DROP_COUNT, 0);

IOV_MAP(iov_datapaths, BPF_MAP_TYPE_ARRAY, __u32, struct iov_datapath, IOV_MAX_DATAPATHS, 0);
IOV_MAP(iov_epochs, BPF_MAP_TYPE_ARRAY, __u32, __u32, IOV_MAX_DATAPATHS, 0);
IOV_MAP(iov_fdb, BPF_MAP_TYPE_HASH, struct iov_fdb_key, struct iov_dest, IOV_MAX_FDB, BPF_F_NO_PREALLOC);
IOV_MAP(iov_learned, BPF_MAP_TYPE_HASH, struct iov_fdb_key, struct iov_dest, IOV_MAX_FDB, BPF_F_NO_PREALLOC);
IOV_MAP(iov_learning, BPF_MAP_TYPE_LRU_HASH, struct iov_fdb_key, struct iov_learning, 16384, 0);
IOV_MAP(iov_arp, BPF_MAP_TYPE_HASH, struct iov_arp_key, struct iov_neighbour, IOV_MAX_FDB, BPF_F_NO_PREALLOC);
IOV_MAP(iov_nd, BPF_MAP_TYPE_HASH, struct iov_nd_key, struct iov_neighbour, IOV_MAX_FDB, BPF_F_NO_PREALLOC);
IOV_MAP(iov_mcast, BPF_MAP_TYPE_HASH, struct iov_mcast_key, __u32, IOV_MAX_MCAST, BPF_F_NO_PREALLOC);
IOV_MAP(iov_groups, BPF_MAP_TYPE_HASH, struct iov_group_key, struct iov_group, IOV_MAX_GROUPS, BPF_F_NO_PREALLOC);

IOV_MAP(iov_security, BPF_MAP_TYPE_HASH, struct iov_security_key, struct iov_security, IOV_MAX_SECURITY, BPF_F_NO_PREALLOC);
IOV_MAP(iov_security_ip4, BPF_MAP_TYPE_LPM_TRIE, struct iov_security_ip4_key, __u8, IOV_MAX_SECURITY_IPS, BPF_F_NO_PREALLOC);
IOV_MAP(iov_security_ip6, BPF_MAP_TYPE_LPM_TRIE, struct iov_security_ip6_key, __u8, IOV_MAX_SECURITY_IPS, BPF_F_NO_PREALLOC);

IOV_MAP(iov_rates, BPF_MAP_TYPE_HASH, __u32, struct iov_rate, IOV_MAX_PORTS, BPF_F_NO_PREALLOC);
IOV_MAP(iov_buckets, BPF_MAP_TYPE_ARRAY, __u32, struct iov_bucket, IOV_MAX_PORTS, 0);
IOV_MAP(iov_virtual_ips, BPF_MAP_TYPE_HASH, struct iov_virtual_key, __u32, IOV_MAX_VIRTUAL_IPS, BPF_F_NO_PREALLOC);

IOV_MAP(iov_tunnels, BPF_MAP_TYPE_ARRAY, __u32, struct iov_tunnel, IOV_MAX_TUNNELS, 0);
IOV_MAP(iov_tunnel_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct iov_tunnel_count, IOV_MAX_TUNNELS, 0);
IOV_MAP(iov_tunnel_dests, BPF_MAP_TYPE_HASH, struct iov_tunnel_key, struct iov_dest, IOV_MAX_TUNNEL_DESTS, BPF_F_NO_PREALLOC);
IOV_MAP(iov_tunnel_sources, BPF_MAP_TYPE_HASH, struct iov_tunnel_source, __u32, IOV_MAX_TUNNELS, BPF_F_NO_PREALLOC);
/* Our own tunnel addresses (value 1): tunnel packets to them from nobody we know are dropped, all others are the host's. */
IOV_MAP(iov_tunnel_locals, BPF_MAP_TYPE_HASH, __be32, __u8, IOV_MAX_TUNNELS, BPF_F_NO_PREALLOC);
/* The same two for an IPv6 underlay; the key of the second is struct in6_addr. */
IOV_MAP(iov_tunnel_sources6, BPF_MAP_TYPE_HASH, struct iov_tunnel_source6, __u32, IOV_MAX_TUNNELS, BPF_F_NO_PREALLOC);
IOV_MAP(iov_tunnel_locals6, BPF_MAP_TYPE_HASH, struct in6_addr, __u8, IOV_MAX_TUNNELS, BPF_F_NO_PREALLOC);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, IOV_EVENTS_BYTES);
} iov_events SEC(".maps");
IOV_MAP(iov_trace, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct iov_trace, 1, 0);

#endif
