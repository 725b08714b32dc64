/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The outer header of a tunnel packet:
 *
 *   0 Ethernet 14 | 14 IPv4 20 | 34 UDP 8 | 42 VXLAN 8             | 50 inner frame     (RFC 7348)
 *   0 Ethernet 14 | 14 IPv4 20 | 34 UDP 8 | 42 Geneve 8 + option 8 | 58 inner frame     (RFC 8926, ovn-architecture(7))
 *   0 Ethernet 14 | 14 IPv6 40 | 54 UDP 8 | 62 VXLAN 8             | 70 inner frame
 *   0 Ethernet 14 | 14 IPv6 40 | 54 UDP 8 | 62 Geneve 8 + option 8 | 78 inner frame
 */
#ifndef IOV_OUTER_H
#define IOV_OUTER_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IOV_VXLAN_PORT 4789
#define IOV_GENEVE_PORT 6081

#define IOV_OUTER_IP 14
#define IOV_OUTER_UDP 34
#define IOV_OUTER_UDP6 54
#define IOV_UDP_LENGTH 8
#define IOV_VXLAN_LENGTH 8
#define IOV_GENEVE_LENGTH 16 /* with the option */
#define IOV_OUTER_VXLAN_LENGTH 50
#define IOV_OUTER_GENEVE_LENGTH 58
#define IOV_OUTER6_VXLAN_LENGTH 70
#define IOV_OUTER6_GENEVE_LENGTH 78

/* The kinds of tunnels, in the order of the lengths of their headers. */
#define IOV_KIND_GENEVE 1
#define IOV_KIND_IP6 2
#define IOV_KINDS 4

/* First word of a VXLAN header: the I flag alone. */
#define IOV_VXLAN_FLAGS 0x08000000
/* First word of a Geneve header: version 0, two words of options, not OAM, Ethernet inside. The critical flag and reserved
 * bits may be anything. */
#define IOV_GENEVE_WORD 0x02006558
#define IOV_GENEVE_WORD_MASK 0xff80ffff
/* First word of OVN's option: class 0x0102, critical type 0x80, one word of data. Three reserved bits may be anything. */
#define IOV_GENEVE_OPTION 0x01028001
#define IOV_GENEVE_OPTION_MASK 0xffffff1f

/* OVN in VXLAN mode: VNI = 12 bits of egress key, 12 bits of datapath key; groups are egress keys from 2048 on, which stand
 * for the multicast group keys from 0x8000 on. */
#define IOV_VXLAN_KEY_BITS 12
#define IOV_VXLAN_KEY_MASK 0xfff
#define IOV_VXLAN_MULTICAST 0x800
#define IOV_MULTICAST_KEY 0x8000

/* Outer headers are put together in 64-bit words: 16-bit stores that a wide copy reads back would stall. Every field that
 * differs by packet lies within one word, at an even byte. */
#define IOV_OUTER_WORDS 12 /* the longest header and the inner Ethernet header */

/* A 16-bit field in network order, at byte `byte` of a 64-bit word. */
static __always_inline __u64 iov_at_byte(__be16 field, int byte)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)field << (byte * 8);
#else
	return (__u64)field << (48 - byte * 8);
#endif
}

/* The 16-bit field at byte 0 of a word. */
static __always_inline __be16 iov_first_field(__u64 word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return word;
#else
	return word >> 48;
#endif
}

/* The two 16-bit fields of 32 bits in network order. */
static __always_inline __be16 iov_upper_field(__be32 fields)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return fields;
#else
	return fields >> 16;
#endif
}

static __always_inline __be16 iov_lower_field(__be32 fields)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return fields >> 16;
#else
	return fields;
#endif
}

/* The word of a MAC address (readable for 8 bytes) behind a 16-bit field. */
static __always_inline __u64 iov_mac_behind(__be16 field, const void *mac)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return *(const __u64 *)mac << 16 | field;
#else
	return *(const __u64 *)mac >> 16 | (__u64)field << 48;
#endif
}

/* The word of a MAC address (readable for 8 bytes) and a 16-bit field behind it. */
static __always_inline __u64 iov_mac_before(const void *mac, __be16 field)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (*(const __u64 *)mac & 0xffffffffffffULL) | (__u64)field << 48;
#else
	return (*(const __u64 *)mac & ~0xffffULL) | field;
#endif
}

/* The word of the last two bytes of a destination MAC, the source MAC behind it (each readable as 8 bytes), and the type behind that:
 * what follows a word of iov_mac_behind(). */
static __always_inline __u64 iov_macs_end(const __u64 *macs)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return macs[1] << 16 | macs[0] >> 48;
#else
	return macs[1] >> 16 | macs[0] << 48;
#endif
}

/* One's complement sum of an IPv4 header without options, folded: 0xffff when its checksum is right. */
static __always_inline __u16 iov_ip4_sum(const void *header)
{
	const __u16 *words = header;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The checksum field after 16-bit words (network order, `words`: their sum) were added to a header whose field was `checksum`
 * (RFC 1624, the old values being 0). */
static __always_inline __be16 iov_ip4_checksum_add(__be16 checksum, __u32 words)
{
	__u32 sum = (__u16)~checksum + words;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

#endif
