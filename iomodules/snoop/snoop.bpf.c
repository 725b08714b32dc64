/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * snoop: IP multicast of a switch with other_config:mcast_snoop, as northd's flows of ls_in_l2_lkup have it.
 *
 *   IGMP, MLD                        told to the agent; reports -> FLOOD to _MC_mrouter_flood, queries -> to _MC_flood_l2
 *   an address that somebody joined  -> FLOOD to its group and to _MC_static
 *   224.0.0.0/24                     -> FLOOD to _MC_flood_l2
 *   IPv6, reserved or of all         -> FLOOD to _MC_flood (RFC 4291 2.7.1)
 *   another IP multicast address     -> FLOOD to _MC_static, or to _MC_flood with mcast_flood_unregistered
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <iov/chain.h>
#include <iov/event.h>
#include <iov/group.h>
#include <iov/ip.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Messages of a port that are told in IOV_TOLD_MOVE. */
#define MESSAGES 16
/* The kernel sums up at most 512 bytes at once. */
#define SUM 512
#define SUMS 3

_Static_assert(SUM * SUMS >= IOV_MCAST_MESSAGE, "all of a message");

struct message {
	struct iov_mcast_event event;
	__u8 padding[SUM * SUMS - IOV_MCAST_MESSAGE]; /* what is summed up may end here */
};

IOV_MAP(iov_snooped, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct message, 1, 0);

static __always_inline int flood(struct __sk_buff *ctx, struct iov_packet *pkt, __u16 group, __u16 other)
{
	iov_group_choose(pkt, group, other, pkt->in_port);
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
}

/* Of the message, bytes; 0 when its headers do not say. */
static __always_inline __u32 message_length(struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	__u32 end = pkt->l3_offset;
	__be16 length;

	if (!pkt->l4_offset)
		return 0;
	if (bpf_skb_load_bytes(ctx, end + (pkt->flags & IOV_PKT_IP4 ? 2 : 4), &length, sizeof(length)))
		return 0;
	end += bpf_ntohs(length) + (pkt->flags & IOV_PKT_IP4 ? 0 : 40);
	return end > pkt->l4_offset ? end - pkt->l4_offset : 0;
}

/* The sum over what ICMPv6 adds to its own (RFC 8200 8.1). */
static __always_inline __s64 pseudo_sum(struct iov_packet *pkt, __u32 length)
{
	__be32 rest[2] = { bpf_htonl(length), bpf_htonl(IPPROTO_ICMPV6) };
	__s64 sum;

	sum = bpf_csum_diff(0, 0, pkt->ip_src, sizeof(pkt->ip_src), 0);
	sum = bpf_csum_diff(0, 0, pkt->ip_dst, sizeof(pkt->ip_dst), sum);
	return bpf_csum_diff(0, 0, rest, sizeof(rest), sum);
}

/* Is the checksum of what was read right? Behind it there are zeroes up to the next 4 bytes. */
static __always_inline int is_right(struct iov_packet *pkt, struct message *message, __u32 length)
{
	__s64 sum = pkt->flags & IOV_PKT_IP6 ? pseudo_sum(pkt, length) : 0;
	__u64 left = (length + 3) & ~3U;
	__u32 folded;

	for (__u32 i = 0; i < SUMS && left; i++) {
		__u64 some = left < SUM ? left : SUM;

		/* Kernels before 6.8 must see the bound in the register that is used. */
		asm volatile("" : "+r"(some));
		if (some > SUM)
			return 0;
		sum = bpf_csum_diff(0, 0, (__be32 *)(message->event.message + i * SUM), some, sum);
		left -= some;
	}
	folded = (__u32)sum;
	folded = (folded & 0xffff) + (folded >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	return folded == 0xffff;
}

/* Lets through so many messages of a port in a sixteenth of a second: no machine fills the ring buffer. */
static __always_inline int may_tell(const struct iov_packet *pkt, __u16 port_key)
{
	__u64 about = iov_learning_key(pkt->datapath, IOV_LEARNING_MCAST, port_key);
	struct iov_learning *last = bpf_map_lookup_elem(&iov_learning, &about);
	struct iov_learning fresh = { .port_key = 1, .told = bpf_ktime_get_coarse_ns() >> 20 };

	if (last && fresh.told - last->told < IOV_TOLD_MOVE) {
		if (last->port_key >= MESSAGES)
			return 0;
		last->port_key++;
		return 1;
	}
	bpf_map_update_elem(&iov_learning, &about, &fresh, BPF_ANY);
	return 1;
}

static __always_inline void tell(struct iov_packet *pkt, struct message *message, __u32 length)
{
	struct iov_port *port = iov_port_lookup(pkt->in_port);
	__u32 kind = pkt->flags & IOV_PKT_IP4 ? IOV_EVENT_IGMP : IOV_EVENT_MLD;

	if (!port)
		return;
	if (iov_tracing) {
		iov_trace_note(IOV_TRACE_EVENT, kind, pkt->in_port, pkt->datapath << 16);
		return;
	}
	if (!may_tell(pkt, port->port_key))
		return;
	message->event.kind = kind;
	message->event.port = pkt->in_port;
	message->event.datapath = pkt->datapath;
	message->event.port_key = port->port_key;
	message->event.length = length;
	bpf_ringbuf_output(&iov_events, message, __builtin_offsetof(struct iov_mcast_event, message) + length, 0);
}

static __always_inline int is_report(const struct iov_packet *pkt, __u8 type)
{
	if (pkt->flags & IOV_PKT_IP4)
		return type == IOV_IGMP_REPORT || type == IOV_IGMP2_REPORT || type == IOV_IGMP2_LEAVE ||
		       type == IOV_IGMP3_REPORT;
	return type != IOV_MLD_QUERY;
}

static __always_inline int is_query(const struct iov_packet *pkt, __u8 type)
{
	return type == (pkt->flags & IOV_PKT_IP4 ? IOV_IGMP_QUERY : IOV_MLD_QUERY);
}

static __always_inline int snoop_message(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_datapath *datapath)
{
	__u32 zero = 0, whole = message_length(ctx, pkt), length = whole;
	struct message *message = bpf_map_lookup_elem(&iov_snooped, &zero);
	__u8 type;

	if (!message || whole < 8)
		return iov_drop(ctx, pkt, IOV_DROP_MALFORMED);
	if (length > IOV_MCAST_MESSAGE)
		length = IOV_MCAST_MESSAGE;
	/* The verifier must see the bounds in the register that is used. */
	asm volatile("" : "+r"(length));
	if (length < 8 || length > IOV_MCAST_MESSAGE)
		return iov_drop(ctx, pkt, IOV_DROP_MALFORMED);
	*(__u32 *)(message->event.message + (length & ~3U)) = 0;
	if (bpf_skb_load_bytes(ctx, pkt->l4_offset, message->event.message, length))
		return iov_drop(ctx, pkt, IOV_DROP_MALFORMED);
	if (whole == length && !is_right(pkt, message, length))
		return iov_drop(ctx, pkt, IOV_DROP_MALFORMED);
	type = message->event.message[0];
	tell(pkt, message, length);
	if (is_query(pkt, type))
		return flood(ctx, pkt, datapath->flood_l2_group, 0);
	if (!is_report(pkt, type) || !datapath->mrouter_group)
		return iov_drop(ctx, pkt, IOV_DROP_MCAST_MESSAGE);
	return flood(ctx, pkt, datapath->mrouter_group, 0);
}

/* ip6.mcast_flood of OVN: reserved addresses, all nodes, all routers, solicited nodes. */
static __always_inline int is_for_all(const struct iov_packet *pkt)
{
	__u32 first = bpf_ntohl(pkt->ip_dst[0]), last = bpf_ntohl(pkt->ip_dst[3]);

	if (pkt->ip_dst[1])
		return 0;
	if (pkt->ip_dst[2])
		return first == 0xff020000 && pkt->ip_dst[2] == bpf_htonl(1) && last >> 24 == 0xff;
	if (last == 0)
		return (first & 0xfff0ffff) == 0xff000000;
	if (last == 1)
		return first == 0xff010000 || first == 0xff020000;
	return last == 2 && (first == 0xff010000 || first == 0xff020000 || first == 0xff050000);
}

/* ip4.mcast and ip6.mcast of OVN; the group bit of the MAC is known to be set. */
static __always_inline int is_ip_multicast(const struct iov_packet *pkt)
{
	if (pkt->flags & IOV_PKT_IP4)
		return (pkt->ip_dst[0] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
	return pkt->eth_dst[0] == 0x33 && pkt->eth_dst[1] == 0x33 && (pkt->ip_dst[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline __u16 joined_group(const struct iov_packet *pkt)
{
	struct {
		__u32 datapath;
		__be32 ip[4];
	} key = { .datapath = pkt->datapath };
	__u32 *group;

	_Static_assert(sizeof(key) == sizeof(struct iov_mcast_key), "the key of iov_mcast, aligned");
	if (pkt->flags & IOV_PKT_IP4) {
		key.ip[2] = bpf_htonl(0xffff);
		key.ip[3] = pkt->ip_dst[0];
	} else {
		__builtin_memcpy(key.ip, pkt->ip_dst, sizeof(key.ip));
	}
	group = bpf_map_lookup_elem(&iov_mcast, &key);
	return group ? *group : 0;
}

IOV_PROGRAM(iov_snoop)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_SNOOP);
	struct iov_datapath *datapath;
	__u32 number;
	__u16 group;

	if (!pkt)
		return TC_ACT_SHOT;
	pkt->uncacheable = 1;
	number = pkt->datapath;
	datapath = bpf_map_lookup_elem(&iov_datapaths, &number);
	if (!datapath)
		return iov_drop(ctx, pkt, IOV_DROP_EMPTY_GROUP);
	if (pkt->flags & IOV_PKT_MCAST_MESSAGE)
		return snoop_message(ctx, pkt, datapath);
	group = joined_group(pkt);
	if (group)
		return flood(ctx, pkt, group, datapath->static_group);
	if (!is_ip_multicast(pkt))
		return flood(ctx, pkt, datapath->flood_group, 0);
	if (pkt->flags & IOV_PKT_IP4 && (pkt->ip_dst[0] & bpf_htonl(0xffffff00)) == bpf_htonl(0xe0000000))
		return flood(ctx, pkt, datapath->flood_l2_group, 0);
	if (datapath->flags & IOV_DATAPATH_FLOOD_UNREGISTERED || (pkt->flags & IOV_PKT_IP6 && is_for_all(pkt)))
		return flood(ctx, pkt, datapath->flood_group, 0);
	if (!datapath->static_group)
		return iov_drop(ctx, pkt, IOV_DROP_MCAST_UNREGISTERED);
	return flood(ctx, pkt, datapath->static_group, 0);
}
