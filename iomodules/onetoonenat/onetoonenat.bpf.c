// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * One-to-one NAT: between port 1 (inside) and port 2 (outside), the source of what goes out and the destination of what comes in
 * are replaced, address by address. An address that is in no pair is dropped.
 */
#include <iov/counters.h>
#include <iov/module.h>
#include <iov/translate.h>

struct onetoonenat_address {
	__u32 ip; /* network byte order */
};

enum counter {
	COUNT_OUT,        /* packets translated, inside to outside */
	COUNT_IN,
	COUNT_ICMP_ERROR, /* of these, ICMP errors translated with the packet in them */
	COUNT_UNKNOWN,    /* dropped: the address is in no pair */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct onetoonenat_address);
	__type(value, struct onetoonenat_address);
} egress_nat_table SEC(".maps"), reverse_nat_table SEC(".maps");

IOV_COUNTERS

static __always_inline __u32 *other_address(bool out, __u32 ip)
{
	struct onetoonenat_address key = { .ip = ip };

	return out ? bpf_map_lookup_elem(&egress_nat_table, &key) : bpf_map_lookup_elem(&reverse_nat_table, &key);
}

/* `out` is constant, twice: the verifier does not follow which end a pointer is to. */
static __always_inline int translated(struct __sk_buff *skb, struct iov_md *md, const bool out)
{
	__u32 to = out ? IOV_OUTSIDE : IOV_INSIDE;
	/* What is translated of a packet, and of the packet in an ICMP error, which went the other way. */
	enum iov_end end = out ? IOV_SOURCE : IOV_DESTINATION, inner_end = out ? IOV_DESTINATION : IOV_SOURCE;
	struct iov_flow flow, inner;
	__u32 *ip, *inner_ip;

	/* ARP and whatever else is not IPv4 is for those at both sides. */
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return iov_forward(skb, md, to);
	if (!iov_parse_flow(skb, IOV_L3, end, &flow))
		return iov_drop(HOVER_DROP_MALFORMED);
	ip = other_address(out, flow.ip[end]);
	if (!ip) {
		count(COUNT_UNKNOWN);
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	}
	if (iov_icmp_error(&flow)) {
		__u32 inner_l3 = flow.l4 + sizeof(struct iov_icmp);

		if (!iov_parse_flow(skb, inner_l3, inner_end, &inner))
			return iov_drop(HOVER_DROP_MALFORMED);
		inner_ip = other_address(out, inner.ip[inner_end]);
		if (inner_ip) {
			if (!iov_translate(skb, inner_l3, &inner, inner_end, *inner_ip, inner.port[inner_end], flow.l4))
				return iov_drop(HOVER_DROP_MALFORMED);
			count(COUNT_ICMP_ERROR);
		}
	}
	if (!iov_translate(skb, IOV_L3, &flow, end, *ip, flow.port[end], 0))
		return iov_drop(HOVER_DROP_MALFORMED);
	count(out ? COUNT_OUT : COUNT_IN);
	return iov_forward(skb, md, to);
}

IOV_TRANSLATOR(translated);
