/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * bpf_trace_printk() of the dialect does nothing: published modules print several lines a packet, which costs more than the rest.
 * bpf_printk() prints, to /sys/kernel/tracing/trace_pipe.
 */
#ifndef HOVER_PRINT_H
#define HOVER_PRINT_H

#include <bpf/bpf_helpers.h>

static long (*const hover_printk)(const char *format, __u32 size, ...) = (void *)BPF_FUNC_trace_printk;

#undef bpf_printk
#define bpf_printk(format, ...)                                        \
	({                                                             \
		static const char hover_format[] = format;             \
		hover_printk(hover_format, sizeof(hover_format), ##__VA_ARGS__); \
	})
#define bpf_trace_printk(...) (0)

#endif
