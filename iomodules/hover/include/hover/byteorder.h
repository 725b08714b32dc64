/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Byte order; constants stay constants, for `case htons(ETH_P_IP):`. BPF runs in the machine's order, which is little-endian. */
#ifndef HOVER_BYTEORDER_H
#define HOVER_BYTEORDER_H

#include <bpf/bpf_endian.h>

#define hover_swap16(x) ((__u16)(((x) & 0xffU) << 8 | ((x) >> 8 & 0xffU)))
#define hover_swap32(x) \
	((__u32)(((x) & 0xffU) << 24 | ((x) & 0xff00U) << 8 | ((x) >> 8 & 0xff00U) | ((x) >> 24 & 0xffU)))

#define htons(x) (__builtin_constant_p(x) ? hover_swap16(x) : __builtin_bswap16(x))
#define ntohs(x) htons(x)
#define htonl(x) (__builtin_constant_p(x) ? hover_swap32(x) : __builtin_bswap32(x))
#define ntohl(x) htonl(x)
#define bpf_htonll(x) __builtin_bswap64(x)
#define bpf_ntohll(x) __builtin_bswap64(x)
#define htonll(x) __builtin_bswap64(x)
#define ntohll(x) __builtin_bswap64(x)

#endif
