/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* May a packet be answered by an ICMP error? */
#ifndef IOV_TOOBIG_H
#define IOV_TOOBIG_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include "chain.h"
#include "ethernet.h"
#include "ip.h"

/* RFC 792. linux/icmp.h wants headers of the C library. */
#define ICMP_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP6_FIRST_QUERY 128

static __always_inline int iov_ip4_is_multicast(__be32 ip)
{
	return (bpf_ntohl(ip) & 0xf0000000) == 0xe0000000 || ip == bpf_htonl(0xffffffff);
}

static __always_inline int iov_is_icmp_error(const struct iov_packet *pkt)
{
	__u16 type = bpf_ntohs(pkt->sport);

	if (pkt->flags & IOV_PKT_IP6)
		return pkt->ip_proto == IPPROTO_ICMPV6 && type < ICMP6_FIRST_QUERY;
	return pkt->ip_proto == IPPROTO_ICMP &&
	       (type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
		type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM);
}

/* RFC 1812 4.3.2.7, RFC 4443 2.4 (e). Without l4_offset it is a later fragment. */
static __always_inline int iov_may_be_answered(struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	if (!pkt->in_port || pkt->room || pkt->flags & (IOV_PKT_MULTICAST | IOV_PKT_FROM_TUNNEL) ||
	    !pkt->l4_offset || iov_is_icmp_error(pkt))
		return 0;
	/* With two tags, the kernel's idea of the protocol is that of the second. */
	if (pkt->l3_offset != IOV_ETHERNET_LENGTH || ctx->protocol != pkt->eth_type)
		return 0;
	if (pkt->flags & IOV_PKT_IP4)
		return pkt->ip_src[0] && !iov_ip4_is_multicast(pkt->ip_src[0]) && !iov_ip4_is_multicast(pkt->ip_dst[0]);
	return pkt->flags & IOV_PKT_IP6 && !iov_ip6_is_any(pkt->ip_src) && (pkt->ip_src[0] & bpf_htonl(0xff000000)) != bpf_htonl(0xff000000) &&
	       (pkt->ip_dst[0] & bpf_htonl(0xff000000)) != bpf_htonl(0xff000000);
}

#endif
