/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Tracing: what a packet would do, written down instead of done. For test runs of a load of its own, whose constant
 * iov_tracing is 1. In the live load it is 0, and the verifier removes all that hangs on it.
 */
#ifndef IOV_TRACE_H
#define IOV_TRACE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"

/* Read-only data of each object; the loader sets it. */
const volatile __u32 iov_tracing = 0;

/* Datapath and egress key of a packet, as iov_trace_event.key has them. */
static __always_inline __u32 iov_trace_key(const struct iov_packet *pkt)
{
	return pkt->datapath << 16 | pkt->egress_key;
}

/* Append to the packet's trace. */
static __always_inline void iov_trace_note(__u32 kind, __u32 value, __u32 port, __u32 key)
{
	struct iov_trace_event *event;
	struct iov_trace *trace;
	__u32 zero = 0, at;

	if (!iov_tracing)
		return;
	trace = bpf_map_lookup_elem(&iov_trace, &zero);
	if (!trace)
		return;
	at = trace->count++;
	if (at >= IOV_TRACE_EVENTS)
		return;
	event = &trace->events[at];
	event->kind = kind;
	event->value = value;
	event->port = port;
	event->key = key;
}

/* The first thing of an entry program: `slot` is IOV_SLOT_COUNT (entry) or IOV_SLOT_COUNT + 1 (uplink). */
static __always_inline void iov_trace_begin(__u32 slot)
{
	struct iov_trace *trace;
	__u32 zero = 0;

	if (!iov_tracing)
		return;
	trace = bpf_map_lookup_elem(&iov_trace, &zero);
	if (trace)
		trace->count = 0;
	iov_trace_note(IOV_TRACE_MODULE, slot, 0, 0);
}

/* A test run hands back the frame without the tag that the kernel holds beside it. Another tag pushes it into the frame, and
 * is itself forgotten. */
static __always_inline void iov_trace_tag(struct __sk_buff *ctx)
{
	if (iov_tracing && ctx->vlan_present)
		bpf_skb_vlan_push(ctx, bpf_htons(ETH_P_8021Q), 0);
}

#endif
