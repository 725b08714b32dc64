/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* MAC addresses as three 16-bit words: they are 2-byte aligned everywhere in the ABI, and clang copies arrays by the byte. */
#ifndef IOV_ETHERNET_H
#define IOV_ETHERNET_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Ethernet types and lengths that linux/if_ether.h lacks or that are clearer here. */
#define IOV_ETHERNET_LENGTH 14
#define IOV_VLAN_LENGTH 4

static __always_inline void iov_mac_copy(void *to, const void *from)
{
	__u16 *t = to;
	const __u16 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
}

static __always_inline int iov_mac_equal(const void *a, const void *b)
{
	const __u16 *x = a, *y = b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
}

static __always_inline int iov_mac_is_zero(const void *a)
{
	const __u16 *x = a;

	return (x[0] | x[1] | x[2]) == 0;
}

/*
 * The 8-byte hash keys {__u16 number, MAC} of iov_fdb and iov_security, made in one register: half-word stores followed by
 * the hash function's wide loads would stall. `mac` must be readable for 8 bytes.
 */
static __always_inline __u64 iov_mac_key(__u16 number, const void *mac)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return *(const __u64 *)mac << 16 | number;
#else
	return *(const __u64 *)mac >> 16 | (__u64)number << 48;
#endif
}

#endif
