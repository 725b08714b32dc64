/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * flood: a copy to every local member of a multicast group (of two, one after the other, if pkt->other_group says so) but the port the packet came from, then on to FLOOD_REMOTE for the
 * other chassis, unless the packet came from one (its sender has served them all) or from a localport.
 *
 * A pass takes CHUNKS_A_PASS chunks of members and jumps to itself for more: the kernel allows 33 tail calls, which makes
 * some 12,000 ports of one switch on one chassis.
 */
#include <iov/chain.h>
#include <iov/deliver.h>
#include <iov/group.h>
#include <iov/security.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define CHUNKS_A_PASS 8

/*
 * A copy out of the device of a port, with its tag, which comes off again. Returns 0, or a negative number.
 *
 * Under a tag, one that the frame has of its own changes places: the kernel holds the outermost beside the frame and the next
 * one in it, and takes that out when the outermost goes.
 */
static __always_inline int clone_to(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_port *port)
{
	__u32 beside = ctx->vlan_present;
	int error;

	if (!(port->flags & IOV_PORT_VLAN))
		return iov_tracing ? 0 : bpf_clone_redirect(ctx, port->ifindex, 0);
	error = iov_tag(ctx, port);
	if (error)
		return error;
	error = iov_tracing ? 0 : bpf_clone_redirect(ctx, port->ifindex, 0);
	bpf_skb_vlan_pop(ctx);
	if (beside != ctx->vlan_present) {
		__u32 moved = beside ? IOV_VLAN_LENGTH : -IOV_VLAN_LENGTH;

		pkt->l3_offset += moved;
		if (pkt->l4_offset)
			pkt->l4_offset += moved;
	}
	return error;
}

/*
 * A copy to one member, unless it is the one that gets none; 0. A global function, which the verifier looks at once and not again for each
 * member: that was a third of the time which an agent takes to start.
 */
IOV_GLOBAL int iov_flood_copy(struct __sk_buff *ctx, __u32 number)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_port *port = iov_port_lookup(number);
	__u32 reason, length = ctx->len;

	if (!pkt || !port || number == pkt->out_port)
		return 0;
	reason = iov_port_refuses(port, pkt);
	if (reason == IOV_DROP_LOCALPORT)
		return 0;
	/* Only unknown unicast is checked here; frames to multicast MACs never are (ovn-behaviour.md 2, 3). */
	if (!reason && port->flags & IOV_PORT_SECURITY && !(pkt->flags & IOV_PKT_MULTICAST))
		reason = iov_security_egress(pkt, port, number);
	if (!reason && clone_to(ctx, pkt, port))
		reason = IOV_DROP_NO_MEMORY;
	if (reason) {
		iov_count_drop(ctx, pkt, reason, number);
		return 0;
	}
	pkt->copies++;
	iov_count_tx(&iov_port_counters, number, length);
	iov_trace_note(IOV_TRACE_COPY, 0, number, iov_trace_key(pkt));
	return 0;
}

IOV_PROGRAM(iov_flood)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_group_key key;
	struct iov_group *group;
	__u32 chunks;
	__u16 generation;

	if (!pkt)
		return TC_ACT_SHOT;
	if (!pkt->chunk)
		iov_trace_note(IOV_TRACE_MODULE, IOV_SLOT_FLOOD, 0, 0);
	pkt->uncacheable = 1;
	chunks = iov_group_head(&key, pkt, IOV_GROUP_LOCAL, &generation);
	for (__u32 pass = 0; pass < CHUNKS_A_PASS && pkt->chunk < chunks; pass++) {
		group = iov_group_next(&key, pkt, generation);
		if (!group)
			continue;
		for (__u32 i = 0; i < IOV_GROUP_CHUNK && i < group->count; i++)
			iov_flood_copy(ctx, group->members[i]);
	}
	if (pkt->chunk < chunks)
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
	pkt->chunk = 0;
	if (iov_unlikely(iov_group_turn(pkt)))
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
	if (!(pkt->flags & (IOV_PKT_FROM_TUNNEL | IOV_PKT_FROM_LOCALPORT)))
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	return iov_group_done(ctx, pkt);
}
