/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What routers on the way to other chassis say of their MTU. The kernel learns that for its own sockets only, and our packets come from
 * none: so the agent is told, which lowers iov_tunnel.mtu for some time.
 *
 * Anybody may send such a message, so it counts only where it quotes a packet that we may have sent: by a tunnel of ours, of its
 * encapsulation, no longer than its MTU is now, and from a source port of ours (RFC 5927 4.1).
 */
#ifndef IOV_TUNNEL_PATH_MTU_H
#define IOV_TUNNEL_PATH_MTU_H

#include <iov/chain.h>
#include <iov/checksum.h>
#include <iov/ip.h>
#include <iov/outer.h>
#include "tunnel.h"

/* Nobody has less: what says so is wrong, or means harm (RFC 791, RFC 8200 5). */
#define LEAST_MTU4 576
#define LEAST_MTU6 1280

/* RFC 792, RFC 4443: type and code; of ICMPv6 the type alone counts (RFC 8201 4). */
#define FRAGMENTATION_NEEDED 0x0304
#define PACKET_TOO_BIG6 2

#define ICMP_LENGTH 8
#define DONT_FRAGMENT 0x4000

struct icmp_header {
	__be16 type_code;
	__u16 checksum;
	__be16 unused; /* ICMPv6: the MTU has 32 bits */
	__be16 mtu;
};

struct quoted4 {
	struct iov_ip4_header ip;
	struct icmp_header icmp;
	struct iov_ip4_header quoted_ip;
	struct iov_udp_header quoted_udp;
};

struct quoted6 {
	struct iov_ip6_header ip;
	struct icmp_header icmp;
	struct iov_ip6_header quoted_ip;
	struct iov_udp_header quoted_udp;
};

/* What routers that do not say their MTU (RFC 1191 4.1) may have: the next of the usual ones (7.1). */
static __always_inline __u32 next_plateau(__u32 length)
{
	if (length > 8166)
		return 8166;
	if (length > 4352)
		return 4352;
	if (length > 2002)
		return 2002;
	if (length > 1492)
		return 1492;
	if (length > 1006)
		return 1006;
	return LEAST_MTU4;
}

/* May a packet of this length and these ports have gone by that tunnel, and is its MTU really less than was thought? */
static __always_inline int is_news(const struct iov_tunnel *tunnel, const struct iov_udp_header *udp, __u32 length, __u32 mtu)
{
	__be16 port = tunnel->flags & IOV_TUNNEL_GENEVE ? bpf_htons(IOV_GENEVE_PORT) : bpf_htons(IOV_VXLAN_PORT);

	return udp->destination == port && bpf_ntohs(udp->source) >= 0xc000 && length <= tunnel->mtu && mtu < length;
}

static __always_inline void tell_path_mtu(const struct iov_tunnel *tunnel, struct iov_path_mtu_event *event)
{
	if (iov_tracing) {
		iov_trace_note(IOV_TRACE_EVENT, IOV_EVENT_PATH_MTU, 0, 0);
		return;
	}
	event->kind = IOV_EVENT_PATH_MTU;
	__builtin_memcpy(event->remote_ip, tunnel->remote_ip, sizeof(event->remote_ip));
	bpf_ringbuf_output(&iov_events, event, sizeof(*event), 0);
}

static __always_inline void hear_path_mtu4(struct __sk_buff *ctx)
{
	const struct quoted4 *packet = headers(ctx, IOV_OUTER_IP + sizeof(*packet));
	struct iov_tunnel_source key;
	struct iov_path_mtu_event event = {};
	const struct iov_tunnel *tunnel;
	__u32 length, mtu, *number;
	__u16 sum;

	if (!packet)
		return;
	packet = (const void *)packet + IOV_OUTER_IP;
	if (packet->ip.version_ihl != 0x45 || packet->ip.fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK) ||
	    packet->icmp.type_code != bpf_htons(FRAGMENTATION_NEEDED) || iov_ip4_sum(&packet->ip) != 0xffff ||
	    bpf_ntohs(packet->ip.total_length) + IOV_OUTER_IP != ctx->len)
		return;
	if (packet->quoted_ip.version_ihl != 0x45 || packet->quoted_ip.protocol != IPPROTO_UDP ||
	    packet->quoted_ip.fragment != bpf_htons(DONT_FRAGMENT) || packet->quoted_ip.source != packet->ip.destination)
		return;
	key.remote_ip = packet->quoted_ip.destination;
	key.local_ip = packet->quoted_ip.source;
	number = bpf_map_lookup_elem(&iov_tunnel_sources, &key);
	tunnel = number ? tunnel_lookup(*number) : 0;
	if (!tunnel)
		return;
	length = bpf_ntohs(packet->quoted_ip.total_length);
	mtu = bpf_ntohs(packet->icmp.mtu);
	if (!mtu)
		mtu = next_plateau(length);
	if (mtu < LEAST_MTU4 || !is_news(tunnel, &packet->quoted_udp, length, mtu))
		return;
	event.tunnel = *number;
	event.mtu = mtu;
	((__u16 *)event.router_ip)[5] = 0xffff;
	((__be32 *)event.router_ip)[3] = packet->ip.source;
	if (iov_sum_frame(ctx, IOV_OUTER_UDP, &sum) || sum != 0xffff)
		return;
	tell_path_mtu(tunnel, &event);
}

static __always_inline void hear_path_mtu6(struct __sk_buff *ctx)
{
	const struct quoted6 *packet = headers(ctx, IOV_OUTER_IP + sizeof(*packet));
	struct iov_tunnel_source6 key;
	struct iov_path_mtu_event event = {};
	const struct iov_tunnel *tunnel;
	__u32 length, mtu, *number;
	__u64 pseudo;
	__u16 sum;

	if (!packet)
		return;
	packet = (const void *)packet + IOV_OUTER_IP;
	if (packet->ip.next_header != IPPROTO_ICMPV6 || bpf_ntohs(packet->icmp.type_code) >> 8 != PACKET_TOO_BIG6 ||
	    bpf_ntohs(packet->ip.payload_length) + IOV_OUTER_UDP6 != ctx->len)
		return;
	if (bpf_ntohl(packet->quoted_ip.version_class_label) >> 28 != 6 || packet->quoted_ip.next_header != IPPROTO_UDP ||
	    !iov_ip6_equal(packet->quoted_ip.source, packet->ip.destination))
		return;
	__builtin_memcpy(key.remote_ip, packet->quoted_ip.destination, sizeof(key.remote_ip));
	__builtin_memcpy(key.local_ip, packet->quoted_ip.source, sizeof(key.local_ip));
	number = bpf_map_lookup_elem(&iov_tunnel_sources6, &key);
	tunnel = number ? tunnel_lookup(*number) : 0;
	if (!tunnel)
		return;
	length = bpf_ntohs(packet->quoted_ip.payload_length) + sizeof(struct iov_ip6_header);
	mtu = (__u32)bpf_ntohs(packet->icmp.unused) << 16 | bpf_ntohs(packet->icmp.mtu);
	if (mtu < LEAST_MTU6 || !is_news(tunnel, &packet->quoted_udp, length, mtu))
		return;
	event.tunnel = *number;
	event.mtu = mtu;
	__builtin_memcpy(event.router_ip, packet->ip.source, sizeof(event.router_ip));
	pseudo = (__u64)packet->ip.payload_length + bpf_htons(IPPROTO_ICMPV6);
#pragma unroll
	for (int i = 0; i < 4; i++)
		pseudo += (__u64)packet->ip.source[i] + packet->ip.destination[i];
	if (iov_sum_frame(ctx, IOV_OUTER_UDP6, &sum) || iov_fold(pseudo + sum) != 0xffff)
		return;
	tell_path_mtu(tunnel, &event);
}

#endif
