/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * One's complement sums (RFC 1071). Words of 16 bits are in memory order everywhere, so that nothing needs to be swapped; what
 * is summed begins at an even byte of what it belongs to.
 */
#ifndef IOV_CHECKSUM_H
#define IOV_CHECKSUM_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include "chain.h"
#include "ethernet.h"
#include "fold.h"
#include "ip.h"

/* bpf_csum_diff() takes no more at once. */
#define IOV_SUM_CHUNK 512
/* The longest IP packet there is. */
#define IOV_SUM_CHUNKS 128

struct iov_sum_buffer {
	__u64 words[IOV_SUM_CHUNK / 8];
};

IOV_MAP(iov_sum_buffer, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct iov_sum_buffer, 1, 0);

/* The sum of the frame's bytes from `offset` on, folded: 0 to 0xffff, or a negative number when it cannot be had. */
IOV_GLOBAL int iov_sum_bytes(struct __sk_buff *ctx, __u32 offset)
{
	__u32 zero = 0, length = ctx->len, left;
	struct iov_sum_buffer *buffer = bpf_map_lookup_elem(&iov_sum_buffer, &zero);
	__u64 sum = 0;

	if (!buffer || offset > length)
		return -1;
	for (__u32 i = 0; i < IOV_SUM_CHUNKS && offset + IOV_SUM_CHUNK <= length; i++) {
		if (bpf_skb_load_bytes(ctx, offset, buffer, IOV_SUM_CHUNK))
			return -1;
		sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)buffer, IOV_SUM_CHUNK, 0);
		offset += IOV_SUM_CHUNK;
	}
	left = length - offset;
	if (left >= IOV_SUM_CHUNK)
		return -1;
	if (left) {
		for (int i = 0; i < IOV_SUM_CHUNK / 8; i++)
			buffer->words[i] = 0;
		/* So the verifier of any kernel sees that it is neither 0 nor too much. */
		left = ((left - 1) & (IOV_SUM_CHUNK - 1)) + 1;
		barrier_var(left);
		if (left > IOV_SUM_CHUNK || left < 1 || bpf_skb_load_bytes(ctx, offset, buffer, left))
			return -1;
		sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)buffer, IOV_SUM_CHUNK, 0);
	}
	return iov_fold(sum);
}

/* The same in `folded`. Returns 0, or a negative number when it cannot be had. */
static __always_inline int iov_sum_frame(struct __sk_buff *ctx, __u32 offset, __u16 *folded)
{
	int sum = iov_sum_bytes(ctx, offset);

	*folded = sum;
	return sum < 0 ? sum : 0;
}

/* The sum of a short part of the frame, 1 to 128 bytes. */
static __always_inline int iov_sum_part(struct __sk_buff *ctx, __u32 offset, __u32 length, __u16 *folded)
{
	__u32 zero = 0;
	struct iov_sum_buffer *buffer = bpf_map_lookup_elem(&iov_sum_buffer, &zero);

	if (!buffer || length < 1 || length > 128)
		return -1;
	for (int i = 0; i < 16; i++)
		buffer->words[i] = 0;
	/* As in iov_sum_bytes(). */
	length = ((length - 1) & 127) + 1;
	barrier_var(length);
	if (length > 128 || length < 1 || bpf_skb_load_bytes(ctx, offset, buffer, length))
		return -1;
	*folded = iov_fold((__u32)bpf_csum_diff(0, 0, (__be32 *)buffer, 128, 0));
	return 0;
}

/* Where a protocol has its checksum, from its header on; 0: it has none that covers all of it. */
static __always_inline __u32 iov_checksum_offset(const struct iov_packet *pkt)
{
	if (pkt->ip_proto == IPPROTO_TCP)
		return 16;
	if (pkt->ip_proto == IPPROTO_UDP)
		return 6;
	if (pkt->ip_proto == (pkt->flags & IOV_PKT_IP4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return 2;
	return 0;
}

/*
 * What an IP packet adds to the sum of its frame, from its headers alone: a segment with its right checksum sums up to the
 * complement of its pseudo header, whether the kernel has filled it in yet or leaves that to the device; an IPv4 header sums up
 * to 0xffff, which is 0. Returns 0 when this packet does not let itself be known so.
 */
static __always_inline int iov_sum_of_headers(struct __sk_buff *ctx, const struct iov_packet *pkt, __u64 *sum)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 field = iov_checksum_offset(pkt), l3 = pkt->l3_offset & 0x1f, l4 = pkt->l4_offset & 0x7f, segment = ctx->len - l4;
	void *ip = start + l3, *checksum = start + l4;

	if (!field || (pkt->flags & (IOV_PKT_L4 | IOV_PKT_FRAGMENT)) != IOV_PKT_L4 || l4 != pkt->l4_offset || l4 < l3 + 20)
		return 0;
	checksum += field;
	if (ip + 20 > end || checksum + 2 > end || !*(__u16 *)checksum)
		return 0;
	if (pkt->flags & IOV_PKT_IP4) {
		struct iov_ip4_header *header = ip;

		if (bpf_ntohs(header->total_length) + l3 != ctx->len)
			return 0;
		if (field == 2) /* ICMP has no pseudo header */
			return 1;
		*sum += 0xffff ^ iov_fold((__u64)pkt->ip_src[0] + pkt->ip_dst[0] + bpf_htons(pkt->ip_proto) +
					  bpf_htons(segment));
		return 1;
	}
	/* The pseudo header has in common with the header addresses and length. */
	struct iov_ip6_header *header = ip;

	if (l4 != l3 + 40 || bpf_ntohs(header->payload_length) != segment)
		return 0;
	*sum += (__u64)header->version_class_label + *(__u16 *)&header->next_header + (0xffff ^ bpf_htons(pkt->ip_proto));
	return 1;
}

/* May the device still have to fill in a checksum inside, so that the bytes are not what the receiver will see? Of those that
 * iov_sum_of_headers() does not know. (Tunnels of the machine's own: see iov_outer_room().) */
static __always_inline int iov_may_be_unfinished(struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	__u32 crc = 0;

	if (pkt->eth_type == bpf_htons(ETH_P_8021Q) || pkt->eth_type == bpf_htons(ETH_P_8021AD))
		return 1;
	if (!(pkt->flags & (IOV_PKT_IP4 | IOV_PKT_IP6)) || pkt->flags & IOV_PKT_FRAGMENT)
		return 0;
	if (pkt->ip_proto == IPPROTO_SCTP)
		return bpf_skb_load_bytes(ctx, pkt->l4_offset + 8, &crc, sizeof(crc)) || !crc;
	/* TCP behind IPv6 extension headers. */
	return pkt->ip_proto == IPPROTO_TCP && pkt->flags & IOV_PKT_IP6 && pkt->l4_offset != pkt->l3_offset + 40;
}

/*
 * The sum of the frame as it will be inside the tunnel, a tag that the kernel holds beside it included. Before room is made.
 * Returns 0 when it is not known: GSO packets, and those that are not finished.
 */
static __always_inline int iov_sum_inner(struct __sk_buff *ctx, const struct iov_packet *pkt, __u16 *folded)
{
	const __u16 *macs = (const __u16 *)pkt->eth_dst;
	__u64 sum = 0, tag = 0;
	__u32 protocol = ctx->protocol;
	__u16 bytes = 0;

	if (ctx->gso_size)
		return 0;
	if (iov_unlikely(pkt->flags & IOV_PKT_VLAN)) {
		/* Else clang would choose between two members of ctx by their address, which the verifier does not allow. */
		barrier_var(protocol);
		if (ctx->vlan_present)
			protocol = ctx->vlan_proto;
		tag = (__u64)bpf_htons(pkt->vlan_tci) + protocol;
	}
	if (pkt->flags & (IOV_PKT_IP4 | IOV_PKT_IP6) && iov_sum_of_headers(ctx, pkt, &sum)) {
		sum += (__u64)macs[0] + macs[1] + macs[2] + macs[3] + macs[4] + macs[5] + pkt->eth_type + tag;
		*folded = iov_fold(sum);
		return 1;
	}
	if (iov_may_be_unfinished(ctx, pkt) || iov_sum_frame(ctx, 0, &bytes))
		return 0;
	*folded = iov_fold(bytes + (ctx->vlan_present ? tag : 0));
	return 1;
}

#endif
