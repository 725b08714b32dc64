/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Every drop goes through here: no module returns TC_ACT_SHOT by itself. */
#ifndef IOV_DROP_H
#define IOV_DROP_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "trace.h"
#include "types.h"

/* Notes what the packet was. eth_type is 0 when it was dropped before it was parsed. */
static __always_inline void iov_note_drop(struct iov_port_drop *drop, const struct iov_packet *pkt, __u32 length)
{
	drop->packets++;
	drop->last = bpf_ktime_get_ns();
	__builtin_memcpy(drop->eth_dst, pkt->eth_dst, sizeof(drop->eth_dst));
	__builtin_memcpy(drop->eth_src, pkt->eth_src, sizeof(drop->eth_src));
	drop->eth_type = pkt->eth_type;
	drop->vlan_tci = pkt->vlan_tci;
	__builtin_memcpy(drop->ip_src, pkt->ip_src, sizeof(drop->ip_src));
	__builtin_memcpy(drop->ip_dst, pkt->ip_dst, sizeof(drop->ip_dst));
	drop->flags = pkt->flags;
	drop->sport = pkt->sport;
	drop->dport = pkt->dport;
	drop->length = length;
	drop->ip_proto = pkt->ip_proto;
}

/* Count a drop at a local port (0: at none, only in the chassis-wide counter). For copies of a packet that goes on. */
static __always_inline void iov_count_drop(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 reason, __u32 port)
{
	struct iov_port_drop_key key = { .port = port, .reason = reason };
	struct iov_port_drop *drop;
	__u64 *count;

	pkt->drop = reason;
	if (iov_tracing) {
		iov_trace_note(IOV_TRACE_DROP, reason, port, iov_trace_key(pkt));
		return;
	}
	count = bpf_map_lookup_elem(&iov_drops, &reason);
	if (count)
		(*count)++;
	if (!port)
		return;
	drop = bpf_map_lookup_elem(&iov_port_drops, &key);
	if (!drop) {
		struct iov_port_drop none = {};

		/* Another CPU may make the entry meanwhile: then ours is there as well. */
		bpf_map_update_elem(&iov_port_drops, &key, &none, BPF_NOEXIST);
		drop = bpf_map_lookup_elem(&iov_port_drops, &key);
	}
	if (drop)
		iov_note_drop(drop, pkt, ctx->len - pkt->room);
}

/* Drop because of the receiver: counted at `port`. */
static __always_inline int iov_drop_at(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 reason, __u32 port)
{
	iov_count_drop(ctx, pkt, reason, port);
	return TC_ACT_SHOT;
}

/* Drop: counted at the port the packet came from, if it came from one. */
static __always_inline int iov_drop(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 reason)
{
	return iov_drop_at(ctx, pkt, reason, pkt->in_port);
}

/* The end of a packet of which copies went out: the original is not wanted any more, and that is no drop. */
static __always_inline int iov_consumed(void)
{
	return TC_ACT_SHOT;
}

#endif
