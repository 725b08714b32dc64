/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Packet cursors. `p = cursor_advance(cursor, n)` gives the offset of a header in the packet, as a pointer; what reads and writes
 * p->field is replaced, before compiling, by hover_load() and hover_store(): see agent/src/hover/compile/rewrite.ts.
 */
#ifndef HOVER_PACKET_H
#define HOVER_PACKET_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define cursor_advance(cursor, bytes)                     \
	({                                                \
		void *hover_cursor_ = (void *)(cursor);   \
		(cursor) += (bytes);                      \
		hover_cursor_;                            \
	})

/*
 * The `width` bits (up to 64, within 8 bytes) that begin `bit` bits behind the byte at `offset`, in host order. Bits are counted
 * as RFCs draw them, the most significant first. Beyond the packet: 0.
 */
static __always_inline __u64 hover_load(void *skb, __u64 offset, __u32 bit, __u32 width)
{
	__u32 bytes = (bit % 8 + width + 7) / 8;
	__u64 word = 0;

	if (bpf_skb_load_bytes(skb, offset + bit / 8, (__u8 *)&word + 8 - bytes, bytes))
		return 0;
	word = __builtin_bswap64(word) >> (bytes * 8 - bit % 8 - width);
	return width < 64 ? word & ((1ULL << (width & 63)) - 1) : word;
}

/* Writes what hover_load() reads, and returns it; beyond the packet nothing. Checksums are the module's business. */
static __always_inline __u64 hover_store(void *skb, __u64 offset, __u32 bit, __u32 width, __u64 value)
{
	__u32 bytes = (bit % 8 + width + 7) / 8, shift = bytes * 8 - bit % 8 - width;
	__u64 mask = (width < 64 ? (1ULL << (width & 63)) - 1 : ~0ULL) << shift;
	__u64 word = 0;

	if (bpf_skb_load_bytes(skb, offset + bit / 8, (__u8 *)&word + 8 - bytes, bytes))
		return value;
	word = __builtin_bswap64((__builtin_bswap64(word) & ~mask) | (value << shift & mask));
	bpf_skb_store_bytes(skb, offset + bit / 8, (__u8 *)&word + 8 - bytes, bytes, 0);
	return value;
}

/* Reads and writes at an offset, in host order. */
#define load_byte(skb, offset) hover_load(skb, offset, 0, 8)
#define load_half(skb, offset) hover_load(skb, offset, 0, 16)
#define load_word(skb, offset) hover_load(skb, offset, 0, 32)
#define load_dword(skb, offset) hover_load(skb, offset, 0, 64)
#define bpf_store_byte(skb, offset, value) ((void)hover_store(skb, offset, 0, 8, value))
#define bpf_store_half(skb, offset, value) ((void)hover_store(skb, offset, 0, 16, value))
#define bpf_store_word(skb, offset, value) ((void)hover_store(skb, offset, 0, 32, value))
#define bpf_store_dword(skb, offset, value) ((void)hover_store(skb, offset, 0, 64, value))
#define bpf_dext_pkt(skb, offset, bit, width) hover_load(skb, offset, bit, width)
#define bpf_dins_pkt(skb, offset, bit, width, value) ((void)hover_store(skb, offset, bit, width, value))

/* A number of 2, 4 or 8 bytes in network order; of other sizes as it is. */
static __always_inline __u64 hover_on_wire(__u64 value, __u64 size)
{
	switch (size & 15) {
	case 2:
		return __builtin_bswap16(value);
	case 4:
		return __builtin_bswap32(value);
	case 8:
		return __builtin_bswap64(value);
	}
	return value;
}

/*
 * Corrects a checksum for a value in host order that has changed; the flags are the helpers', with the value's bytes in the lowest
 * four bits. The helper knows of no 8 bytes.
 */
#define bpf_l3_csum_replace_(skb, offset, from, to, flags)                                           \
	bpf_l3_csum_replace(skb, offset, hover_on_wire(from, flags), hover_on_wire(to, flags), flags)
#define bpf_l4_csum_replace_(skb, offset, from, to, flags)                                           \
	bpf_l4_csum_replace(skb, offset, hover_on_wire(from, flags), hover_on_wire(to, flags), flags)

/* The same for `&p->field`, in a function that has the packet in `skb`. */
#define incr_cksum_l3(field, from, to) \
	bpf_l3_csum_replace_(skb, (__u64)(unsigned long)(field), from, to, sizeof(to))
#define incr_cksum_l4(field, from, to, pseudo) \
	bpf_l4_csum_replace_(skb, (__u64)(unsigned long)(field), from, to, ((pseudo) & 1) << 4 | sizeof(to))

#endif
