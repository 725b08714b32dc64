/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Parsing of a frame into struct iov_packet, once a packet. A cursor walks over direct packet memory; each step advances it,
 * fills its fields and says whether it got what it needed.
 *
 * What is malformed: an IPv4 or IPv6 header that is cut off, of a wrong version, or longer than the frame; more than
 * IOV_MAX_EXTENSIONS IPv6 extension headers (nothing could be said about what is behind them). A cut L4, ARP or ND header is
 * not: the packet only lacks IOV_PKT_L4, _ARP or _ND, and port security drops what it cannot check.
 */
#ifndef IOV_PARSE_H
#define IOV_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "ethernet.h"
#include "ip.h"
#include "types.h"

/* How many bytes are made linear when headers are not: Ethernet, VLAN, IPv6 with extension headers, ND with options. */
#define IOV_PARSE_LINEAR 512
#define IOV_MAX_EXTENSIONS 6
#define IOV_MAX_ND_OPTIONS 6

/* The 32-bit word at the lower of two addresses, as a 64-bit store sees it. */
static __always_inline __u64 iov_low_word(__be32 word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return word;
#else
	return (__u64)word << 32;
#endif
}

enum iov_parse {
	IOV_PARSE_OK = 0,
	IOV_PARSE_SHORT = -1,     /* the linear part ends here, perhaps the frame too */
	IOV_PARSE_MALFORMED = -2,
};

struct iov_cursor {
	struct __sk_buff *ctx;
	void *start;
	void *pos;
	void *end;
	__u32 left;  /* bytes that the frame has behind pos, by the innermost header that says */
	__u32 flags; /* enum iov_packet_flag, of L3 and L4; the others are in the packet already */
	__u8 protocol;
};

#define IOV_HAS(cursor, bytes) ((cursor)->pos + (bytes) <= (cursor)->end)

/* IPv6 extension headers (RFC 8200 4). */
#define IOV_IP6_HOP_BY_HOP 0
#define IOV_IP6_ROUTING 43
#define IOV_IP6_FRAGMENT 44
#define IOV_IP6_AUTHENTICATION 51
#define IOV_IP6_DESTINATION 60

/*
 * Neighbour solicitation or advertisement with its link-layer option. A cut, endless or repeated option leaves IOV_PKT_ND
 * unset: port security must not have to guess which of two addresses the host on the other side believes. Rare, so it copies
 * instead of walking over packet memory, which would cost the verifier a state for every length of an option. Of `left` bytes, in the
 * packet in hand; 0.
 */
IOV_GLOBAL int iov_parse_nd(struct __sk_buff *ctx, __u32 left)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_nd_header nd;
	__u8 wanted, option[8] __attribute__((aligned(2)));
	__u32 offset;
	int seen = 0;

	if (!pkt)
		return 0;
	offset = pkt->l4_offset;
	if (left < sizeof(nd) || bpf_skb_load_bytes(ctx, offset, &nd, sizeof(nd)))
		return 0;
	pkt->arp_op = nd.type;
	pkt->nd_target[0] = nd.target[0];
	pkt->nd_target[1] = nd.target[1];
	pkt->nd_target[2] = nd.target[2];
	pkt->nd_target[3] = nd.target[3];
	wanted = nd.type == IOV_ND_SOLICITATION ? IOV_ND_SOURCE_LINK_ADDRESS : IOV_ND_TARGET_LINK_ADDRESS;
	offset += sizeof(nd);
	left -= sizeof(nd);

	for (int i = 0; i < IOV_MAX_ND_OPTIONS && left; i++) {
		__u32 length;

		if (left < sizeof(option) || bpf_skb_load_bytes(ctx, offset, option, sizeof(option)))
			return 0;
		length = (__u32)option[1] << 3;
		if (length == 0 || length > left)
			return 0;
		if (option[0] == wanted) {
			if (seen || length != sizeof(option))
				return 0;
			seen = 1;
			iov_mac_copy(pkt->arp_sha, option + 2);
		}
		offset += length;
		left -= length;
	}
	if (left == 0)
		pkt->flags |= IOV_PKT_ND;
	return 0;
}

static __always_inline int iov_has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static __always_inline int iov_has_type(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline int iov_is_extension(__u8 next)
{
	return next == IOV_IP6_HOP_BY_HOP || next == IOV_IP6_ROUTING || next == IOV_IP6_FRAGMENT ||
	       next == IOV_IP6_DESTINATION || next == IOV_IP6_AUTHENTICATION;
}

/* What northd's flows take for MLD: version 1 from a link-local address, version 2 to ff02::16. */
static __always_inline int iov_is_mld(const struct iov_packet *pkt, __u8 type)
{
	if (type == IOV_MLD2_REPORT)
		return pkt->ip_dst[0] == bpf_htonl(0xff020000) && !(pkt->ip_dst[1] | pkt->ip_dst[2]) &&
		       pkt->ip_dst[3] == bpf_htonl(0x16);
	return type >= IOV_MLD_QUERY && type <= IOV_MLD_DONE &&
	       (pkt->ip_src[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Ports, or ICMP type and code: the first four bytes of L4 either way. */
static __always_inline void iov_set_l4(struct iov_cursor *c, struct iov_packet *pkt, const void *l4)
{
	const __u8 *type_code = l4;

	c->flags |= IOV_PKT_L4;
	if (iov_has_ports(c->protocol)) {
		*(__u32 *)&pkt->sport = *(const __u32 *)l4; /* and dport */
		return;
	}
	pkt->sport = bpf_htons(type_code[0]);
	pkt->dport = bpf_htons(type_code[1]);
	if (c->protocol != IPPROTO_ICMPV6 || !(c->flags & IOV_PKT_IP6))
		return;
	if (type_code[0] == IOV_ND_SOLICITATION || type_code[0] == IOV_ND_ADVERTISEMENT) {
		if (pkt->ttl == 255)
			iov_parse_nd(c->ctx, c->left);
	} else if (iov_is_mld(pkt, type_code[0])) {
		c->flags |= IOV_PKT_MCAST_MESSAGE;
	}
}

static __always_inline int iov_parse_l4(struct iov_cursor *c, struct iov_packet *pkt)
{
	pkt->l4_offset = c->pos - c->start;
	if (c->left < 4 || !(iov_has_ports(c->protocol) || iov_has_type(c->protocol))) {
		if (c->protocol == IPPROTO_IGMP && c->flags & IOV_PKT_IP4)
			c->flags |= IOV_PKT_MCAST_MESSAGE;
		return IOV_PARSE_OK;
	}
	if (!IOV_HAS(c, 4))
		return IOV_PARSE_SHORT;
	iov_set_l4(c, pkt, c->pos);
	return IOV_PARSE_OK;
}

/* The same behind IPv6 extension headers, of which the first is a `next` at `offset`; like iov_parse_nd() it copies. */
IOV_GLOBAL int iov_parse_extensions(struct __sk_buff *ctx, __u32 offset, __u32 left, __u32 next)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_cursor c = { .ctx = ctx, .flags = IOV_PKT_IP6 };
	__u8 extension[8] __attribute__((aligned(4)));
	__u32 length;

	if (!pkt)
		return IOV_PARSE_MALFORMED;
	for (int i = 0; i < IOV_MAX_EXTENSIONS; i++) {
		if (left < sizeof(extension) || bpf_skb_load_bytes(ctx, offset, extension, sizeof(extension)))
			return IOV_PARSE_MALFORMED;
		length = ((__u32)extension[1] + 1) << 3;
		if (next == IOV_IP6_AUTHENTICATION)
			length = ((__u32)extension[1] + 2) << 2;
		if (next == IOV_IP6_FRAGMENT) {
			length = sizeof(extension);
			pkt->flags |= IOV_PKT_FRAGMENT;
			if (bpf_ntohs(*(__be16 *)(extension + 2)) >> 3) { /* not the first */
				pkt->ip_proto = extension[0];
				return IOV_PARSE_OK;
			}
		}
		if (length > left)
			return IOV_PARSE_MALFORMED;
		next = extension[0];
		offset += length;
		left -= length;
		if (iov_is_extension(next))
			continue;
		c.protocol = next;
		pkt->ip_proto = next;
		pkt->l4_offset = offset;
		c.left = left;
		if (left >= 4 && (iov_has_ports(next) || iov_has_type(next)) &&
		    !bpf_skb_load_bytes(ctx, offset, extension, 4))
			iov_set_l4(&c, pkt, extension);
		pkt->flags |= c.flags;
		return IOV_PARSE_OK;
	}
	return IOV_PARSE_MALFORMED;
}

/* A GSO packet may say 0 (BIG TCP). */
static __always_inline int iov_is_gso(struct iov_cursor *c)
{
	return c->ctx->gso_size != 0;
}

static __always_inline int iov_parse_ip4(struct iov_cursor *c, struct iov_packet *pkt)
{
	struct iov_ip4_header *ip = c->pos;
	__u32 header, total;
	__u16 fragment;

	if (!IOV_HAS(c, sizeof(*ip)))
		return IOV_PARSE_SHORT;
	header = (__u32)(ip->version_ihl & 0xf) << 2;
	total = bpf_ntohs(ip->total_length);
	if ((total < header || total > c->left) && iov_is_gso(c))
		total = c->left;
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header || total > c->left)
		return IOV_PARSE_MALFORMED;
	c->flags |= IOV_PKT_IP4;
	c->protocol = ip->protocol;
	*(__u64 *)&pkt->ip_src[0] = iov_low_word(ip->source);
	*(__u64 *)&pkt->ip_src[2] = 0;
	*(__u64 *)&pkt->ip_dst[0] = iov_low_word(ip->destination);
	*(__u64 *)&pkt->ip_dst[2] = 0;
	pkt->ip_proto = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->tos = ip->tos;
	fragment = ip->fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK);
	if (fragment) {
		c->flags |= IOV_PKT_FRAGMENT;
		if (fragment & bpf_htons(IOV_IP4_OFFSET_MASK))
			return IOV_PARSE_OK;
	}
	c->pos += header;
	c->left = total - header;
	return iov_parse_l4(c, pkt);
}

static __always_inline int iov_parse_ip6(struct iov_cursor *c, struct iov_packet *pkt)
{
	struct iov_ip6_header *ip = c->pos;
	__u32 total;

	if (!IOV_HAS(c, sizeof(*ip)))
		return IOV_PARSE_SHORT;
	total = bpf_ntohs(ip->payload_length) + sizeof(*ip);
	if ((total == sizeof(*ip) || total > c->left) && iov_is_gso(c))
		total = c->left;
	if ((bpf_ntohl(ip->version_class_label) >> 28) != 6 || total > c->left)
		return IOV_PARSE_MALFORMED;
	c->flags |= IOV_PKT_IP6;
	c->protocol = ip->next_header;
	__builtin_memcpy(pkt->ip_src, ip->source, sizeof(pkt->ip_src));
	__builtin_memcpy(pkt->ip_dst, ip->destination, sizeof(pkt->ip_dst));
	pkt->ttl = ip->hop_limit;
	pkt->tos = bpf_ntohl(ip->version_class_label) >> 20;
	c->pos += sizeof(*ip);
	c->left = total - sizeof(*ip);
	if (iov_is_extension(c->protocol))
		return iov_parse_extensions(c->ctx, c->pos - c->start, c->left, c->protocol);
	pkt->ip_proto = c->protocol;
	return iov_parse_l4(c, pkt);
}

static __always_inline int iov_parse_arp(struct iov_cursor *c, struct iov_packet *pkt)
{
	struct iov_arp_header *arp = c->pos;

	if (c->left < sizeof(*arp))
		return IOV_PARSE_OK;
	if (!IOV_HAS(c, sizeof(*arp)))
		return IOV_PARSE_SHORT;
	if (arp->hardware_type != bpf_htons(1) || arp->protocol_type != bpf_htons(ETH_P_IP) ||
	    arp->hardware_length != 6 || arp->protocol_length != 4)
		return IOV_PARSE_OK;
	c->flags |= IOV_PKT_ARP;
	pkt->arp_op = bpf_ntohs(arp->operation) < 256 ? bpf_ntohs(arp->operation) : 0;
	iov_mac_copy(pkt->arp_sha, arp->sender_mac);
	*(__u64 *)&pkt->ip_src[0] = iov_low_word(arp->sender_ip);
	*(__u64 *)&pkt->ip_src[2] = 0;
	*(__u64 *)&pkt->ip_dst[0] = iov_low_word(arp->target_ip);
	*(__u64 *)&pkt->ip_dst[2] = 0;
	return IOV_PARSE_OK;
}

/* Fields that not every packet fills. Addresses and nd_target are undefined where the flags do not say that they are there. */
static __always_inline void iov_parse_reset(struct iov_packet *pkt)
{
	*(__u32 *)&pkt->l3_offset = 0; /* and l4_offset */
	*(__u32 *)&pkt->eth_type = 0;  /* and vlan_tci */
	*(__u64 *)&pkt->sport = 0;     /* to uncacheable */
	*(__u64 *)&pkt->arp_op = 0;    /* with drop and arp_sha */
}

static __always_inline int iov_parse_l3(struct iov_cursor *c, struct iov_packet *pkt, __be16 type)
{
	if (type == bpf_htons(ETH_P_IP))
		return iov_parse_ip4(c, pkt);
	if (type == bpf_htons(ETH_P_IPV6))
		return iov_parse_ip6(c, pkt);
	if (type == bpf_htons(ETH_P_ARP))
		return iov_parse_arp(c, pkt);
	return IOV_PARSE_OK;
}

static __always_inline int iov_parse_frame(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 flags)
{
	struct iov_cursor c = {
		.ctx = ctx,
		.start = (void *)(long)ctx->data,
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.left = ctx->len - IOV_ETHERNET_LENGTH,
	};
	__u64 destination;
	__be16 type;
	int result;

	if (!IOV_HAS(&c, IOV_ETHERNET_LENGTH))
		return IOV_PARSE_SHORT;
	iov_parse_reset(pkt);
	destination = *(__u64 *)c.pos;
	*(__u64 *)&pkt->eth_dst = destination;
	*(__u32 *)&pkt->eth_src[2] = *(__u32 *)(c.pos + 8);
	if (destination & bpf_cpu_to_be64(1ULL << 56)) {
		flags |= IOV_PKT_MULTICAST;
		if ((destination | bpf_cpu_to_be64(0xffff)) == ~0ULL)
			flags |= IOV_PKT_BROADCAST;
	}
	type = *(__be16 *)(c.pos + 12);
	c.pos += IOV_ETHERNET_LENGTH;

	if (ctx->vlan_present) {
		flags |= IOV_PKT_VLAN;
		pkt->vlan_tci = ctx->vlan_tci;
	} else if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		pkt->flags = flags;
		if (c.left < IOV_VLAN_LENGTH)
			return IOV_PARSE_MALFORMED;
		if (!IOV_HAS(&c, IOV_VLAN_LENGTH))
			return IOV_PARSE_SHORT;
		flags |= IOV_PKT_VLAN;
		pkt->vlan_tci = bpf_ntohs(*(__be16 *)c.pos);
		type = *(__be16 *)(c.pos + 2);
		c.pos += IOV_VLAN_LENGTH;
		c.left -= IOV_VLAN_LENGTH;
	}
	pkt->flags = flags;
	pkt->eth_type = type;
	pkt->l3_offset = c.pos - c.start;
	result = iov_parse_l3(&c, pkt, type);
	pkt->flags |= c.flags;
	return result;
}

/*
 * Parse the frame that ctx begins with. `flags` (enum iov_packet_flag) are the ones known already. Makes headers linear only
 * when they are not. Returns IOV_PARSE_OK or IOV_PARSE_MALFORMED; packet pointers taken before are invalid then.
 */
static __always_inline int iov_parse(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 flags)
{
	int result = iov_parse_frame(ctx, pkt, flags);

	if (result != IOV_PARSE_SHORT)
		return result;
	__u32 length = ctx->len < IOV_PARSE_LINEAR ? ctx->len : IOV_PARSE_LINEAR;

	if ((long)ctx->data_end - (long)ctx->data >= length || bpf_skb_pull_data(ctx, length))
		return IOV_PARSE_MALFORMED;
	result = iov_parse_frame(ctx, pkt, flags);
	return result == IOV_PARSE_SHORT ? IOV_PARSE_MALFORMED : result;
}

#endif
