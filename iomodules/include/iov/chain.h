/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* How modules hang together: the packet context and the step to the next slot. */
#ifndef IOV_CHAIN_H
#define IOV_CHAIN_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "drop.h"
#include "maps.h"

#define IOV_PROGRAM(name) SEC("tc") int name(struct __sk_buff *ctx)

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

/* Jump to a slot. Comes back only when the slot is empty. `slot` must be a constant so that the JIT makes a direct jump. */
#define iov_next(ctx, pkt, slot) \
	(bpf_tail_call_static(ctx, &iov_programs, slot), iov_drop(pkt, IOV_DROP_NO_MODULE))

static __always_inline struct iov_port *iov_port_lookup(__u32 port)
{
	return bpf_map_lookup_elem(&iov_ports, &port);
}

static __always_inline void iov_count_rx(void *map, __u32 index, __u32 bytes)
{
	struct iov_counters *counters = bpf_map_lookup_elem(map, &index);

	if (!counters)
		return;
	counters->rx_packets++;
	counters->rx_bytes += bytes;
}

static __always_inline void iov_count_tx(void *map, __u32 index, __u32 bytes)
{
	struct iov_counters *counters = bpf_map_lookup_elem(map, &index);

	if (!counters)
		return;
	counters->tx_packets++;
	counters->tx_bytes += bytes;
}

#endif
