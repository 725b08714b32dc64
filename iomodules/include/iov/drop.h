/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Every drop goes through here: no module returns TC_ACT_SHOT by itself. */
#ifndef IOV_DROP_H
#define IOV_DROP_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "types.h"

/* Count a drop at a local port (0: at none, only in the chassis-wide counter). For copies of a packet that goes on. */
static __always_inline void iov_count_drop(struct iov_packet *pkt, __u32 reason, __u32 port)
{
	struct iov_port_drop_key key = { .port = port, .reason = reason };
	__u64 one = 1, *count;

	pkt->drop = reason;
	count = bpf_map_lookup_elem(&iov_drops, &reason);
	if (count)
		(*count)++;
	if (!port)
		return;
	count = bpf_map_lookup_elem(&iov_port_drops, &key);
	if (count) {
		(*count)++;
		return;
	}
	/* Another CPU may have made the entry meanwhile: then ours is there, with 0. */
	if (bpf_map_update_elem(&iov_port_drops, &key, &one, BPF_NOEXIST)) {
		count = bpf_map_lookup_elem(&iov_port_drops, &key);
		if (count)
			(*count)++;
	}
}

/* Drop because of the receiver: counted at `port`. */
static __always_inline int iov_drop_at(struct iov_packet *pkt, __u32 reason, __u32 port)
{
	iov_count_drop(pkt, reason, port);
	return TC_ACT_SHOT;
}

/* Drop: counted at the port the packet came from, if it came from one. */
static __always_inline int iov_drop(struct iov_packet *pkt, __u32 reason)
{
	return iov_drop_at(pkt, reason, pkt->in_port);
}

/* The end of a packet of which copies went out: the original is not wanted any more, and that is no drop. */
static __always_inline int iov_consumed(void)
{
	return TC_ACT_SHOT;
}

#endif
