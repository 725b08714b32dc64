/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Multicast groups as they lie in iov_groups. */
#ifndef IOV_GROUP_H
#define IOV_GROUP_H

#include "drop.h"
#include "maps.h"
#include "types.h"

/*
 * Begins to walk over the group the packet goes to, or goes on with it: `key` becomes that of its head chunk. Returns how many chunks it has (0: there
 * is no such group), and in `generation` that of those behind the head.
 */
static __always_inline __u32 iov_group_head(struct iov_group_key *key, const struct iov_packet *pkt, __u8 scope, __u16 *generation)
{
	const struct iov_group *head;

	key->datapath = pkt->datapath;
	key->group = pkt->group;
	key->generation = 0;
	key->chunk = 0;
	key->scope = scope;
	head = bpf_map_lookup_elem(&iov_groups, key);
	*generation = head ? head->generation : 0;
	return head ? head->chunks : 0;
}

/* The chunk that the packet comes to next; NULL: it is gone. The head is at generation 0, those behind it at the generation it names. */
static __always_inline struct iov_group *iov_group_next(struct iov_group_key *key, struct iov_packet *pkt, __u16 generation)
{
	__u8 chunk = pkt->chunk++;

	key->chunk = chunk;
	key->generation = chunk ? generation : 0;
	return bpf_map_lookup_elem(&iov_groups, key);
}

/* What FLOOD is to do: one group or two (`other`, 0: none), but not the port `except` (0: all). */
static __always_inline void iov_group_choose(struct iov_packet *pkt, __u16 group, __u16 other, __u32 except)
{
	pkt->out_port = except;
	pkt->group = group;
	pkt->egress_key = group;
	pkt->other_group = other;
	pkt->turn = 0;
	pkt->resume = 0;
}

/* From the one group to the other, if the flood serves two; 0 when it has served both, and it is at the first again. */
static __always_inline int iov_group_turn(struct iov_packet *pkt)
{
	__u16 group = pkt->group;

	if (!pkt->other_group)
		return 0;
	pkt->group = pkt->other_group;
	pkt->egress_key = pkt->other_group;
	pkt->other_group = group;
	pkt->turn ^= 1;
	return pkt->turn;
}

/* After the last member. Reasons why members did not get it are counted already. */
static __always_inline int iov_group_done(struct __sk_buff *ctx, struct iov_packet *pkt)
{
	return pkt->copies || pkt->drop ? iov_consumed() : iov_drop(ctx, pkt, IOV_DROP_EMPTY_GROUP);
}

#endif
