/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * tunnel: VXLAN and Geneve between chassis, written by the module itself, without a tunnel device.
 *
 *   iov_encap         a unicast frame to one chassis
 *   iov_flood_remote  a frame to every remote member of a multicast group
 *   iov_flood_fits    before that, of unicast: is it too big for one of them?
 *   iov_uplink        tc ingress of an underlay device: ours is unpacked and delivered, the rest is the host's
 *   iov_path_mtu      ICMP among that rest: routers say what fits (path_mtu.h)
 *
 * iov_encap and iov_uplink do what is common (straight.h), and leave the rest to iov_encap_any and iov_uplink_any.
 */
#include <iov/chain.h>
#include <iov/checksum.h>
#include <iov/encap.h>
#include <iov/group.h>
#include <iov/ip.h>
#include <iov/outer.h>
#include <iov/parse.h>
#include <iov/toobig.h>
#include "path_mtu.h"
#include "straight.h"
#include "tunnel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Next hops of a tunnel that a flow is tried on; the agent writes no more. */
#define WAYS 8

/* The row of the next hop that the flow goes by (iov_tunnel.share). A row that is not there yet leaves it with the one before. */
static __always_inline struct iov_tunnel *way_of(struct iov_tunnel *tunnel, const struct iov_packet *pkt)
{
	struct iov_tunnel *other;
	__u32 flow;

	if (!iov_unlikely(tunnel->share))
		return tunnel;
	flow = iov_flow_port(pkt) & 0x3fff;
#pragma unroll
	for (int i = 1; i < WAYS; i++) {
		if (!tunnel->share || flow < tunnel->share)
			break;
		other = tunnel_lookup(tunnel->other);
		if (!other || !(other->flags & IOV_TUNNEL_VALID))
			break;
		tunnel = other;
	}
	return tunnel;
}

/* IOV_KIND_GENEVE, IOV_KIND_IP6. */
static __always_inline __u32 kind_of(const struct iov_tunnel *tunnel)
{
	return (tunnel->flags & IOV_TUNNEL_GENEVE ? IOV_KIND_GENEVE : 0) | (tunnel->flags & IOV_TUNNEL_IP6 ? IOV_KIND_IP6 : 0);
}

static __always_inline __u32 header_length(__u32 kind)
{
	return (kind & IOV_KIND_IP6 ? IOV_OUTER6_VXLAN_LENGTH : IOV_OUTER_VXLAN_LENGTH) +
	       (kind & IOV_KIND_GENEVE ? IOV_GENEVE_LENGTH - IOV_VXLAN_LENGTH : 0);
}

static __always_inline int is_ip(struct __sk_buff *ctx)
{
	return ctx->protocol == bpf_htons(ETH_P_IP) || ctx->protocol == bpf_htons(ETH_P_IPV6);
}

/* Write the outer header and the inner MACs and type behind it, in one go. `header` must be a constant. */
static __always_inline int write_headers4(struct __sk_buff *ctx, const struct iov_packet *pkt, const struct iov_tunnel *tunnel,
					  const struct iov_outer_facts *facts, __be16 type, const __u32 header)
{
	__u64 words[IOV_OUTER_WORDS];

	iov_outer_fill4(words, tunnel, facts, iov_outer_length(ctx), iov_outer_checksum_mask(tunnel, facts));
	iov_inner_fill4(words + header / 8, pkt, type);
	return bpf_skb_store_bytes(ctx, 0, words, header + IOV_ETHERNET_LENGTH, 0);
}

static __always_inline int write_headers6(struct __sk_buff *ctx, const struct iov_packet *pkt, const struct iov_tunnel *tunnel,
					  const struct iov_outer_facts *facts, __be16 type, const __u32 header)
{
	__u64 words[IOV_OUTER_WORDS];

	iov_outer_fill6(words, tunnel, facts, iov_outer_length(ctx), iov_outer_checksum_mask(tunnel, facts));
	iov_inner_fill6(words + header / 8, pkt, type);
	return bpf_skb_store_bytes(ctx, 0, words, header + IOV_ETHERNET_LENGTH, 0);
}

/* The largest inner IP packet that fits, for whoever is told. */
static __always_inline void note_mtu(struct iov_packet *pkt, const struct iov_tunnel *tunnel, __u32 tag, __u32 header)
{
	__u32 others = header - IOV_OUTER_IP + pkt->l3_offset + tag;

	pkt->mtu = tunnel->mtu > others ? tunnel->mtu - others : 0;
}

/* The reason why it cannot be done, or IOV_DROP_NONE. */
static __always_inline __u32 encapsulate(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_tunnel *tunnel)
{
	__u32 kind = kind_of(tunnel), header = header_length(kind), tag = 0;
	struct iov_outer_facts facts;
	__be16 type;
	int error, nested = 0;
	__u16 sum = 0;

	if (!(tunnel->flags & IOV_TUNNEL_VALID))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	/* The kernel can find the next hop of an IP packet for us; others wait for the agent to do so. */
	if (!(tunnel->flags & IOV_TUNNEL_RESOLVED) && !is_ip(ctx))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	if (!iov_outer_keys(&facts.keys, pkt, kind & IOV_KIND_GENEVE))
		return IOV_DROP_TUNNEL_KEY;
	if (pkt->flags & IOV_PKT_VLAN && ctx->vlan_present)
		tag = IOV_VLAN_LENGTH;
	if (iov_unlikely(iov_outer_ip_length(ctx, pkt, tag, header) > tunnel->mtu)) {
		note_mtu(pkt, tunnel, tag, header);
		return IOV_DROP_TUNNEL_MTU;
	}
	facts.source_port = iov_outer_source_port(pkt);
	facts.tos = iov_inner_tos(pkt);
	facts.id = tunnel->flags & IOV_TUNNEL_FRAGMENTS ? bpf_get_prandom_u32() : 0;
	facts.summed = 0;
	if (iov_wants_checksum(tunnel))
		facts.summed = iov_sum_inner(ctx, pkt, &sum);
	facts.sum = sum;
	if (iov_outer_room(ctx, pkt, header, &type, &nested))
		return IOV_DROP_TUNNEL_ENCAP_FAILED;
	if (iov_unlikely(nested))
		facts.summed = 0;
	if (!(kind & IOV_KIND_IP6)) {
		if (kind & IOV_KIND_GENEVE)
			error = write_headers4(ctx, pkt, tunnel, &facts, type, IOV_OUTER_GENEVE_LENGTH);
		else
			error = write_headers4(ctx, pkt, tunnel, &facts, type, IOV_OUTER_VXLAN_LENGTH);
	} else if (kind & IOV_KIND_GENEVE) {
		error = write_headers6(ctx, pkt, tunnel, &facts, type, IOV_OUTER6_GENEVE_LENGTH);
	} else {
		error = write_headers6(ctx, pkt, tunnel, &facts, type, IOV_OUTER6_VXLAN_LENGTH);
	}
	return error ? IOV_DROP_TUNNEL_ENCAP_FAILED : IOV_DROP_NONE;
}

/* It does not fit: counted, and where it came from a machine here, that is told. */
static __always_inline int too_big(struct __sk_buff *ctx, struct iov_packet *pkt)
{
	iov_count_drop(ctx, pkt, IOV_DROP_TUNNEL_MTU, pkt->in_port);
	bpf_tail_call_static(ctx, &iov_programs, IOV_SLOT_TOO_BIG);
	return iov_consumed();
}

IOV_PROGRAM(iov_encap)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	int action = NOT_COMMON;

	if (!pkt)
		return TC_ACT_SHOT;
	if (!iov_tracing)
		action = encap_common(ctx, pkt);
	if (iov_unlikely(action == NO_HEADER))
		return iov_drop(ctx, pkt, IOV_DROP_TUNNEL_ENCAP_FAILED);
	if (iov_unlikely(action == NOT_COMMON))
		return iov_next(ctx, pkt, IOV_SLOT_ENCAP_ANY);
	return action;
}

IOV_PROGRAM(iov_encap_any)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_ENCAP);
	struct iov_tunnel *tunnel;
	__u32 number, reason = IOV_DROP_TUNNEL_UNRESOLVED;

	if (!pkt)
		return TC_ACT_SHOT;
	if (iov_unlikely(pkt->flags & IOV_PKT_FROM_LOCALPORT))
		return iov_drop(ctx, pkt, IOV_DROP_LOCALPORT);
	number = pkt->tunnel;
	tunnel = tunnel_lookup(number);
	if (tunnel)
		tunnel = way_of(tunnel, pkt);
	if (tunnel)
		reason = encapsulate(ctx, pkt, tunnel);
	if (!tunnel || reason) {
		count_not_sent(number);
		if (reason == IOV_DROP_TUNNEL_MTU)
			return too_big(ctx, pkt);
		return iov_drop(ctx, pkt, reason);
	}
	count_sent(number, ctx->len - pkt->room);
	iov_trace_note(IOV_TRACE_TUNNEL, number, 0, iov_trace_key(pkt));
	if (tunnel->flags & IOV_TUNNEL_RESOLVED)
		return bpf_redirect(tunnel->ifindex, 0);
	return bpf_redirect_neigh(tunnel->ifindex, 0, 0, 0);
}

/*
 * A flood serves one kind of tunnels after the other, by the length of their headers, so that the room in front of the frame
 * only ever grows. The first round notes which others there are (iov_packet.kinds, where the
 * bit of kind 0 says that the flood has begun).
 */
#define KIND_MASK 0xf
#define KIND_SEEN(kind) (0x10 << (kind))

/* Of members, before iov_flood_remote jumps to itself: with 33 tail calls a packet, some 12,000 other chassis. */
#define CHUNKS_A_PASS 8

/* What is the same for every member of a round. In a map, where iov_flood_copy_remote() finds it. */
struct round {
	struct iov_outer_facts facts;
	__u32 keys_fit;
	__u32 kind;
	__u32 header;    /* length of the outer header */
	__u32 ip_length; /* of the outer IP packet */
	__u32 length;    /* of the frame with room for it, as far as lengths can say */
	__u32 least;     /* of all tunnels (iov_flood_fits): what their MTU has beside the header, if that is less than the frame needs */
	__u32 no_room;   /* IOV_DROP_TUNNEL_ENCAP_FAILED: the kernel refused it */
	__u64 words[16]; /* the outer header of the member in hand; room for what the verifier thinks it may be long */
};

IOV_MAP(iov_round, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct round, 1, 0);

static __always_inline void begin_round(struct round *round, struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	__u32 tag = !pkt->room && pkt->flags & IOV_PKT_VLAN && ctx->vlan_present ? IOV_VLAN_LENGTH : 0;
	__u32 kind = pkt->kinds & (IOV_KINDS - 1);

	round->kind = kind;
	round->header = header_length(kind);
	round->ip_length = iov_outer_ip_length(ctx, pkt, tag, round->header);
	round->length = iov_outer_length(ctx);
	if (!pkt->chunk && !pkt->resume)
		round->no_room = IOV_DROP_NONE;
	round->keys_fit = iov_outer_keys(&round->facts.keys, pkt, kind & IOV_KIND_GENEVE);
}

/* What is the same in all rounds. */
static __always_inline void begin_flood(struct round *round, struct __sk_buff *ctx, struct iov_packet *pkt)
{
	__u16 sum = 0;

	pkt->mtu = 0;
	round->facts.source_port = iov_outer_source_port(pkt);
	round->facts.tos = iov_inner_tos(pkt);
	round->facts.id = bpf_get_prandom_u32();
	round->facts.summed = iov_sum_inner(ctx, pkt, &sum);
	round->facts.sum = sum;
}

static __always_inline int make_room(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 header, struct round *round)
{
	__u64 inner[2] = {};
	int nested = 0;
	__be16 type;

	if (pkt->room) {
		if (ctx->gso_size || bpf_skb_change_head(ctx, header - pkt->room, 0))
			return -1;
		pkt->room = header;
		return 0;
	}
	if (iov_outer_room(ctx, pkt, header, &type, &nested))
		return -1;
	if (nested)
		round->facts.summed = 0;
	iov_inner_fill4(inner, pkt, type);
	return bpf_skb_store_bytes(ctx, header, (__u8 *)inner + 2, IOV_ETHERNET_LENGTH, 0);
}

static __always_inline struct round *round_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&iov_round, &zero);
}

/* Not a reason to drop: the flood must make room first. */
#define WANTS_ROOM IOV_DROP_COUNT

static __always_inline __u32 copy_to_tunnel(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 number, struct round *round)
{
	struct iov_tunnel *tunnel = tunnel_lookup(number);
	__u32 header = round->header, kind;
	__be16 mask;

	if (!tunnel)
		return IOV_DROP_TUNNEL_UNRESOLVED;
	kind = kind_of(tunnel);
	if (kind != round->kind) {
		if (!(pkt->kinds & KIND_MASK))
			pkt->kinds |= KIND_SEEN(kind);
		return IOV_DROP_NONE;
	}
	if ((tunnel->flags & (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED)) != (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	if (!round->keys_fit)
		return IOV_DROP_TUNNEL_KEY;
	if (round->ip_length > tunnel->mtu)
		return IOV_DROP_TUNNEL_MTU;
	if (pkt->room != header)
		return round->no_room ? round->no_room : WANTS_ROOM;
	mask = iov_outer_checksum_mask(tunnel, &round->facts);
	if (kind & IOV_KIND_IP6)
		iov_outer_fill6(round->words, tunnel, &round->facts, round->length, mask);
	else
		iov_outer_fill4(round->words, tunnel, &round->facts, round->length, mask);
	/* For the verifier, which does not know what the map holds: it is one of the four lengths, in a way that kernels before 6.8
	 * understand (they lose the bounds of a 32-bit value on the stack). */
	_Static_assert((IOV_OUTER_VXLAN_LENGTH & IOV_OUTER_GENEVE_LENGTH & IOV_OUTER6_VXLAN_LENGTH &
			IOV_OUTER6_GENEVE_LENGTH) == 2, "bit 1 is set in all of them, and it alone");
	header = 2 | (header & 0x7c);
	if (bpf_skb_store_bytes(ctx, 0, round->words, header, 0))
		return IOV_DROP_TUNNEL_ENCAP_FAILED;
	if (!iov_tracing && bpf_clone_redirect(ctx, tunnel->ifindex, 0))
		return IOV_DROP_NO_MEMORY;
	pkt->copies++;
	count_sent(number, ctx->len - header);
	iov_trace_note(IOV_TRACE_TUNNEL_COPY, number, 0, iov_trace_key(pkt));
	return IOV_DROP_NONE;
}

/* A copy to one chassis, if its tunnel is of the kind that this round serves. Returns 0, or 1 when room for its header must be made first. */
IOV_GLOBAL int iov_flood_copy_remote(struct __sk_buff *ctx, __u32 number)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct round *round = round_of_cpu();
	__u32 reason;

	if (!pkt || !round)
		return 0;
	reason = copy_to_tunnel(ctx, pkt, number, round);
	if (iov_unlikely(reason == WANTS_ROOM))
		return 1;
	if (reason) {
		count_not_sent(number);
		iov_count_drop(ctx, pkt, reason, pkt->in_port);
	}
	return 0;
}

/* To the next kind of tunnels that was seen; 0 when there is none. */
static __always_inline int next_round(struct iov_packet *pkt)
{
	__u32 kinds = pkt->kinds, kind = kinds & KIND_MASK;

	for (__u32 next = 1; next < IOV_KINDS; next++) {
		if (next <= kind || !(kinds & KIND_SEEN(next)))
			continue;
		pkt->kinds = (kinds & ~KIND_MASK) | next;
		return 1;
	}
	return 0;
}

/* Of members, before iov_flood_fits jumps to itself; the verifier allows 8192 jumps in a row, and four times as many would be more. */
#define FITS_CHUNKS_A_PASS 16

/* Notes the tunnel if it is the narrowest so far; 0. Without a route the MTU is 0, and the room is more than enough. */
IOV_GLOBAL int iov_flood_look(__u32 number)
{
	struct iov_tunnel *tunnel = tunnel_lookup(number);
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct round *round = round_of_cpu();
	__u32 room;

	if (!tunnel || !pkt || !round)
		return 0;
	room = tunnel->mtu - tunnel->header_length;
	if (room < round->least) {
		round->least = room;
		pkt->tunnel = number;
	}
	return 0;
}

/*
 * The receiver of unicast may be behind any of the tunnels, and its sender must know what fits there. So when there is one that it
 * does not fit, no other chassis gets it, and the sender is told the least of what fits: to the packets that it sends then, this does
 * not happen. What nobody may be told of does not come here, and reaches where it fits.
 */
IOV_PROGRAM(iov_flood_fits)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct round *round = round_of_cpu();
	__u32 chunks, tag, length, room;
	struct iov_group_key key;
	struct iov_group *group;
	__u16 generation;

	if (!pkt || !round)
		return TC_ACT_SHOT;
	tag = pkt->flags & IOV_PKT_VLAN && ctx->vlan_present ? IOV_VLAN_LENGTH : 0;
	/* Of the inner frame: what the MTU must have beside the header, whose length counts the outer Ethernet header. */
	length = iov_outer_ip_length(ctx, pkt, tag, 0);
	if (!pkt->chunk)
		round->least = length;
	chunks = iov_group_head(&key, pkt, IOV_GROUP_REMOTE, &generation);
	for (__u32 pass = 0; pass < FITS_CHUNKS_A_PASS && pkt->chunk < chunks; pass++) {
		group = iov_group_next(&key, pkt, generation);
		if (!group)
			continue;
		for (__u32 i = 0; i < IOV_GROUP_CHUNK && i < group->count; i++)
			iov_flood_look(group->members[i]);
	}
	if (pkt->chunk < chunks)
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_FITS);
	pkt->chunk = 0;
	if (iov_unlikely(round->least < length)) {
		room = round->least + IOV_OUTER_IP;
		pkt->mtu = room > pkt->l3_offset + tag ? room - pkt->l3_offset - tag : 0;
		count_not_sent(pkt->tunnel);
		return too_big(ctx, pkt);
	}
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
}

IOV_PROGRAM(iov_flood_remote)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_group_key key;
	struct iov_group *group;
	struct round *round = round_of_cpu();
	__u32 chunks;
	__u16 generation;

	if (!pkt || !round)
		return TC_ACT_SHOT;
	if (!pkt->kinds) {
		iov_trace_note(IOV_TRACE_MODULE, IOV_SLOT_FLOOD_REMOTE, 0, 0);
		begin_flood(round, ctx, pkt);
		pkt->kinds = KIND_SEEN(0);
		if (iov_may_be_answered(ctx, pkt))
			return iov_next(ctx, pkt, IOV_SLOT_FLOOD_FITS);
	}
	begin_round(round, ctx, pkt);
	chunks = iov_group_head(&key, pkt, IOV_GROUP_REMOTE, &generation);
	for (__u32 pass = 0; pass < CHUNKS_A_PASS && pkt->chunk < chunks; pass++) {
		group = iov_group_next(&key, pkt, generation);
		if (!group)
			continue;
		for (__u32 i = 0; i < IOV_GROUP_CHUNK && i < group->count; i++) {
			if (i < pkt->resume)
				continue;
			if (iov_unlikely(iov_flood_copy_remote(ctx, group->members[i]))) {
				pkt->chunk--;
				goto room;
			}
			pkt->resume = i + 1;
		}
		pkt->resume = 0;
	}
	if (pkt->chunk < chunks)
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	pkt->chunk = 0;
	if (iov_unlikely(iov_group_turn(pkt)))
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	if (next_round(pkt))
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	return iov_group_done(ctx, pkt);

room:
	if (make_room(ctx, pkt, round->header, round))
		round->no_room = IOV_DROP_TUNNEL_ENCAP_FAILED;
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
}

/* What was read of a tunnel packet, before its outer header goes. */
struct arrival {
	struct tunnel_header header;
	__u8 macs[12]; /* with type: the inner Ethernet header */
	__be16 type;
	__u16 ingress; /* key of the port it came from; 0: VXLAN does not say */
};

/*
 * Take `header` bytes off the front, all but the inner MACs and type, `inner`.
 *
 * The kernel keeps the outer packet's protocol for the frame; one of GSO it would then cut as of the other family. change_proto
 * is the one helper that sets another: behind the outer MACs, which go with the rest, it puts 20 bytes for IPv6, and takes them
 * off for IPv4.
 *
 * adjust_room wants 20 bytes (of what the kernel takes for IPv6: 40) behind the inner header. Shorter frames get the padding
 * that Ethernet asks for, if they are of a protocol whose headers fit at all.
 */
static __always_inline __u32 unpack(struct __sk_buff *ctx, __u32 header, const struct arrival *inner, const int ip6)
{
	__u32 payload = ctx->len - header - IOV_ETHERNET_LENGTH;

	if (inner->type == bpf_htons(ETH_P_IPV6)) {
		if (payload < 40)
			return IOV_DROP_MALFORMED;
		if (!ip6) {
			if (bpf_skb_change_proto(ctx, bpf_htons(ETH_P_IPV6), 0))
				return IOV_DROP_NO_MEMORY;
			header += 20;
		}
	} else if (inner->type == bpf_htons(ETH_P_IP)) {
		if (iov_unlikely(payload < 20))
			return IOV_DROP_MALFORMED;
		if (ip6) {
			if (bpf_skb_change_proto(ctx, bpf_htons(ETH_P_IP), 0))
				return IOV_DROP_NO_MEMORY;
			header -= 20;
		}
	} else if (iov_unlikely(payload < (ip6 ? 40 : 20))) {
		if (bpf_skb_change_tail(ctx, header + ETH_ZLEN, 0))
			return IOV_DROP_NO_MEMORY;
	}
	if (bpf_skb_adjust_room(ctx, -(__s32)header, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_store_bytes(ctx, 0, inner->macs, IOV_ETHERNET_LENGTH, BPF_F_INVALIDATE_HASH))
		return IOV_DROP_NO_MEMORY;
	return IOV_DROP_NONE;
}

/* The outer header, as far as it concerns the tunnel. */
struct outer {
	__u32 pseudo_sum;   /* of addresses and protocol, for the UDP checksum */
	__u32 length;       /* of the IP packet, by its own word */
	__u32 port;         /* of IOV_VXLAN_PORT and IOV_GENEVE_PORT the one it goes to */
	__u16 udp_length;
	__u16 udp_checksum;
	__u8 tos;
	__u8 well_formed;   /* no options, extension headers or fragment; over IPv4, a right header checksum */
	__u8 fragment;      /* the first of several, over IPv4 */
};

static __always_inline __u32 tunnel_port_of(__be16 port)
{
	port = bpf_ntohs(port);
	return port == IOV_VXLAN_PORT || port == IOV_GENEVE_PORT ? port : 0;
}

static __always_inline void read_udp(struct outer *outer, const struct iov_udp_header *udp)
{
	outer->port = tunnel_port_of(udp->destination);
	outer->udp_length = bpf_ntohs(udp->length);
	outer->udp_checksum = udp->checksum;
}

/* Returns 0 when it is no tunnel packet, whoever is at its addresses. */
static __always_inline int read_outer4(struct __sk_buff *ctx, const struct iov_ip4_header *ip, struct outer *outer)
{
	__be16 port;

	if (ip->protocol != IPPROTO_UDP || ip->version_ihl >> 4 != 4 || ip->fragment & bpf_htons(IOV_IP4_OFFSET_MASK))
		return 0;
	read_udp(outer, (const void *)(ip + 1));
	/* IP options: the port lies further back. */
	if (iov_unlikely(ip->version_ihl != 0x45)) {
		if (!bpf_skb_load_bytes(ctx, IOV_OUTER_IP + ((ip->version_ihl & 0xf) << 2) + 2, &port, sizeof(port)))
			outer->port = tunnel_port_of(port);
	}
	if (!outer->port)
		return 0;
	outer->fragment = !!(ip->fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK));
	outer->well_formed = ip->version_ihl == 0x45 && !outer->fragment && iov_ip4_sum(ip) == 0xffff;
	outer->tos = ip->tos;
	outer->length = bpf_ntohs(ip->total_length);
	outer->pseudo_sum = iov_fold((__u64)ip->source + ip->destination + bpf_htons(IPPROTO_UDP));
	return 1;
}

/* Behind how many extension headers a tunnel packet is looked for: none is ours, but it must not get past. */
#define MAX_EXTENSIONS 8

/* The port behind extension headers, if that is UDP; 0: it is not, or it is a later fragment. */
static __always_inline __u32 port_behind_extensions(struct __sk_buff *ctx, __u8 next)
{
	__u32 offset = IOV_OUTER_UDP6;
	__u8 header[8] __attribute__((aligned(2)));

	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (next == IPPROTO_UDP)
			return bpf_skb_load_bytes(ctx, offset, header, 4) ? 0 : tunnel_port_of(*(__be16 *)(header + 2));
		if (!iov_is_extension(next) || bpf_skb_load_bytes(ctx, offset, header, sizeof(header)))
			return 0;
		if (next == IOV_IP6_FRAGMENT) {
			if (bpf_ntohs(*(__be16 *)(header + 2)) >> 3)
				return 0;
			offset += sizeof(header);
		} else if (next == IOV_IP6_AUTHENTICATION) {
			offset += ((__u32)header[1] + 2) << 2;
		} else {
			offset += ((__u32)header[1] + 1) << 3;
		}
		next = header[0];
	}
	return 0;
}

static __always_inline int read_outer6(struct __sk_buff *ctx, const struct iov_ip6_header *ip, struct outer *outer)
{
	const __u64 *addresses = (const __u64 *)ip->source;
	__u32 first = bpf_ntohl(ip->version_class_label);

	if (first >> 28 != 6)
		return 0;
	outer->fragment = 0;
	outer->well_formed = ip->next_header == IPPROTO_UDP;
	outer->tos = first >> 20;
	outer->length = bpf_ntohs(ip->payload_length) + sizeof(*ip);
	outer->pseudo_sum = iov_fold(iov_halves(addresses[0]) + iov_halves(addresses[1]) + iov_halves(addresses[2]) +
				     iov_halves(addresses[3]) + bpf_htons(IPPROTO_UDP));
	read_udp(outer, (const void *)(ip + 1));
	if (iov_unlikely(!outer->well_formed))
		outer->port = port_behind_extensions(ctx, ip->next_header);
	return outer->port;
}

/*
 * The sum of what is inside as a device would finish it: TCP or UDP that has only the sum of its pseudo header (CHECKSUM_PARTIAL) comes
 * from a machine whose frames no device has touched, such as one on this host. Returns 0 when it is not so. `frame` is where
 * the inner frame begins; *length: the bytes up to the segment, *segment: what the segment will sum up to.
 */
static __always_inline int unfinished_inside(struct __sk_buff *ctx, __u32 frame, __u32 *length, __u16 *segment)
{
	__u32 l3 = frame + IOV_ETHERNET_LENGTH, l4, field = 0;
	struct iov_ip4_header ip4;
	struct iov_ip6_header ip6;
	__u16 checksum;
	__be16 type;
	__u64 sum;
	__u8 proto;

	if (bpf_skb_load_bytes(ctx, l3 - 2, &type, sizeof(type)))
		return 0;
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		l3 += IOV_VLAN_LENGTH;
		if (bpf_skb_load_bytes(ctx, l3 - 2, &type, sizeof(type)))
			return 0;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(ctx, l3, &ip4, sizeof(ip4)) || ip4.version_ihl != 0x45 ||
		    ip4.fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK))
			return 0;
		l4 = l3 + sizeof(ip4);
		proto = ip4.protocol;
		sum = (__u64)ip4.source + ip4.destination + bpf_htons(bpf_ntohs(ip4.total_length) - sizeof(ip4));
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(ctx, l3, &ip6, sizeof(ip6)) || bpf_skb_load_bytes(ctx, l3 + 4, &type, sizeof(type)))
			return 0;
		const __u64 *addresses = (const __u64 *)&ip6.source;

		l4 = l3 + sizeof(ip6);
		proto = ip6.next_header;
		sum = iov_halves(addresses[0]) + iov_halves(addresses[1]) + iov_halves(addresses[2]) +
		      iov_halves(addresses[3]) + type;
	} else {
		return 0;
	}
	if (proto == IPPROTO_TCP)
		field = 16;
	else if (proto == IPPROTO_UDP)
		field = 6;
	if (!field || bpf_skb_load_bytes(ctx, l4 + field, &checksum, sizeof(checksum)))
		return 0;
	*segment = iov_fold(sum + bpf_htons(proto));
	if (checksum != *segment)
		return 0;
	*segment ^= 0xffff;
	*length = l4;
	return 1;
}

/* Does the packet sum up right from its UDP header on? `sum` is that of the pseudo header. Returns 1 or 0. */
IOV_GLOBAL int iov_sums_up(struct __sk_buff *ctx, __u32 sum, __u32 udp, __u32 header)
{
	__u32 l4 = 0;
	__u16 segment, headers;

	/* The chance of a field that looks unfinished and is not is one in 65,536. */
	if (unfinished_inside(ctx, header, &l4, &segment) && !iov_sum_part(ctx, udp, l4 - udp, &headers) &&
	    iov_fold((__u64)sum + headers + segment) == 0xffff)
		return 1;
	return !iov_sum_frame(ctx, udp, &segment) && iov_fold((__u64)sum + segment) == 0xffff;
}

/*
 * Is the UDP checksum right, or whoever is before us answers for it? That is a device that has checked it, or one that would
 * have filled it in: a peer on this machine leaves the sum of the pseudo header in the field. GSO packets are of either kind.
 */
static __always_inline int checksum_right(struct __sk_buff *ctx, const struct outer *outer, __u32 udp, __u32 header)
{
	__u32 sum = outer->pseudo_sum + bpf_htons(outer->udp_length);

	return ctx->gso_size || bpf_csum_level(ctx, BPF_CSUM_LEVEL_QUERY) >= 0 || iov_fold(sum) == outer->udp_checksum ||
	       iov_sums_up(ctx, sum, udp, header);
}

/* Is the outer packet whole, and its tunnel header one of OVN's? Cuts off what is behind the outer packet. The reason not to
 * take it, or IOV_DROP_NONE. */
static __always_inline __u32 read_arrival(struct __sk_buff *ctx, const struct outer *outer, __u32 udp, __u32 header,
					  struct arrival *arrival, struct iov_tunnel_key *key)
{
	__u32 tunnel = udp + IOV_UDP_LENGTH;

	if (outer->fragment)
		return IOV_DROP_TUNNEL_FRAGMENT;
	if (!outer->well_formed || ctx->len < header + IOV_ETHERNET_LENGTH)
		return IOV_DROP_TUNNEL_MALFORMED;
	/* The lengths of a GSO packet are those of no packet on the wire. */
	if (!ctx->gso_size) {
		if (outer->length > ctx->len - IOV_OUTER_IP || outer->length < header ||
		    outer->udp_length != outer->length - (udp - IOV_OUTER_IP))
			return IOV_DROP_TUNNEL_MALFORMED;
		if (ctx->len > outer->length + IOV_OUTER_IP && bpf_skb_change_tail(ctx, outer->length + IOV_OUTER_IP, 0))
			return IOV_DROP_TUNNEL_MALFORMED;
	}
	if (outer->udp_checksum && iov_unlikely(!checksum_right(ctx, outer, udp, header)))
		return IOV_DROP_TUNNEL_CHECKSUM;
	if (bpf_skb_load_bytes(ctx, header, arrival->macs, IOV_ETHERNET_LENGTH))
		return IOV_DROP_TUNNEL_MALFORMED;
	if (outer->port == IOV_GENEVE_PORT)
		return bpf_skb_load_bytes(ctx, tunnel, &arrival->header, 16) ||
				       !read_geneve(&arrival->header, key, &arrival->ingress) ?
			       IOV_DROP_TUNNEL_MALFORMED :
			       IOV_DROP_NONE;
	return bpf_skb_load_bytes(ctx, tunnel, &arrival->header, 8) || !read_vxlan(&arrival->header, key) ?
		       IOV_DROP_TUNNEL_MALFORMED :
		       IOV_DROP_NONE;
}

/* On its way through the underlay the packet was marked: congestion (RFC 6040 4.2, as the kernel's tunnels do it). The mark goes
 * on inside. The reason why it cannot, or IOV_DROP_NONE. */
IOV_GLOBAL int iov_mark_congestion(struct __sk_buff *ctx)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	__u16 old, new;
	__u32 l3;
	int error;

	if (!pkt)
		return IOV_DROP_NO_MEMORY;
	l3 = pkt->l3_offset;
	if (!(pkt->flags & (IOV_PKT_IP4 | IOV_PKT_IP6)))
		return IOV_DROP_NONE;
	if (!(pkt->tos & IOV_ECN_MASK))
		return IOV_DROP_TUNNEL_ECN;
	if (bpf_skb_load_bytes(ctx, l3, &old, sizeof(old)))
		return IOV_DROP_NO_MEMORY;
	if (pkt->flags & IOV_PKT_IP4) {
		new = old | bpf_htons(IOV_ECN_CE);
		error = bpf_l3_csum_replace(ctx, l3 + 10, old, new, sizeof(new)) ||
			bpf_skb_store_bytes(ctx, l3, &new, sizeof(new), 0);
	} else {
		new = old | bpf_htons(IOV_ECN_CE << 4);
		error = bpf_skb_store_bytes(ctx, l3, &new, sizeof(new), BPF_F_RECOMPUTE_CSUM);
	}
	pkt->tos |= IOV_ECN_CE;
	return error ? IOV_DROP_NO_MEMORY : IOV_DROP_NONE;
}

/* Unpack a packet of tunnel `number` and fill in where it goes. The reason not to, or IOV_DROP_NONE. */
static __always_inline __u32 receive(struct __sk_buff *ctx, struct iov_packet *pkt, const struct outer *outer, __u32 number,
				     __u8 *kind, const int ip6)
{
	const __u32 udp = ip6 ? IOV_OUTER_UDP6 : IOV_OUTER_UDP;
	__u32 header = udp + IOV_UDP_LENGTH + (outer->port == IOV_GENEVE_PORT ? IOV_GENEVE_LENGTH : IOV_VXLAN_LENGTH);
	struct iov_tunnel_key key = {};
	struct arrival arrival;
	struct iov_dest *dest;
	struct iov_port *receiver;
	__u32 datapath, reason, *epoch;

	arrival.ingress = 0;
	reason = read_arrival(ctx, outer, udp, header, &arrival, &key);
	if (reason)
		return reason;
	dest = bpf_map_lookup_elem(&iov_tunnel_dests, &key);
	if (!dest || (dest->kind != IOV_DEST_LOCAL && dest->kind != IOV_DEST_GROUP))
		return IOV_DROP_TUNNEL_KEY;
	*kind = dest->kind;
	datapath = dest->index;
	if (*kind == IOV_DEST_GROUP && arrival.ingress) {
		/* A port that is on several chassis hears no flood of its own from another one. */
		struct iov_tunnel_key twin = { .datapath_key = key.datapath_key, .egress_key = arrival.ingress };
		struct iov_dest *own = bpf_map_lookup_elem(&iov_tunnel_dests, &twin);

		if (own && own->kind == IOV_DEST_LOCAL)
			pkt->out_port = own->index;
	}
	pkt->tunnel = number;
	pkt->egress_key = key.egress_key;
	pkt->group = key.egress_key;
	if (*kind == IOV_DEST_LOCAL) {
		receiver = iov_port_lookup(dest->index);
		datapath = receiver ? receiver->datapath : 0;
		if (receiver && receiver->port_key == arrival.ingress)
			return IOV_DROP_SAME_PORT;
		pkt->out_port = dest->index;
		pkt->group = 0;
	}
	pkt->datapath = datapath;
	epoch = bpf_map_lookup_elem(&iov_epochs, &datapath);
	pkt->epoch = epoch ? *epoch : 0;
	pkt->looked_at = IOV_FIELD_IN_PORT;
	pkt->rewrote = 0;
	*(__u64 *)&pkt->copies = 0; /* to kinds */
	pkt->other_group = 0;
	pkt->turn = 0;
	pkt->resume = 0;
	reason = unpack(ctx, header, &arrival, ip6);
	if (reason)
		return reason;
	if (iov_parse(ctx, pkt, IOV_PKT_FROM_TUNNEL) != IOV_PARSE_OK)
		return IOV_DROP_MALFORMED;
	if (iov_unlikely((outer->tos & IOV_ECN_MASK) == IOV_ECN_CE))
		return iov_mark_congestion(ctx);
	return IOV_DROP_NONE;
}

/* Not ours. */
static __always_inline int pass(void)
{
	iov_trace_note(IOV_TRACE_PASS, 0, 0, 0);
	return IOV_PASS;
}

/* Is it of an encapsulation that is spoken with the chassis it comes from? */
static __always_inline int is_spoken(__u32 number, const struct outer *outer)
{
	const struct iov_tunnel *tunnel = tunnel_lookup(number);

	return tunnel && (tunnel->flags & IOV_TUNNEL_EITHER || !!(tunnel->flags & IOV_TUNNEL_GENEVE) == (outer->port == IOV_GENEVE_PORT));
}

/* From here on it is ours, whatever is wrong with it. `number`: NULL when it comes from nobody we know. */
static __always_inline int take(struct __sk_buff *ctx, const struct outer *outer, const __u32 *number, const int ip6)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	__u32 reason = IOV_DROP_TUNNEL_SOURCE, from = number ? *number : 0;
	__u8 kind = 0;

	if (!pkt)
		return TC_ACT_SHOT;
	pkt->in_port = 0;
	pkt->out_port = 0;
	if (number)
		reason = is_spoken(from, outer) ? receive(ctx, pkt, outer, from, &kind, ip6) : IOV_DROP_TUNNEL_TYPE;
	if (reason) {
		if (number)
			count_not_received(from);
		return iov_drop(ctx, pkt, reason);
	}
	count_received(from, ctx->len);
	if (kind == IOV_DEST_LOCAL)
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_OUT);
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
}

/* The host's in any case; of ICMP, only after a look at it. */
static __always_inline int not_tunnel(struct __sk_buff *ctx, int icmp)
{
	if (icmp)
		bpf_tail_call_static(ctx, &iov_programs, IOV_SLOT_PATH_MTU);
	return pass();
}

static __always_inline int uplink6(struct __sk_buff *ctx)
{
	struct iov_tunnel_source6 source;
	struct outer outer;
	struct iov_ip6_header *ip = headers(ctx, IOV_OUTER_UDP6 + IOV_UDP_LENGTH);
	__u32 *number;

	if (!ip)
		return pass();
	ip = (void *)ip + IOV_OUTER_IP;
	if (!read_outer6(ctx, ip, &outer))
		return not_tunnel(ctx, ip->next_header == IPPROTO_ICMPV6);
	__builtin_memcpy(source.remote_ip, ip->source, sizeof(source.remote_ip));
	__builtin_memcpy(source.local_ip, ip->destination, sizeof(source.local_ip));
	number = bpf_map_lookup_elem(&iov_tunnel_sources6, &source);
	if (!number && !bpf_map_lookup_elem(&iov_tunnel_locals6, source.local_ip))
		return pass();
	return take(ctx, &outer, number, 1);
}

static __always_inline int uplink4(struct __sk_buff *ctx)
{
	struct iov_tunnel_source source;
	struct outer outer;
	struct iov_ip4_header *ip = headers(ctx, IOV_OUTER_UDP + IOV_UDP_LENGTH);
	__u32 *number;

	if (!ip)
		return pass();
	ip = (void *)ip + IOV_OUTER_IP;
	if (!read_outer4(ctx, ip, &outer))
		return not_tunnel(ctx, ip->protocol == IPPROTO_ICMP);
	source.remote_ip = ip->source;
	source.local_ip = ip->destination;
	number = bpf_map_lookup_elem(&iov_tunnel_sources, &source);
	if (!number && !bpf_map_lookup_elem(&iov_tunnel_locals, &source.local_ip))
		return pass();
	return take(ctx, &outer, number, 0);
}

IOV_PROGRAM(iov_uplink)
{
	struct iov_packet *pkt;
	int action = NOT_COMMON;

	if (!iov_tracing)
		action = uplink_common(ctx);
	if (action != NOT_COMMON)
		return action;
	pkt = iov_packet_of_cpu();
	if (!pkt)
		return TC_ACT_SHOT;
	pkt->in_port = 0;
	return iov_next(ctx, pkt, IOV_SLOT_UPLINK_ANY);
}

IOV_PROGRAM(iov_uplink_any)
{
	iov_trace_begin(IOV_SLOT_COUNT + 1);
	if (ctx->vlan_present)
		return pass();
	if (ctx->protocol == bpf_htons(ETH_P_IP))
		return uplink4(ctx);
	if (ctx->protocol == bpf_htons(ETH_P_IPV6))
		return uplink6(ctx);
	return pass();
}

IOV_PROGRAM(iov_path_mtu)
{
	if (ctx->protocol == bpf_htons(ETH_P_IP))
		hear_path_mtu4(ctx);
	else
		hear_path_mtu6(ctx);
	return pass();
}
