/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * toobig: tells the sender of a packet that does not fit the way to its receiver what does: ICMP "fragmentation needed"
 * (RFC 1191) or ICMPv6 "packet too big" (RFC 8201), in the name of the receiver, as the kernel's tunnel devices do.
 *
 * Whoever jumps here has counted the drop and put the largest IP packet that fits into pkt->mtu. What may not be answered ends.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <iov/chain.h>
#include <iov/deliver.h>
#include <iov/ethernet.h>
#include <iov/fold.h>
#include <iov/ip.h>
#include <iov/outer.h>
#include <iov/security.h>
#include <iov/toobig.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Offloaded checksums of the packet must not be applied to the answer, nor its flow hash. */
#define STORE_FLAGS (BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)

/* Of the packet, in the answer: that makes 576 bytes (RFC 1812 4.3.2.3), or 1280 (RFC 4443 2.4). */
#define QUOTE4 (576 - 20 - 8)
#define QUOTE6 (1280 - 40 - 8)
/* Of a packet with a whole header and 8 bytes more. */
#define QUOTE4_LEAST 28
#define QUOTE6_LEAST 48

/* No link has less (RFC 791), so nobody would believe it. */
#define LEAST_MTU 68

/* bpf_csum_diff() takes no more at once. */
#define CSUM_DIFF_MOST 512

#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP6_PACKET_TOO_BIG 2

/*
 * Taken off the front of the old packet. A checksum that the device is to fill in lies behind its start: when that is cut off,
 * the kernel forgets about it, and it does so in no other way.
 */
#define CUT 256

struct message {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 unused; /* ICMPv6: the MTU has 32 bits */
	__be16 mtu;
	__u8 quote[2 * CSUM_DIFF_MOST + 224 - 8]; /* a multiple of 32 that holds QUOTE6, all that is not quoted 0 */
};

IOV_MAP(iov_too_big, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct message, 1, 0);

/* The message, but for its checksum. Returns its length, or 0. */
static __always_inline __u32 write_message(struct __sk_buff *ctx, struct message *message, const struct iov_packet *pkt)
{
	__u32 ip6 = pkt->flags & IOV_PKT_IP6, quote = ctx->len - IOV_ETHERNET_LENGTH;
	__u64 *words = (__u64 *)message;

	for (int i = 0; i < (int)(sizeof(*message) / 8); i++)
		*(volatile __u64 *)&words[i] = 0; /* else clang makes memset of it, which it does not have */
	message->type = ip6 ? ICMP6_PACKET_TOO_BIG : ICMP_UNREACHABLE;
	message->code = ip6 ? 0 : ICMP_FRAGMENTATION_NEEDED;
	message->mtu = bpf_htons(pkt->mtu);
	if (quote < (ip6 ? QUOTE6_LEAST : QUOTE4_LEAST))
		return 0;
	if (quote > (ip6 ? QUOTE6 : QUOTE4))
		quote = ip6 ? QUOTE6 : QUOTE4;
	barrier_var(quote);
	if (quote < QUOTE4_LEAST || quote > QUOTE6 || bpf_skb_load_bytes(ctx, IOV_ETHERNET_LENGTH, message->quote, quote))
		return 0;
	return quote + 8;
}

static __always_inline __u64 sum_message(struct message *message)
{
	__be32 *words = (__be32 *)message;

	return (__u64)(__u32)bpf_csum_diff(0, 0, words, CSUM_DIFF_MOST, 0) +
	       (__u32)bpf_csum_diff(0, 0, words + CSUM_DIFF_MOST / 4, CSUM_DIFF_MOST, 0) +
	       (__u32)bpf_csum_diff(0, 0, words + 2 * CSUM_DIFF_MOST / 4, sizeof(*message) - 2 * CSUM_DIFF_MOST, 0);
}

static __always_inline int write_ip4(struct __sk_buff *ctx, const struct iov_packet *pkt, struct message *message, __u32 length)
{
	struct iov_ip4_header ip = {
		.version_ihl = 0x45,
		.total_length = bpf_htons(sizeof(ip) + length),
		.fragment = bpf_htons(0x4000),
		.ttl = 64,
		.protocol = IPPROTO_ICMP,
		.source = pkt->ip_dst[0],
		.destination = pkt->ip_src[0],
	};

	ip.checksum = ~iov_ip4_sum(&ip);
	message->checksum = ~iov_fold(sum_message(message));
	return bpf_skb_store_bytes(ctx, IOV_ETHERNET_LENGTH, &ip, sizeof(ip), STORE_FLAGS);
}

static __always_inline int write_ip6(struct __sk_buff *ctx, const struct iov_packet *pkt, struct message *message, __u32 length)
{
	struct iov_ip6_header ip = {
		.version_class_label = bpf_htonl(0x60000000),
		.payload_length = bpf_htons(length),
		.next_header = IPPROTO_ICMPV6,
		.hop_limit = 255,
	};
	__u64 sum = sum_message(message) + bpf_htons(length) + bpf_htons(IPPROTO_ICMPV6);

	__builtin_memcpy(ip.source, pkt->ip_dst, sizeof(ip.source));
	__builtin_memcpy(ip.destination, pkt->ip_src, sizeof(ip.destination));
#pragma unroll
	for (int i = 0; i < 4; i++)
		sum += (__u64)ip.source[i] + ip.destination[i];
	message->checksum = ~iov_fold(sum);
	return bpf_skb_store_bytes(ctx, IOV_ETHERNET_LENGTH, &ip, sizeof(ip), STORE_FLAGS);
}

/* Turn the packet into its answer. Returns 0 when that was not possible. */
static __always_inline int answer(struct __sk_buff *ctx, struct iov_packet *pkt)
{
	__u32 zero = 0, length, ip6 = pkt->flags & IOV_PKT_IP6, ip_length = ip6 ? 40 : 20;
	struct message *message = bpf_map_lookup_elem(&iov_too_big, &zero);
	__u8 macs[12] __attribute__((aligned(2)));

	if (!message)
		return 0;
	length = write_message(ctx, message, pkt);
	if (!length)
		return 0;
	/* change_tail also ends GSO, and makes the packet one piece. */
	if (bpf_skb_change_tail(ctx, IOV_ETHERNET_LENGTH + ip_length + length + CUT, 0) ||
	    bpf_skb_adjust_room(ctx, -CUT, BPF_ADJ_ROOM_MAC, 0))
		return 0;
	if (ip6 ? write_ip6(ctx, pkt, message, length) : write_ip4(ctx, pkt, message, length))
		return 0;
	barrier_var(length);
	if (length < QUOTE4_LEAST + 8 || length > QUOTE6 + 8 ||
	    bpf_skb_store_bytes(ctx, IOV_ETHERNET_LENGTH + ip_length, message, length, STORE_FLAGS))
		return 0;
	iov_mac_copy(macs, pkt->eth_src);
	iov_mac_copy(macs + 6, pkt->eth_dst);
	return !bpf_skb_store_bytes(ctx, 0, macs, sizeof(macs), STORE_FLAGS);
}

/* The context of the answer, for port security and delivery. */
static __always_inline void swap_addresses(struct iov_packet *pkt)
{
	__u8 mac[6] __attribute__((aligned(2)));
	__be32 ip;

	iov_mac_copy(mac, pkt->eth_src);
	iov_mac_copy(pkt->eth_src, pkt->eth_dst);
	iov_mac_copy(pkt->eth_dst, mac);
#pragma unroll
	for (int i = 0; i < 4; i++) {
		ip = pkt->ip_src[i];
		pkt->ip_src[i] = pkt->ip_dst[i];
		pkt->ip_dst[i] = ip;
	}
	pkt->rewrote |= IOV_FIELD_ETH_SRC | IOV_FIELD_ETH_DST | IOV_FIELD_IP_SRC | IOV_FIELD_IP_DST;
	pkt->uncacheable = 1;
	pkt->out_port = pkt->in_port;
}

IOV_PROGRAM(iov_too_big_reply)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_TOO_BIG);
	struct iov_port *port;
	__u32 reason = IOV_DROP_NONE;

	if (!pkt)
		return TC_ACT_SHOT;
	port = iov_port_lookup(pkt->in_port);
	if (!port || !iov_may_be_answered(ctx, pkt) || pkt->mtu < LEAST_MTU || !answer(ctx, pkt))
		return iov_consumed();
	swap_addresses(pkt);
	if (port->flags & IOV_PORT_SECURITY)
		reason = iov_security_egress(pkt, port, pkt->in_port);
	if (reason)
		return iov_drop_at(ctx, pkt, reason, pkt->in_port);
	return iov_send(ctx, pkt, port, pkt->in_port);
}
