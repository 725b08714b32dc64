/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* How modules hang together: the packet context and the step to the next slot. */
#ifndef IOV_CHAIN_H
#define IOV_CHAIN_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "drop.h"
#include "maps.h"
#include "trace.h"

#define IOV_PROGRAM(name) SEC("tc") int name(struct __sk_buff *ctx)

/*
 * A function that the verifier looks at once, for any arguments, and not again wherever it is called: for what a loop does to each member of a
 * group. Arguments are the context and numbers; what else it wants it looks up. It must not jump to a slot. Programs that jump to slots may
 * call such functions from Linux 5.10 on x86-64, from 6.0 on arm64.
 */
#define IOV_GLOBAL __attribute__((noinline))

/* Keeps what is rare out of the straight line of instructions. */
#define iov_unlikely(condition) __builtin_expect(!!(condition), 0)

/* Not ours: the packet goes on to the next program or to the host's stack (TC_ACT_UNSPEC, for clsact and TCX alike). */
#define IOV_PASS TC_ACT_UNSPEC

/* The packet in hand. Never NULL in fact; the verifier wants the test. */
static __always_inline struct iov_packet *iov_packet_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&iov_scratch, &zero);
}

/* The same for the program of a slot, which begins with it. */
static __always_inline struct iov_packet *iov_begin(__u32 slot)
{
	iov_trace_note(IOV_TRACE_MODULE, slot, 0, 0);
	return iov_packet_of_cpu();
}

/* Jump to a slot. Comes back only when the slot is empty. `slot` must be a constant so that the JIT makes a direct jump. */
#define iov_next(ctx, pkt, slot) \
	(bpf_tail_call_static(ctx, &iov_programs, slot), iov_drop(ctx, pkt, IOV_DROP_NO_MODULE))

/* Where a packet goes that has passed port security: only through the modules that the flags of its port ask for. */
static __always_inline int iov_next_secured(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 port_flags)
{
	if (iov_unlikely(port_flags & (IOV_PORT_RATE | IOV_PORT_LEARN | IOV_PORT_VIRTUAL_PARENT))) {
		if (port_flags & IOV_PORT_RATE)
			return iov_next(ctx, pkt, IOV_SLOT_POLICE);
		return iov_next(ctx, pkt, IOV_SLOT_OBSERVE);
	}
	return iov_next(ctx, pkt, IOV_SLOT_SWITCH);
}

static __always_inline struct iov_port *iov_port_lookup(__u32 port)
{
	return bpf_map_lookup_elem(&iov_ports, &port);
}

static __always_inline void iov_count_rx(void *map, __u32 index, __u32 bytes)
{
	struct iov_counters *counters;

	if (iov_tracing)
		return;
	counters = bpf_map_lookup_elem(map, &index);
	if (!counters)
		return;
	counters->rx_packets++;
	counters->rx_bytes += bytes;
}

static __always_inline void iov_count_tx(void *map, __u32 index, __u32 bytes)
{
	struct iov_counters *counters;

	if (iov_tracing)
		return;
	counters = bpf_map_lookup_elem(map, &index);
	if (!counters)
		return;
	counters->tx_packets++;
	counters->tx_bytes += bytes;
}

#endif
