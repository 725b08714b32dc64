/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * IPv4 address translation, for modules that do it (nat, onetoonenat): what a packet is, and how an address and a port of it are
 * replaced with all checksums that they are in. Addresses and ports are in network byte order throughout.
 */
#ifndef IOV_TRANSLATE_H
#define IOV_TRANSLATE_H

#include <iov/module.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define IOV_L3 ETH_HLEN
#define IOV_IP_OFFSET 0x1fff
#define IOV_IP_MORE 0x2000
#define IOV_TCP_FIN 1
#define IOV_TCP_SYN 2
#define IOV_TCP_RST 4

/* linux/icmp.h wants the C library of the machine that it is compiled on. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

struct iov_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id; /* of echoes */
	__be16 sequence;
};

/* Which end of a packet. */
enum iov_end {
	IOV_SOURCE,
	IOV_DESTINATION,
};

/* An IPv4 packet, or the one inside an ICMP error. */
struct iov_flow {
	__u32 ip[2];   /* by enum iov_end */
	__u16 port[2]; /* 0 in later fragments and where the protocol has none; of ICMP echo: its id at the end asked for */
	__u16 l4;      /* offset of what follows the header, from the start of the frame */
	__u16 id;
	__u8 proto;
	__u8 icmp_type;
	__u8 tcp_flags;
	__u8 later;    /* a fragment but the first: without ports */
	__u8 first;    /* a first fragment */
	__u8 unused[3];
};

static __always_inline bool iov_icmp_echo(const struct iov_flow *flow)
{
	return flow->proto == IPPROTO_ICMP && !flow->later &&
	       (flow->icmp_type == ICMP_ECHO || flow->icmp_type == ICMP_ECHOREPLY);
}

static __always_inline bool iov_icmp_error(const struct iov_flow *flow)
{
	return flow->proto == IPPROTO_ICMP && !flow->later &&
	       (flow->icmp_type == ICMP_DEST_UNREACH || flow->icmp_type == ICMP_TIME_EXCEEDED ||
		flow->icmp_type == ICMP_PARAMETERPROB || flow->icmp_type == ICMP_SOURCE_QUENCH);
}

/* Reads the packet whose IPv4 header is at `l3`. `ours`: the end whose port is the id of an ICMP echo. Whether it is one. */
static __always_inline bool iov_parse_flow(struct __sk_buff *skb, __u32 l3, enum iov_end ours, struct iov_flow *flow)
{
	struct iov_icmp icmp;
	struct iphdr ip;
	__u16 fragment;

	__builtin_memset(flow, 0, sizeof(*flow));
	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	flow->ip[IOV_SOURCE] = ip.saddr;
	flow->ip[IOV_DESTINATION] = ip.daddr;
	flow->proto = ip.protocol;
	flow->id = ip.id;
	flow->l4 = l3 + ip.ihl * 4;
	fragment = bpf_ntohs(ip.frag_off);
	flow->later = (fragment & IOV_IP_OFFSET) != 0;
	flow->first = !flow->later && (fragment & IOV_IP_MORE);
	if (flow->later)
		return true;
	if (ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP)
		return !bpf_skb_load_bytes(skb, flow->l4, flow->port, sizeof(flow->port));
	if (ip.protocol == IPPROTO_ICMP) {
		if (bpf_skb_load_bytes(skb, flow->l4, &icmp, sizeof(icmp)))
			return false;
		flow->icmp_type = icmp.type;
		if (icmp.type == ICMP_ECHO || icmp.type == ICMP_ECHOREPLY)
			flow->port[ours] = icmp.id;
	}
	return true;
}

/* Offset of the checksum of a transport protocol that covers addresses; 0: it has none. */
static __always_inline __u32 iov_checksum_at(const struct iov_flow *flow)
{
	if (flow->proto == IPPROTO_TCP)
		return flow->l4 + offsetof(struct tcphdr, check);
	if (flow->proto == IPPROTO_UDP)
		return flow->l4 + offsetof(struct udphdr, check);
	return 0;
}

/* The checksum of an ICMP message in which two bytes were replaced. */
static __always_inline long iov_icmp_fix(struct __sk_buff *skb, __u32 icmp, __u16 old, __u16 new)
{
	return bpf_l4_csum_replace(skb, icmp + offsetof(struct iov_icmp, checksum), old, new, 2);
}

/*
 * Replaces one end of the packet that `flow` was read from. `l3`: where its IPv4 header is. `outer`: offset of the ICMP error that
 * it is in, or 0. A checksum of 0 in UDP, which means none, stays. Whether it could.
 */
static __always_inline bool iov_translate(struct __sk_buff *skb, __u32 l3, const struct iov_flow *flow, enum iov_end end,
					  __u32 ip, __u16 port, __u32 outer)
{
	__u32 address_at = l3 + (end == IOV_SOURCE ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
	__u32 sum_at = l3 + offsetof(struct iphdr, check);
	__u32 l4_sum_at = flow->later ? 0 : iov_checksum_at(flow);
	/* Where UDP's checksum would become 0 it has to be 0xffff. */
	__u64 flags = flow->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u16 old_sum = 0, new_sum = 0, old_l4_sum = 0, new_l4_sum = 0;
	__u32 port_at = 0;

	if (outer && bpf_skb_load_bytes(skb, sum_at, &old_sum, 2))
		return false;
	/* An ICMP error may hold no more than the first eight bytes of TCP. */
	if (outer && l4_sum_at && bpf_skb_load_bytes(skb, l4_sum_at, &old_l4_sum, 2))
		l4_sum_at = 0;
	if (!flow->later && port != flow->port[end]) {
		if (flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP)
			port_at = flow->l4 + (end == IOV_SOURCE ? 0 : 2);
		else if (iov_icmp_echo(flow))
			port_at = flow->l4 + offsetof(struct iov_icmp, id);
	}
	if (bpf_l3_csum_replace(skb, sum_at, flow->ip[end], ip, 4) || bpf_skb_store_bytes(skb, address_at, &ip, 4, 0))
		return false;
	if (l4_sum_at && bpf_l4_csum_replace(skb, l4_sum_at, flow->ip[end], ip, BPF_F_PSEUDO_HDR | flags | 4))
		return false;
	if (port_at) {
		if (l4_sum_at && bpf_l4_csum_replace(skb, l4_sum_at, flow->port[end], port, flags | 2))
			return false;
		if (flow->proto == IPPROTO_ICMP && iov_icmp_fix(skb, flow->l4, flow->port[end], port))
			return false;
		if (bpf_skb_store_bytes(skb, port_at, &port, 2, 0))
			return false;
	}
	if (!outer)
		return true;
	/*
	 * The message's own checksum covers all that. (The id of an echo in it and the checksum of that echo make up for each
	 * other.)
	 */
	if (bpf_skb_load_bytes(skb, sum_at, &new_sum, 2) || iov_icmp_fix(skb, outer, old_sum, new_sum))
		return false;
	if (bpf_l4_csum_replace(skb, outer + offsetof(struct iov_icmp, checksum), flow->ip[end], ip, 4))
		return false;
	if (l4_sum_at && (bpf_skb_load_bytes(skb, l4_sum_at, &new_l4_sum, 2) || iov_icmp_fix(skb, outer, old_l4_sum, new_l4_sum)))
		return false;
	return !port_at || flow->proto == IPPROTO_ICMP || !iov_icmp_fix(skb, outer, flow->port[end], port);
}

/* The ports of a module that translates. */
#define IOV_INSIDE 1
#define IOV_OUTSIDE 2

/* A module between them: int translated(struct __sk_buff *skb, struct iov_md *md, bool out) gets what comes in by either. */
#define IOV_TRANSLATOR(translated)                                            \
	static int iov_translator(struct __sk_buff *skb, struct iov_md *md)    \
	{                                                                      \
		if (md->port == IOV_INSIDE)                                    \
			return translated(skb, md, true);                      \
		if (md->port == IOV_OUTSIDE)                                   \
			return translated(skb, md, false);                     \
		return iov_drop(HOVER_DROP_UNSUPPORTED);                       \
	}                                                                      \
	IOV_MODULE(iov_translator)

#endif
