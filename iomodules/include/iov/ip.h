/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Headers above Ethernet as they are on the wire, and small tests on addresses. */
#ifndef IOV_IP_H
#define IOV_IP_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct iov_ip4_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment; /* flags and offset */
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
};
#define IOV_ECN_MASK 3 /* of the type of service or traffic class (RFC 3168) */
#define IOV_ECN_CE 3   /* congestion experienced */
#define IOV_IP4_OFFSET_MASK 0x1fff
#define IOV_IP4_FRAGMENT_MASK 0x3fff /* offset and "more fragments" */

struct iov_ip6_header {
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__be32 source[4];
	__be32 destination[4];
};

struct iov_udp_header {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 checksum;
};

/* RFC 826 for IPv4 over Ethernet. */
struct iov_arp_header {
	__be16 hardware_type;
	__be16 protocol_type;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__be32 sender_ip;
	__u8 target_mac[6];
	__be32 target_ip;
} __attribute__((packed));
#define IOV_ARP_REQUEST 1
#define IOV_ARP_REPLY 2

/* RFC 4861 4.3 and 4.4, without options. */
struct iov_nd_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 flags;
	__be32 target[4];
};
#define IOV_ND_SOLICITATION 135
#define IOV_MLD_QUERY 130
#define IOV_MLD_REPORT 131
#define IOV_MLD_DONE 132
#define IOV_MLD2_REPORT 143
#define IOV_IGMP_QUERY 0x11
#define IOV_IGMP_REPORT 0x12
#define IOV_IGMP2_REPORT 0x16
#define IOV_IGMP2_LEAVE 0x17
#define IOV_IGMP3_REPORT 0x22
#define IOV_ND_ADVERTISEMENT 136
#define IOV_ND_SOURCE_LINK_ADDRESS 1
#define IOV_ND_TARGET_LINK_ADDRESS 2
#define IOV_ND_FLAG_SOLICITED 0x40000000
#define IOV_ND_FLAG_OVERRIDE 0x20000000

static __always_inline int iov_ip6_equal(const __be32 *a, const void *b)
{
	const __be32 *c = b;

	return ((a[0] ^ c[0]) | (a[1] ^ c[1]) | (a[2] ^ c[2]) | (a[3] ^ c[3])) == 0;
}

static __always_inline int iov_ip6_is_any(const __be32 *a)
{
	return (a[0] | a[1] | a[2] | a[3]) == 0;
}

/* fe80::/64 and the EUI-64 of the MAC (RFC 4291 appendix A). */
static __always_inline int iov_ip6_is_link_local_of(const __be32 *a, const __u8 *mac)
{
	__u32 high = (__u32)(mac[0] ^ 2) << 24 | (__u32)mac[1] << 16 | (__u32)mac[2] << 8 | 0xff;
	__u32 low = 0xfe000000 | (__u32)mac[3] << 16 | (__u32)mac[4] << 8 | mac[5];

	return a[0] == bpf_htonl(0xfe800000) && a[1] == 0 && a[2] == bpf_htonl(high) && a[3] == bpf_htonl(low);
}

/* Is a the solicited-node multicast address ff02::1:ffXX:XXXX of target (RFC 4291 2.7.1)? */
static __always_inline int iov_ip6_is_solicited_node_of(const __be32 *a, const __be32 *target)
{
	return a[0] == bpf_htonl(0xff020000) && a[1] == 0 && a[2] == bpf_htonl(1) &&
	       a[3] == (target[3] | bpf_htonl(0xff000000));
}

#endif
