/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the programs tell the agent. Lost when the ring buffer is full: traffic repeats it. */
#ifndef IOV_EVENT_H
#define IOV_EVENT_H

#include "chain.h"
#include "ethernet.h"

/* Of iov_learning.told, units of 2^20 ns: a second, and a sixteenth of one. */
#define IOV_TOLD_SECOND 954
#define IOV_TOLD_MOVE 60

/* A key of iov_learning that is no MAC that anybody sends from. */
static __always_inline __u64 iov_learning_key(__u16 datapath, __u8 what, __u16 number)
{
	__u8 mac[8] __attribute__((aligned(8))) = { what, 0, 0, 0, number >> 8, number & 0xff };

	return iov_mac_key(datapath, mac);
}
#define IOV_LEARNING_VIRTUAL 1
#define IOV_LEARNING_RARP 3
#define IOV_LEARNING_MCAST 5

/*
 * Tell of the packet, unless that was done lately: of `about` (a key of iov_learning) once a second, and when it has moved to
 * another port, sixteen times. The packets in between are looked up and no more.
 */
static __always_inline void iov_tell(const struct iov_packet *pkt, __u16 port_key, __u32 kind, __u16 key, __u64 about)
{
	struct iov_learning *last = bpf_map_lookup_elem(&iov_learning, &about);
	struct iov_learning told = { .port_key = port_key, .told = bpf_ktime_get_coarse_ns() >> 20 };
	struct iov_event event = {};

	if (last && told.told - last->told < (last->port_key == port_key ? IOV_TOLD_SECOND : IOV_TOLD_MOVE))
		return;
	if (iov_tracing) {
		iov_trace_note(IOV_TRACE_EVENT, kind, pkt->in_port, pkt->datapath << 16 | key);
		return;
	}
	event.kind = kind;
	event.port = pkt->in_port;
	event.datapath = pkt->datapath;
	event.port_key = port_key;
	event.key = key;
	iov_mac_copy(event.mac, pkt->eth_src);
	if (!bpf_ringbuf_output(&iov_events, &event, sizeof(event), 0))
		bpf_map_update_elem(&iov_learning, &about, &told, BPF_ANY);
}

#endif
