/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The common packet, in a straight line: IP inside, IPv4 outside, no options, nothing tagged, nothing wrong. What such a packet costs
 * is the calls of helpers (each some 7 ns for its return alone, where the kernel works around a CPU's speculation), so these use as
 * few as there can be: they read and write the frame in place, sum up short frames themselves, and remember where a hash table led
 * to. Whatever is not common is left untouched to iov_encap_any and iov_uplink_any, which know all cases and all reasons to drop.
 */
#ifndef IOV_TUNNEL_STRAIGHT_H
#define IOV_TUNNEL_STRAIGHT_H

#include <iov/chain.h>
#include <iov/checksum.h>
#include <iov/encap.h>
#include <iov/ip.h>
#include <iov/outer.h>
#include <iov/parse.h>
#include "tunnel.h"

/* No actions of tc: the packet is not common, and as it was; it got no header, for which there is room already. */
#define NOT_COMMON (-2)
#define NO_HEADER (-3)

/*
 * Where the hash tables led to last, by a hash of the key: numbers of a tunnel, of a port. They prove nothing: the row itself must
 * say that it is the right one, so that nothing needs to be told when the agent changes it.
 */
#define SOURCE_HINTS 4096
#define DEST_HINTS 16384
IOV_MAP(iov_source_hints, BPF_MAP_TYPE_ARRAY, __u32, __u32, SOURCE_HINTS, 0);
IOV_MAP(iov_dest_hints, BPF_MAP_TYPE_ARRAY, __u32, __u32, DEST_HINTS, 0);

/* Bytes of a frame that are summed up word by word; longer ones are worth a helper. */
#define SUM_IN_PLACE 128

/* Where the linear part ends. Volatile, or clang would take it from where it is a number to the verifier. */
static __always_inline const void *end_of(const volatile struct __sk_buff *ctx)
{
	return (const void *)(long)ctx->data_end;
}

static __always_inline int is_linear(const volatile struct __sk_buff *ctx)
{
	return (long)ctx->data_end - (long)ctx->data == ctx->len;
}

/* One step of sum_in_place(): `bytes`, a constant, where there are so many. */
#define SUM_STEP(bytes)                                                              \
	if (at + (bytes) <= end) {                                                   \
		_Pragma("unroll") for (int i = 0; i < (bytes) / 4; i += 2)           \
		{                                                                    \
			/* Two loads are cheaper than taking one apart. */           \
			even += ((const __u32 *)at)[i];                              \
			odd += ((const __u32 *)at)[i + 1];                           \
		}                                                                    \
		at += (bytes);                                                       \
	}

/* Add the bytes from `at` to `end`, SUM_IN_PLACE at most, to *sum. */
static __always_inline void sum_in_place(const void *at, const void *end, __u64 *sum)
{
	__u64 even = *sum, odd = 0;

	_Static_assert(SUM_IN_PLACE == 2 * 64, "more steps would be needed");
	SUM_STEP(64)
	SUM_STEP(64)
	SUM_STEP(32)
	SUM_STEP(16)
	SUM_STEP(8)
	if (at + 4 <= end) {
		even += *(const __u32 *)at;
		at += 4;
	}
	if (at + 2 <= end) {
		odd += *(const __u16 *)at;
		at += 2;
	}
	if (at + 1 <= end)
		even += bpf_htons((__u16)*(const __u8 *)at << 8);
	*sum = even + odd;
}

/* iov_sum_inner() of a frame without a tag and not of GSO, if that needs no helper; not folded. */
static __always_inline int sum_inner_in_place(struct __sk_buff *ctx, const struct iov_packet *pkt, __u64 *total)
{
	const void *data = (const void *)(long)ctx->data, *end = end_of(ctx);
	const __u16 *macs = (const __u16 *)pkt->eth_dst;
	__u64 sum = 0;

	if (iov_sum_of_headers(ctx, pkt, &sum)) {
		*total = sum + macs[0] + macs[1] + macs[2] + macs[3] + macs[4] + macs[5] + pkt->eth_type;
		return 1;
	}
	if (ctx->len > SUM_IN_PLACE || !is_linear(ctx) || pkt->ip_proto == IPPROTO_SCTP || pkt->ip_proto == IPPROTO_TCP)
		return 0;
	sum_in_place(data, end, &sum);
	*total = sum;
	return 1;
}

/* What differs by packet in its outer header. */
struct common_facts {
	struct iov_outer_keys keys;
	__u64 sum;        /* of the inner frame, 48 bits at most */
	__u32 ip_length;  /* of the outer packet */
	__u16 source_port;
	__u16 summed;     /* all bits set where there is to be an UDP checksum, else 0 */
};

/*
 * iov_outer_fill4() and iov_inner_fill4() in fewer instructions: 16-bit fields that are next to one another are swapped and summed
 * up together, nothing is written twice, and the type is the one that was parsed.
 */
static __always_inline void put_headers(__u64 *frame, const struct iov_packet *pkt, const struct iov_tunnel *tunnel,
					const struct common_facts *facts)
{
	const __u64 *template = (const __u64 *)tunnel->header, *macs = (const __u64 *)pkt->eth_dst;
	__u32 flags = tunnel->flags, udp_length = facts->ip_length - (IOV_OUTER_UDP - IOV_OUTER_IP);
	__be16 total = bpf_htons(facts->ip_length), field = bpf_htons(pkt->tos & (IOV_ECN_MASK | (0 - (flags >> 5 & 1))));
	__u64 vni = (__u32)bpf_htonl(facts->keys.vni << 8), third = template[3];
	__u64 udp = bpf_cpu_to_be64((__u64)facts->source_port << 32 | udp_length);
	__u64 sum = facts->sum + tunnel->fixed_sum + iov_halves(udp) + bpf_htons(udp_length) + vni;
	__u32 keys, ip_sum;

	_Static_assert(IOV_TUNNEL_TOS_INHERIT == 1 << 5, "is shifted");
	_Static_assert(__builtin_offsetof(struct iov_packet, eth_dst) % 8 == 0, "MACs and type are two words");
	frame[0] = template[0];
	frame[1] = template[1] | iov_at_byte(field, 6);
	frame[2] = template[2] | iov_at_byte(total, 0);
	ip_sum = (__u16)~iov_first_field(third) + (__u32)total + field;
	ip_sum = (ip_sum & 0xffff) + (ip_sum >> 16);
	ip_sum += ip_sum >> 16;
	frame[3] = (third | iov_at_byte(0xffff, 0)) ^ iov_at_byte(ip_sum, 0);
	frame[4] = template[4] | udp;
	field = iov_lower_field(vni);
	if (flags & IOV_TUNNEL_GENEVE) {
		keys = bpf_htonl((__u32)facts->keys.ingress << 16 | facts->keys.egress);
		sum += keys;
		frame[6] = template[6] | iov_at_byte(field, 0) | iov_at_byte(iov_upper_field(keys), 6);
		frame[7] = iov_mac_behind(iov_lower_field(keys), macs);
		frame[8] = iov_macs_end(macs);
	} else {
		frame[6] = iov_mac_behind(field, macs);
		frame[7] = iov_macs_end(macs);
	}
	/* The complement of a sum that cannot be 0 is one more than that of the sum, and cannot be 0 either: 0xffff stands for 0. */
	field = (0 - iov_fold(sum + 1)) & facts->summed;
	frame[5] = template[5] | iov_at_byte(field, 0) | iov_at_byte(iov_upper_field(vni), 6);
}

/* Both encapsulations go the same way, so that there is less of it for the CPU to fetch. */
static __always_inline int encap_common(struct __sk_buff *ctx, struct iov_packet *pkt)
{
	const __u64 room = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L2(IOV_ETHERNET_LENGTH) | IOV_ROOM_FLAGS;
	const struct iov_tunnel *tunnel = tunnel_lookup(pkt->tunnel);
	__u32 packet = pkt->flags, length = ctx->len, flags, header;
	struct common_facts facts = {};
	__u64 *frame;

	if (iov_unlikely(!tunnel || tunnel->share || ctx->gso_size))
		return NOT_COMMON;
	flags = tunnel->flags;
	if (iov_unlikely((flags & (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED | IOV_TUNNEL_IP6 | IOV_TUNNEL_FRAGMENTS)) !=
			 (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED)))
		return NOT_COMMON;
	if (iov_unlikely(packet & (IOV_PKT_VLAN | IOV_PKT_FROM_LOCALPORT) || !(packet & (IOV_PKT_IP4 | IOV_PKT_IP6))))
		return NOT_COMMON;
	_Static_assert(IOV_OUTER_VXLAN_LENGTH + 2 * IOV_TUNNEL_GENEVE == IOV_OUTER_GENEVE_LENGTH, "the flag gives the length");
	header = IOV_OUTER_VXLAN_LENGTH + 2 * (flags & IOV_TUNNEL_GENEVE);
	if (iov_unlikely(length + header - IOV_OUTER_IP > tunnel->mtu ||
			 !iov_outer_keys(&facts.keys, pkt, flags & IOV_TUNNEL_GENEVE)))
		return NOT_COMMON;
	if (flags & IOV_TUNNEL_CSUM) {
		if (iov_unlikely(!sum_inner_in_place(ctx, pkt, &facts.sum)))
			return NOT_COMMON;
		facts.summed = 0xffff;
	}
	facts.source_port = iov_flow_port(pkt);
	facts.ip_length = length + header - IOV_OUTER_IP;
	if (iov_unlikely(bpf_skb_adjust_room(ctx, header, BPF_ADJ_ROOM_MAC, room)))
		return NOT_COMMON;
	pkt->room = header;
	frame = (__u64 *)(long)ctx->data;
	/* Of an IP packet more is linear than MACs and type. */
	if (iov_unlikely((void *)frame + IOV_OUTER_GENEVE_LENGTH + IOV_ETHERNET_LENGTH > (void *)(long)ctx->data_end))
		return NO_HEADER;
	put_headers(frame, pkt, tunnel, &facts);
	count_sent(pkt->tunnel, length);
	return bpf_redirect(tunnel->ifindex, 0);
}

/* The second word of an IPv4-mapped IPv6 address. */
static __always_inline __u64 mapped_word(__be32 ip)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)ip << 32 | 0xffff0000;
#else
	return 0xffff00000000ULL | ip;
#endif
}

/* The tunnel that a packet of these addresses comes by; 0: not known. */
static __always_inline __u32 common_source(__be32 remote, __be32 local)
{
	struct iov_tunnel_source key = { .remote_ip = remote, .local_ip = local };
	__u32 slot = (remote * 0x9e3779b1) >> 20, *hint, *number;
	const struct iov_tunnel *tunnel;

	_Static_assert(SOURCE_HINTS == 1 << (32 - 20), "all slots are used");
	hint = bpf_map_lookup_elem(&iov_source_hints, &slot);
	if (!hint)
		return 0;
	tunnel = tunnel_lookup(*hint);
	if (tunnel && ((const __u64 *)tunnel->remote_ip)[1] == mapped_word(remote) &&
	    ((const __u64 *)tunnel->local_ip)[1] == mapped_word(local) && !(tunnel->flags & IOV_TUNNEL_WAY))
		return *hint;
	number = bpf_map_lookup_elem(&iov_tunnel_sources, &key);
	if (!number)
		return 0;
	*hint = *number;
	return *number;
}

/* Is the port the one that these keys of OVN's stand for? */
static __always_inline int has_keys(const struct iov_port *port, const struct iov_tunnel_key *key)
{
	__u32 number = port->datapath;
	const struct iov_datapath *datapath = bpf_map_lookup_elem(&iov_datapaths, &number);

	return port->flags & IOV_PORT_VALID && port->ifindex && port->port_key == key->egress_key && datapath &&
	       datapath->tunnel_key == key->datapath_key;
}

/* The local port that a tunnel header asks for, and its number; NULL: not known, or not one. */
static __always_inline const struct iov_port *common_dest(const struct iov_tunnel_key *key, __u32 *number)
{
	__u32 slot = (key->datapath_key * 0x9e3779b1 ^ key->egress_key * 0x85ebca77) >> 18, *hint;
	const struct iov_port *port;
	const struct iov_dest *dest;

	_Static_assert(DEST_HINTS == 1 << (32 - 18), "all slots are used");
	hint = bpf_map_lookup_elem(&iov_dest_hints, &slot);
	if (!hint)
		return 0;
	*number = *hint;
	port = iov_port_lookup(*number);
	if (port && has_keys(port, key))
		return port;
	dest = bpf_map_lookup_elem(&iov_tunnel_dests, key);
	if (!dest || dest->kind != IOV_DEST_LOCAL)
		return 0;
	*number = dest->index;
	*hint = *number;
	return iov_port_lookup(*number);
}

/* Is the UDP checksum, which is not 0, right for sure? */
static __always_inline int sum_surely_right(struct __sk_buff *ctx, const void *data, const void *end, const struct iov_ip4_header *ip)
{
	const void *udp = data + IOV_OUTER_UDP;
	__u32 length = ctx->len;
	__u64 sum;

	if (ctx->gso_size)
		return 1;
	if (length > IOV_OUTER_UDP + SUM_IN_PLACE || !is_linear(ctx))
		return bpf_csum_level(ctx, BPF_CSUM_LEVEL_QUERY) >= 0;
	sum = (__u64)ip->source + ip->destination + bpf_htons(IPPROTO_UDP) + bpf_htons(length - IOV_OUTER_UDP);
	sum_in_place(udp, end, &sum);
	return iov_fold(sum) == 0xffff;
}

/* The frame is linear up to the inner IPv4 header of a VXLAN packet. `geneve` must be a constant. */
static __always_inline int arrive_common(struct __sk_buff *ctx, const void *data, const int geneve)
{
	const __u32 header = geneve ? IOV_OUTER_GENEVE_LENGTH : IOV_OUTER_VXLAN_LENGTH;
	const void *end = end_of(ctx), *inner = data + header;
	const struct iov_ip4_header *ip = data + IOV_OUTER_IP;
	const struct iov_udp_header *udp = data + IOV_OUTER_UDP;
	const struct tunnel_header *tunnel_header = data + IOV_OUTER_UDP + IOV_UDP_LENGTH;
	struct iov_tunnel_key key = {};
	const struct iov_tunnel *tunnel;
	const struct iov_port *receiver;
	__u32 length = ctx->len, shift = header, reason = IOV_DROP_NO_MEMORY, number, out_port, datapath, *epoch;
	__u16 ingress = 0;
	struct iov_packet *pkt;
	__u64 first_macs;
	__u32 last_mac;
	__be16 type;
	void *frame;

	if (inner + IOV_ETHERNET_LENGTH + sizeof(*ip) > end)
		return NOT_COMMON;
	type = *(const __be16 *)(inner + IOV_ETHERNET_LENGTH - 2);
	if (type != bpf_htons(ETH_P_IP) &&
	    (type != bpf_htons(ETH_P_IPV6) || length < header + IOV_ETHERNET_LENGTH + sizeof(struct iov_ip6_header)))
		return NOT_COMMON;
	if (iov_ip4_sum(ip) != 0xffff || (ip->tos & IOV_ECN_MASK) == IOV_ECN_CE)
		return NOT_COMMON;
	if (!ctx->gso_size && (bpf_ntohs(ip->total_length) + IOV_OUTER_IP != length ||
			       bpf_ntohs(udp->length) + IOV_OUTER_UDP != length))
		return NOT_COMMON;
	if (geneve ? !read_geneve(tunnel_header, &key, &ingress) : !read_vxlan(tunnel_header, &key))
		return NOT_COMMON;
	number = common_source(ip->source, ip->destination);
	tunnel = tunnel_lookup(number);
	if (!number || !tunnel || !!(tunnel->flags & IOV_TUNNEL_GENEVE) != geneve)
		return NOT_COMMON;
	receiver = common_dest(&key, &out_port);
	if (!receiver || receiver->port_key == ingress)
		return NOT_COMMON;
	first_macs = *(const __u64 *)inner;
	last_mac = *(const __u32 *)(inner + 8);
	if (udp->checksum && !sum_surely_right(ctx, data, end, ip))
		return NOT_COMMON;
	pkt = iov_packet_of_cpu();
	if (!pkt)
		return TC_ACT_SHOT;
	pkt->in_port = 0;
	datapath = receiver->datapath;
	epoch = bpf_map_lookup_elem(&iov_epochs, &datapath);
	/* See unpack(). */
	if (type == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_change_proto(ctx, bpf_htons(ETH_P_IPV6), 0))
			return NOT_COMMON;
		shift = header + sizeof(struct iov_ip6_header) - sizeof(*ip);
	}
	if (bpf_skb_adjust_room(ctx, -(__s32)shift, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		goto refused;
	/* That of the outer packet: often its addresses alone, so all of a chassis would be one flow. */
	if (ctx->hash)
		bpf_set_hash_invalid(ctx);
	pkt->out_port = out_port;
	pkt->datapath = datapath;
	pkt->epoch = epoch ? *epoch : 0;
	pkt->tunnel = number;
	pkt->egress_key = key.egress_key;
	pkt->group = 0;
	pkt->looked_at = IOV_FIELD_IN_PORT;
	pkt->rewrote = 0;
	*(__u64 *)&pkt->copies = 0; /* to kinds */
	*(__u32 *)&pkt->other_group = 0; /* to resume */
	frame = (void *)(long)ctx->data;
	if (frame + IOV_ETHERNET_LENGTH > (void *)(long)ctx->data_end)
		goto refused;
	*(__u64 *)frame = first_macs;
	*(__u32 *)(frame + 8) = last_mac;
	*(__be16 *)(frame + 12) = type;
	reason = IOV_DROP_MALFORMED;
	if (iov_unlikely(iov_parse(ctx, pkt, IOV_PKT_FROM_TUNNEL) != IOV_PARSE_OK))
		goto refused;
	count_received(number, length - header);
	return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_OUT);

refused:
	count_not_received(number);
	return iov_drop(ctx, pkt, reason);
}

static __always_inline int uplink_common(struct __sk_buff *ctx)
{
	const struct iov_ip4_header *ip;
	const struct iov_udp_header *udp;
	const void *data;

	if (ctx->vlan_present || ctx->protocol != bpf_htons(ETH_P_IP))
		return NOT_COMMON;
	data = headers(ctx, IOV_OUTER_VXLAN_LENGTH + IOV_ETHERNET_LENGTH + sizeof(*ip));
	if (!data)
		return NOT_COMMON;
	ip = data + IOV_OUTER_IP;
	udp = data + IOV_OUTER_UDP;
	if (ip->version_ihl != 0x45 || ip->fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK))
		return NOT_COMMON;
	if (ip->protocol == IPPROTO_UDP && udp->destination == bpf_htons(IOV_GENEVE_PORT))
		return arrive_common(ctx, data, 1);
	if (ip->protocol == IPPROTO_UDP && udp->destination == bpf_htons(IOV_VXLAN_PORT))
		return arrive_common(ctx, data, 0);
	/* A router may say what fits. */
	return iov_unlikely(ip->protocol == IPPROTO_ICMP) ? NOT_COMMON : IOV_PASS;
}

#endif
