/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Names that modules have from the kernel's own headers, with which BCC compiled; user space headers lack them. */
#ifndef HOVER_KERNEL_H
#define HOVER_KERNEL_H

#include <asm/byteorder.h>
#include <linux/types.h>

#define cpu_to_be16(x) __cpu_to_be16(x)
#define cpu_to_be32(x) __cpu_to_be32(x)
#define cpu_to_be64(x) __cpu_to_be64(x)
#define be16_to_cpu(x) __be16_to_cpu(x)
#define be32_to_cpu(x) __be32_to_cpu(x)
#define be64_to_cpu(x) __be64_to_cpu(x)
#define cpu_to_le16(x) __cpu_to_le16(x)
#define cpu_to_le32(x) __cpu_to_le32(x)
#define cpu_to_le64(x) __cpu_to_le64(x)
#define le16_to_cpu(x) __le16_to_cpu(x)
#define le32_to_cpu(x) __le32_to_cpu(x)
#define le64_to_cpu(x) __le64_to_cpu(x)
#define swab16(x) __swab16(x)
#define swab32(x) __swab32(x)
#define swab64(x) __swab64(x)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() asm volatile("" ::: "memory")
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define ACCESS_ONCE(x) (*(volatile __typeof__(x) *)&(x))

#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __aligned
#define __aligned(x) __attribute__((aligned(x)))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused))
#endif
#ifndef noinline
#define noinline
#endif

/* There is no C library: where the compiler knows the size, these become instructions. */
#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#define memmove(to, from, size) __builtin_memmove(to, from, size)
#define memset(at, byte, size) __builtin_memset(at, byte, size)
#define memcmp(a, b, size) hover_memcmp(a, b, size)

/* Of a size that is known when compiling. */
static __always_inline int hover_memcmp(const void *a, const void *b, unsigned long size)
{
	const unsigned char *x = a, *y = b;

#pragma clang loop unroll(full)
	for (unsigned long i = 0; i < size; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

#endif
