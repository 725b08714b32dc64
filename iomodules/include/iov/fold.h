/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One's complement sums (RFC 1071) in registers. */
#ifndef IOV_FOLD_H
#define IOV_FOLD_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* 16-bit words are in memory order, so that nothing needs to be swapped. */
static __always_inline __u16 iov_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* What a 64-bit word adds to a sum. */
static __always_inline __u64 iov_halves(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

#endif
