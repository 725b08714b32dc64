/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Names that modules in Hover's dialect use without declaring them: types, byte order, helpers, tables. */
#ifndef HOVER_BCC_HELPERS_H
#define HOVER_BCC_HELPERS_H

/* linux/swab.h would use the machine's instructions, which BPF has not. */
#define __HAVE_BUILTIN_BSWAP16__
#define __HAVE_BUILTIN_BSWAP32__
#define __HAVE_BUILTIN_BSWAP64__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <hover/types.h>
#include <hover/byteorder.h>
#include <hover/kernel.h>
#include <hover/print.h>
#include <hover/packet.h>
#include <hover/table.h>

#define lock_xadd(pointer, number) ((void)__sync_fetch_and_add(pointer, number))
#define bpf_num_cpus() NUMCPUS
/* The lowest bits set; of 64 at most. */
#define MASK(bits) ((bits) < 64 ? (1ULL << ((bits) & 63)) - 1 : ~0ULL)

/* The number of the highest bit set, counted from 0, and 0 for 0: a logarithm for histograms. */
static __always_inline unsigned int hover_log2(unsigned long number)
{
	unsigned int bits = 0;

#pragma clang loop unroll(full)
	for (unsigned int half = 32; half > 0; half /= 2)
		if (number >> half) {
			number >>= half;
			bits += half;
		}
	return bits;
}

#define bpf_log2(number) hover_log2((unsigned int)(number))
/* Counted from 1, and 1 for 0. */
#define bpf_log2l(number) (hover_log2(number) + 1)

#endif
