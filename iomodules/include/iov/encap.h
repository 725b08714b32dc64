/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Putting a frame into a tunnel: room in front, then the prepared header of the tunnel with what differs by packet. */
#ifndef IOV_ENCAP_H
#define IOV_ENCAP_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include "chain.h"
#include "checksum.h"
#include "ethernet.h"
#include "ip.h"
#include "outer.h"

#define IOV_ROOM_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)

/* The keys that the header carries. */
struct iov_outer_keys {
	__u32 vni;
	__u16 ingress; /* Geneve only */
	__u16 egress;  /* Geneve only */
};

/* Returns 0 when the encapsulation cannot express them. */
static __always_inline int iov_outer_keys(struct iov_outer_keys *keys, const struct iov_packet *pkt, int geneve)
{
	__u32 number = pkt->datapath, egress = pkt->egress_key;
	struct iov_datapath *datapath = bpf_map_lookup_elem(&iov_datapaths, &number);
	struct iov_port *port;

	keys->vni = datapath ? datapath->tunnel_key : 0;
	keys->ingress = 0;
	keys->egress = egress;
	if (!datapath)
		return 0;
	if (geneve) {
		port = iov_port_lookup(pkt->in_port);
		keys->ingress = port ? port->port_key & 0x7fff : 0;
		return keys->vni <= 0xffffff;
	}
	if (egress >= IOV_MULTICAST_KEY)
		egress = IOV_VXLAN_MULTICAST | (egress & (IOV_VXLAN_MULTICAST - 1));
	else if (egress >= IOV_VXLAN_MULTICAST)
		return 0;
	if (keys->vni > IOV_VXLAN_KEY_MASK)
		return 0;
	keys->vni |= egress << IOV_VXLAN_KEY_BITS;
	keys->egress = 0;
	return 1;
}

/* What the outer header says of the packet, whichever tunnel of a kind it takes. */
struct iov_outer_facts {
	struct iov_outer_keys keys;
	__u64 sum;    /* of the inner frame (iov_sum_inner()), 48 bits at most */
	__be16 source_port;
	__u8 summed;  /* it is known */
	__u8 tos;     /* of the inner packet; 0: not IP */
	__be16 id;    /* of the outer IPv4 packet, where it may be fragmented */
	__u8 pad[2];
};

static __always_inline __u8 iov_inner_tos(const struct iov_packet *pkt)
{
	return pkt->flags & (IOV_PKT_IP4 | IOV_PKT_IP6) ? pkt->tos : 0;
}

/* What of the inner type of service the outer header shows: ECN as it is (RFC 6040 4.1), DSCP where the tunnel says so. This and
 * what follows has no branches: a flood does it for every member, and the verifier would multiply them. */
static __always_inline __u8 iov_outer_tos(const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts)
{
	_Static_assert(IOV_TUNNEL_TOS_INHERIT == 1 << 5, "is shifted");
	return facts->tos & (IOV_ECN_MASK | (0 - (tunnel->flags >> 5 & 1)));
}

/* The identification of the outer IPv4 packet: only where it may be fragmented does anybody look at it (RFC 6864). */
static __always_inline __be16 iov_outer_id(const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts)
{
	_Static_assert(IOV_TUNNEL_FRAGMENTS == 1 << 7, "is shifted");
	return facts->id & (0 - (tunnel->flags >> 7 & 1));
}

static __always_inline int iov_wants_checksum(const struct iov_tunnel *tunnel)
{
	return tunnel->flags & (IOV_TUNNEL_CSUM | IOV_TUNNEL_IP6);
}

/* The outer UDP source port: the flow's entropy for ECMP and RSS, in the range that RFC 7348 asks for. Fragments of a
 * datagram have no ports and must stay together with the first one. All bits of what is multiplied by an odd number are in the upper
 * bits of the product or above it (multilinear hashing). */
static __always_inline __u16 iov_flow_port(const struct iov_packet *pkt)
{
	const __u64 *from = (const __u64 *)pkt->ip_src, *to = (const __u64 *)pkt->ip_dst;
	__u64 sum, rest = pkt->ip_proto;

	if (pkt->flags & IOV_PKT_IP4)
		sum = (from[0] ^ (__u64)pkt->ip_dst[0] << 32) * 0x9e3779b97f4a7c15;
	else if (pkt->flags & IOV_PKT_IP6)
		sum = from[0] * 0x9e3779b97f4a7c15 + from[1] * 0x94d049bb133111eb + to[0] * 0xd6e8feb86659fd93 +
		      to[1] * 0xff51afd7ed558ccd;
	else
		sum = *(const __u64 *)pkt->eth_dst * 0x9e3779b97f4a7c15 +
		      *(const __u32 *)&pkt->eth_src[2] * 0x94d049bb133111eb;
	if ((pkt->flags & (IOV_PKT_L4 | IOV_PKT_FRAGMENT)) == IOV_PKT_L4)
		rest |= (__u64)*(const __u32 *)&pkt->sport << 8;
	return 0xc000 | (sum + rest * 0xbf58476d1ce4e5b9) >> 50;
}

static __always_inline __be16 iov_outer_source_port(const struct iov_packet *pkt)
{
	return bpf_htons(iov_flow_port(pkt));
}

/* Length of the largest outer IP packet that the frame makes, once GSO has cut it. `tag` is the length of a VLAN tag that is
 * not in the frame yet. */
static __always_inline __u32 iov_outer_ip_length(struct __sk_buff *ctx, const struct iov_packet *pkt, __u32 tag, __u32 header)
{
	__u32 outer = tag + header - IOV_OUTER_IP, gso = ctx->gso_size;
	__u8 data_offset;

	if (!gso)
		return ctx->len - pkt->room + outer;
	if (pkt->ip_proto != IPPROTO_TCP)
		data_offset = 8 << 2;
	else if (bpf_skb_load_bytes(ctx, pkt->room + pkt->l4_offset + 12, &data_offset, 1))
		data_offset = 20 << 2;
	return gso + pkt->l4_offset + (data_offset >> 4 << 2) + outer;
}

/*
 * Make room for an outer header of `header` bytes. Puts into *type what follows the MACs of the inner frame then. Tags that
 * the kernel holds beside the frame move into it. Returns 0, or a negative number (also for three tags).
 * Sets *nested when it is a tunnel packet of the machine's whose innermost checksum the device is to fill in.
 *
 * IPv4 and IPv6 go by adjust_room, which prepares GSO and the network header; it refuses all other protocols and packets
 * that carry a tunnel already. Those can only be shifted, which is right as long as nobody must cut them.
 */
static __always_inline int iov_outer_room(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 header, __be16 *type, int *nested)
{
	__u64 l3 = header >= IOV_OUTER6_VXLAN_LENGTH ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	__be16 tags[4] = { 0, pkt->eth_type };
	__u32 tag_length = 0;
	__u64 l2 = BPF_F_ADJ_ROOM_ENCAP_L2(IOV_ETHERNET_LENGTH);
	int error = -1;

	*type = pkt->eth_type;
	if (pkt->flags & IOV_PKT_VLAN) {
		*type = ctx->protocol;
		if (ctx->vlan_present) {
			*type = ctx->vlan_proto;
			tags[0] = bpf_htons(ctx->vlan_tci);
			tag_length = IOV_VLAN_LENGTH;
			l2 = BPF_F_ADJ_ROOM_ENCAP_L2(IOV_ETHERNET_LENGTH + IOV_VLAN_LENGTH);
			if (bpf_skb_vlan_pop(ctx))
				return -1;
		}
		/* The kernel has put the next tag beside the frame. Left there, it would tag the outer frame. */
		if (iov_unlikely(ctx->vlan_present)) {
			tags[2] = bpf_htons(ctx->vlan_tci);
			tag_length = 2 * IOV_VLAN_LENGTH;
			l2 = BPF_F_ADJ_ROOM_ENCAP_L2(IOV_ETHERNET_LENGTH + 2 * IOV_VLAN_LENGTH);
			if (bpf_skb_vlan_pop(ctx) || ctx->vlan_present ||
			    bpf_skb_load_bytes(ctx, IOV_ETHERNET_LENGTH - 2, &tags[3], sizeof(tags[3])))
				return -1;
		}
	}
	if (ctx->protocol == bpf_htons(ETH_P_IP) || ctx->protocol == bpf_htons(ETH_P_IPV6))
		error = bpf_skb_adjust_room(ctx, header + tag_length, BPF_ADJ_ROOM_MAC, IOV_ROOM_FLAGS | l2 | l3);
	if (error && !ctx->gso_size) {
		*nested = ctx->protocol == bpf_htons(ETH_P_IP) || ctx->protocol == bpf_htons(ETH_P_IPV6);
		error = bpf_skb_change_head(ctx, header + tag_length, 0);
	}
	if (!error && tag_length == IOV_VLAN_LENGTH)
		error = bpf_skb_store_bytes(ctx, header + IOV_ETHERNET_LENGTH, tags, IOV_VLAN_LENGTH, 0);
	else if (!error && tag_length)
		error = bpf_skb_store_bytes(ctx, header + IOV_ETHERNET_LENGTH, tags, sizeof(tags), 0);
	if (error)
		return error;
	pkt->room = header;
	if (pkt->l4_offset)
		pkt->l4_offset += tag_length;
	return 0;
}

/* The length of a frame with room for its outer header, as far as 16 bits say: only a GSO packet can be longer, and its lengths are
 * written anew when it is cut. */
static __always_inline __u32 iov_outer_length(struct __sk_buff *ctx)
{
	__u32 length = ctx->len;

	return length > 0xffff + IOV_OUTER_IP ? 0xffff + IOV_OUTER_IP : length;
}

/* All bits set where the UDP checksum is to be filled in, else 0. */
static __always_inline __be16 iov_outer_checksum_mask(const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts)
{
	_Static_assert(IOV_TUNNEL_IP6 == 1 << 3 && IOV_TUNNEL_CSUM == 1 << 4, "are shifted");
	return 0 - ((tunnel->flags >> 3 | tunnel->flags >> 4) & facts->summed & 1);
}

/* The UDP checksum; `length` is that of UDP, `keys` what is in the tunnel header. */
static __always_inline __be16 iov_outer_checksum(const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts, __be16 length,
						 __u64 keys)
{
	/* What differs by packet: UDP has the length twice, once in its pseudo header. */
	__u32 checksum = 0xffff ^ iov_fold(facts->sum + facts->source_port + 2 * (__u32)length + keys + tunnel->fixed_sum);

	return checksum + ((checksum - 1) >> 16); /* 0 becomes 0xffff */
}

/*
 * The outer header of a packet of `length` bytes, room for it included, into words; over IPv4 8 of them, over IPv6 10. What lies
 * behind the header is 0. `mask`: iov_outer_checksum_mask(). Nothing is written before all is read, which clang would read again.
 */
static __always_inline void iov_outer_fill4(__u64 *words, const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts,
					    __u32 length, __be16 mask)
{
	const __u64 *template = (const __u64 *)tunnel->header;
	__be16 total = bpf_htons(length - IOV_OUTER_IP), udp = bpf_htons(length - IOV_OUTER_UDP);
	__be16 tos = bpf_htons(iov_outer_tos(tunnel, facts)), id = iov_outer_id(tunnel, facts);
	__be16 ingress = bpf_htons(facts->keys.ingress), egress = bpf_htons(facts->keys.egress);
	__u64 vni = (__u32)bpf_htonl(facts->keys.vni << 8);
	__u64 third = template[3];
	__be16 sum = iov_ip4_checksum_add(iov_first_field(third), (__u32)total + tos + id);
	__be16 checksum = iov_outer_checksum(tunnel, facts, udp, vni + ingress + egress) & mask;

	words[0] = template[0];
	words[1] = template[1] | iov_at_byte(tos, 6);
	words[2] = template[2] | iov_at_byte(total, 0) | iov_at_byte(id, 2);
	words[3] = (third & ~iov_at_byte(0xffff, 0)) | iov_at_byte(sum, 0);
	words[4] = template[4] | iov_at_byte(facts->source_port, 2) | iov_at_byte(udp, 6);
	words[5] = template[5] | iov_at_byte(checksum, 0) | iov_at_byte(iov_upper_field(vni), 6);
	words[6] = template[6] | iov_at_byte(iov_lower_field(vni), 0) | iov_at_byte(ingress, 6);
	words[7] = template[7] | iov_at_byte(egress, 0);
}

static __always_inline void iov_outer_fill6(__u64 *words, const struct iov_tunnel *tunnel, const struct iov_outer_facts *facts,
					    __u32 length, __be16 mask)
{
	const __u64 *template = (const __u64 *)tunnel->header;
	__be16 udp = bpf_htons(length - IOV_OUTER_UDP6), tos = bpf_htons((__u16)iov_outer_tos(tunnel, facts) << 4);
	__be16 ingress = bpf_htons(facts->keys.ingress), egress = bpf_htons(facts->keys.egress);
	__u64 vni = (__u32)bpf_htonl(facts->keys.vni << 8);
	__be16 checksum = iov_outer_checksum(tunnel, facts, udp, vni + ingress + egress) & mask;

	words[0] = template[0];
	words[1] = template[1] | iov_at_byte(tos, 6);
	words[2] = template[2] | iov_at_byte(udp, 2);
	words[3] = template[3];
	words[4] = template[4];
	words[5] = template[5];
	words[6] = template[6] | iov_at_byte(facts->source_port, 6);
	words[7] = template[7] | iov_at_byte(udp, 2) | iov_at_byte(checksum, 4);
	words[8] = template[8] | iov_at_byte(iov_upper_field(vni), 2) | iov_at_byte(iov_lower_field(vni), 4);
	words[9] = template[9] | iov_at_byte(ingress, 2) | iov_at_byte(egress, 4);
}

/* MACs and type of the inner frame, behind the header. Over IPv4 `words` begins with the last 16 bits of the header, over IPv6
 * with the last 48. */
static __always_inline void iov_inner_fill4(__u64 *words, const struct iov_packet *pkt, __be16 type)
{
	words[0] = iov_mac_behind(iov_first_field(words[0]), pkt->eth_dst);
	words[1] = iov_mac_before(pkt->eth_src, type);
}

static __always_inline void iov_inner_fill6(__u64 *words, const struct iov_packet *pkt, __be16 type)
{
	const __u16 *macs = (const __u16 *)pkt->eth_dst;

	words[0] |= iov_at_byte(macs[0], 6);
	words[1] = iov_at_byte(macs[1], 0) | iov_at_byte(macs[2], 2) | iov_at_byte(macs[3], 4) | iov_at_byte(macs[4], 6);
	words[2] = iov_at_byte(macs[5], 0) | iov_at_byte(type, 2);
}

#endif
