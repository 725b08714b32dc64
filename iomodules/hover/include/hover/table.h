/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * BPF_TABLE(type, key, value, name, size): a BTF map, and a constant struct `name` of functions on it, so that
 * `name.lookup(&key)` is C. The compiler sees through the struct: no call is left. To the agent the map's suffix says whether
 * others may use it (__public, else __table), and map_extra 1 that it is another module's.
 */
#ifndef HOVER_TABLE_H
#define HOVER_TABLE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define hover_is(type, name) (__builtin_strcmp(type, name) == 0)
/* 0 for what is no type of table here. */
#define hover_map_type(t)                                                         \
	(hover_is(t, "hash")           ? BPF_MAP_TYPE_HASH :                      \
	 hover_is(t, "array")          ? BPF_MAP_TYPE_ARRAY :                     \
	 hover_is(t, "extern")         ? BPF_MAP_TYPE_HASH :                      \
	 hover_is(t, "percpu_hash")    ? BPF_MAP_TYPE_PERCPU_HASH :               \
	 hover_is(t, "percpu_array")   ? BPF_MAP_TYPE_PERCPU_ARRAY :              \
	 hover_is(t, "lru_hash")       ? BPF_MAP_TYPE_LRU_HASH :                  \
	 hover_is(t, "lru_percpu_hash") ? BPF_MAP_TYPE_LRU_PERCPU_HASH :          \
	 hover_is(t, "lpm_trie")       ? BPF_MAP_TYPE_LPM_TRIE :                  \
	 hover_is(t, "histogram")      ? BPF_MAP_TYPE_HASH :                      \
	 hover_is(t, "prog")           ? BPF_MAP_TYPE_PROG_ARRAY :                \
	 hover_is(t, "perf_output")    ? BPF_MAP_TYPE_PERF_EVENT_ARRAY :          \
					 BPF_MAP_TYPE_UNSPEC)

/*
 * What a lookup found. Where a module goes on with something else if that is nothing, the compiler computes places of fields before
 * it is known to be there, which the verifier forbids; so it is another value once it is.
 */
static __always_inline void *hover_there(void *found)
{
	if (!found)
		return NULL;
	asm volatile("" : "+r"(found));
	__builtin_assume(found != NULL);
	return found;
}

static __always_inline void hover_add(void *number, unsigned long size, unsigned long long by)
{
	switch (size) {
	case 4:
		__sync_fetch_and_add((__u32 *)number, by);
		break;
	case 8:
		__sync_fetch_and_add((__u64 *)number, by);
		break;
	case 2:
		*(__u16 *)number += by;
		break;
	case 1:
		*(__u8 *)number += by;
		break;
	}
}

/* A histogram of plain numbers is an array. */
#define HOVER_TABLE(t, K, V, name, size, flags, suffix)                                             \
	enum { name##__type = hover_is(t, "histogram") && _Generic(*(K *)0, int: 1, default: 0) ?   \
				      BPF_MAP_TYPE_ARRAY : hover_map_type(t) };                                                  \
	_Static_assert(name##__type != BPF_MAP_TYPE_UNSPEC,                                         \
		       "a table is of type hash, array, percpu_hash, percpu_array, lru_hash, lru_percpu_hash, lpm_trie, histogram, prog, perf_output or extern"); \
	struct {                                                                                    \
		__uint(type, name##__type);                                                         \
		__uint(max_entries, size);                                                          \
		__uint(map_extra, hover_is(t, "extern"));                                           \
		__uint(map_flags, (flags) | (name##__type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0)); \
		__type(key, K);                                                                     \
		__type(value, V);                                                                   \
	} name##suffix SEC(".maps");                                                                \
	static __always_inline V *name##__lookup(const void *key)                                   \
	{                                                                                           \
		return hover_there(bpf_map_lookup_elem(&name##suffix, key));                        \
	}                                                                                           \
	/* Never NULL, since callers do not look: where nothing can be inserted, the given value. */ \
	static __always_inline V *name##__lookup_or_init(const void *key, void *value)              \
	{                                                                                           \
		V *there = bpf_map_lookup_elem(&name##suffix, key);                                 \
												    \
		if (!there) {                                                                       \
			bpf_map_update_elem(&name##suffix, key, value, BPF_NOEXIST);                \
			there = bpf_map_lookup_elem(&name##suffix, key);                            \
			there = there ? there : (V *)value;                                         \
		}                                                                                   \
		/* Nothing is to be computed from it before it is known to be there. */             \
		asm volatile("" : "+r"(there));                                                     \
		return there;                                                                       \
	}                                                                                           \
	static __always_inline V *name##__lookup_or_try_init(const void *key, const void *value)    \
	{                                                                                           \
		V *there = bpf_map_lookup_elem(&name##suffix, key);                                 \
												    \
		if (there)                                                                          \
			return there;                                                               \
		bpf_map_update_elem(&name##suffix, key, value, BPF_NOEXIST);                        \
		return hover_there(bpf_map_lookup_elem(&name##suffix, key));                        \
	}                                                                                           \
	static __always_inline int name##__update(const void *key, const void *value)               \
	{                                                                                           \
		return bpf_map_update_elem(&name##suffix, key, value, BPF_ANY);                     \
	}                                                                                           \
	static __always_inline int name##__insert(const void *key, const void *value)               \
	{                                                                                           \
		return bpf_map_update_elem(&name##suffix, key, value, BPF_NOEXIST);                 \
	}                                                                                           \
	static __always_inline int name##__delete(const void *key)                                  \
	{                                                                                           \
		return bpf_map_delete_elem(&name##suffix, key);                                     \
	}                                                                                           \
	/* Adds to a number; in a hash, where there is none, from 0. */                             \
	static __always_inline void name##__increment_by(K key, unsigned long long by)              \
	{                                                                                           \
		V *there = bpf_map_lookup_elem(&name##suffix, &key);                                \
												    \
		if (!there) {                                                                       \
			V zero;                                                                     \
												    \
			__builtin_memset(&zero, 0, sizeof(zero));                                   \
			bpf_map_update_elem(&name##suffix, &key, &zero, BPF_NOEXIST);               \
			there = bpf_map_lookup_elem(&name##suffix, &key);                           \
		}                                                                                   \
		if (there)                                                                          \
			hover_add(there, sizeof(V), by);                                            \
	}                                                                                           \
	static __always_inline void name##__increment(K key)                                        \
	{                                                                                           \
		name##__increment_by(key, 1);                                                       \
	}                                                                                           \
	static __always_inline int name##__perf_submit(void *skb, void *data, __u32 bytes)          \
	{                                                                                           \
		return bpf_perf_event_output(skb, &name##suffix, BPF_F_CURRENT_CPU, data, bytes);   \
	}                                                                                           \
	static __always_inline int name##__perf_submit_skb(void *skb, __u32 length, void *data, __u32 bytes) \
	{                                                                                           \
		return bpf_perf_event_output(skb, &name##suffix,                                    \
					     (__u64)length << 32 | BPF_F_CURRENT_CPU, data, bytes); \
	}                                                                                           \
	static __always_inline void name##__call(void *skb, int index)                              \
	{                                                                                           \
		bpf_tail_call(skb, &name##suffix, index);                                           \
	}                                                                                           \
	static const struct {                                                                       \
		V *(*lookup)(const void *);                                                         \
		V *(*lookup_or_init)(const void *, void *);                                         \
		V *(*lookup_or_try_init)(const void *, const void *);                               \
		int (*update)(const void *, const void *);                                          \
		int (*insert)(const void *, const void *);                                          \
		int (*delete)(const void *);                                                        \
		void (*call)(void *, int);                                                          \
		void (*increment)(K);                                                               \
		void (*increment_by)(K, unsigned long long);                                        \
		void (*atomic_increment)(K);                                                        \
		void (*atomic_increment_by)(K, unsigned long long);                                 \
		int (*perf_submit)(void *, void *, __u32);                                          \
		int (*perf_submit_skb)(void *, __u32, void *, __u32);                               \
	} name __attribute__((unused)) = {                                                          \
		name##__lookup, name##__lookup_or_init, name##__lookup_or_try_init, name##__update, \
		name##__insert, name##__delete,         name##__call,                               \
		name##__increment, name##__increment_by, name##__increment, name##__increment_by,   \
		name##__perf_submit, name##__perf_submit_skb,                                       \
	}

/* "extern" declares another module's public table: the agent puts that one in, whatever its type. */
#define BPF_TABLE(t, K, V, name, size) HOVER_TABLE(t, K, V, name, size, 0, __table)
#define BPF_F_TABLE(t, K, V, name, size, flags) HOVER_TABLE(t, K, V, name, size, flags, __table)
#define BPF_TABLE_PUBLIC(t, K, V, name, size) HOVER_TABLE(t, K, V, name, size, 0, __public)

#define hover_pick(_1, _2, _3, _4, macro, ...) macro
#define HOVER_HASH1(t, name) BPF_TABLE(t, u64, u64, name, 10240)
#define HOVER_HASH2(t, name, K) BPF_TABLE(t, K, u64, name, 10240)
#define HOVER_HASH3(t, name, K, V) BPF_TABLE(t, K, V, name, 10240)
#define HOVER_HASH4(t, name, K, V, size) BPF_TABLE(t, K, V, name, size)
#define HOVER_HASH(t, ...) \
	hover_pick(__VA_ARGS__, HOVER_HASH4, HOVER_HASH3, HOVER_HASH2, HOVER_HASH1)(t, __VA_ARGS__)
#define BPF_HASH(...) HOVER_HASH("hash", __VA_ARGS__)
#define BPF_PERCPU_HASH(...) HOVER_HASH("percpu_hash", __VA_ARGS__)
#define BPF_LPM_TRIE(...) HOVER_HASH("lpm_trie", __VA_ARGS__)
#define HOVER_ARRAY1(t, name) BPF_TABLE(t, int, u64, name, 10240)
#define HOVER_ARRAY2(t, name, V) BPF_TABLE(t, int, V, name, 10240)
#define HOVER_ARRAY3(t, name, V, size) BPF_TABLE(t, int, V, name, size)
#define HOVER_ARRAY(t, ...) \
	hover_pick(__VA_ARGS__, , HOVER_ARRAY3, HOVER_ARRAY2, HOVER_ARRAY1)(t, __VA_ARGS__)
#define BPF_ARRAY(...) HOVER_ARRAY("array", __VA_ARGS__)
#define BPF_PERCPU_ARRAY(...) HOVER_ARRAY("percpu_array", __VA_ARGS__)
#define HOVER_HISTOGRAM1(name) BPF_TABLE("histogram", int, u64, name, 64)
#define HOVER_HISTOGRAM2(name, K) BPF_TABLE("histogram", K, u64, name, 64)
#define HOVER_HISTOGRAM3(name, K, size) BPF_TABLE("histogram", K, u64, name, size)
#define BPF_HISTOGRAM(...) \
	hover_pick(__VA_ARGS__, , HOVER_HISTOGRAM3, HOVER_HISTOGRAM2, HOVER_HISTOGRAM1)(__VA_ARGS__)
#define BPF_PROG_ARRAY(name, size) BPF_TABLE("prog", u32, u32, name, size)
/* Nobody listens here, as in Hover, which has no way to: perf_submit() fails. */
#define BPF_PERF_OUTPUT(name) BPF_TABLE("perf_output", int, u32, name, NUMCPUS)

#endif
