/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a module counts of its work: `counters`, one value for each constant of an enum that ends with COUNTERS. */
#ifndef IOV_COUNTERS_H
#define IOV_COUNTERS_H

#include <iov/module.h>

/* The map and count(), which adds one to a counter. To be written after the enum, without a semicolon. */
#define IOV_COUNTERS                                                          \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_ARRAY);                              \
		__uint(max_entries, COUNTERS);                                 \
		__type(key, __u32);                                            \
		__type(value, __u64);                                          \
	} counters SEC(".maps");                                               \
									       \
	static __always_inline void count(__u32 counter)                       \
	{                                                                      \
		__u64 *value = bpf_map_lookup_elem(&counters, &counter);       \
									       \
		if (value)                                                     \
			__sync_fetch_and_add(value, 1);                        \
	}

#endif
