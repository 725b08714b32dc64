/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What modules in the dialect use of the kernel's header of this name; those in plain C get the one of user space. */
#ifndef HOVER_LINUX_KERNEL_H
#define HOVER_LINUX_KERNEL_H

#include_next <linux/kernel.h>
#ifdef HOVER_IOMODULE_H
#include <hover/kernel.h>

#ifndef min
#define min(a, b) ({ __typeof__(a) hover_a_ = (a); __typeof__(b) hover_b_ = (b); hover_a_ < hover_b_ ? hover_a_ : hover_b_; })
#define max(a, b) ({ __typeof__(a) hover_a_ = (a); __typeof__(b) hover_b_ = (b); hover_a_ > hover_b_ ? hover_a_ : hover_b_; })
#endif
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(n) (1UL << (n))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))

#endif
#endif
