/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * policer: between two ports, a token bucket for each direction. See README.md.
 *
 * As in ../police, the bucket is kept as the time at which it will be full again: nothing is lost to rounding, and all CPUs share
 * it under its lock, so the limit is exact.
 */
#include <iov/module.h>

#define SECOND 1000000000ULL
/* Of a segment of a large packet: Ethernet, IPv4, TCP. */
#define SEGMENT_HEADERS 54

struct policer_limit {
	__u64 bytes_per_second; /* 0: no limit */
	__u64 burst;            /* bytes, at most 8 GiB: its time fits into 64 bits */
};

struct policer_bucket {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 full_at; /* CLOCK_MONOTONIC, nanoseconds */
};

/* What came in by a port. */
struct policer_counters {
	__u64 packets;
	__u64 bytes;
	__u64 dropped_packets;
	__u64 dropped_bytes;
};

/* All three by the port that the packet came in by. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct policer_limit);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct policer_bucket);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct policer_counters);
} counters SEC(".maps");

/* A packet larger than the whole bucket needs a full one, and leaves a debt. */
static __always_inline bool take(struct policer_bucket *bucket, const struct policer_limit *limit, __u64 bytes)
{
	__u64 a_second = limit->bytes_per_second, now = bpf_ktime_get_ns(), cost, whole, wanted, full_at;
	bool ok;

	if (!a_second)
		return true;
	cost = bytes * SECOND / a_second;
	whole = limit->burst * SECOND / a_second;
	wanted = cost < whole ? cost : whole;
	bpf_spin_lock(&bucket->lock);
	full_at = bucket->full_at;
	if (full_at < now)
		full_at = now;
	ok = full_at + wanted <= now + whole;
	if (ok)
		bucket->full_at = full_at + cost;
	bpf_spin_unlock(&bucket->lock);
	return ok;
}

static int policer(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 port = md->port;
	struct policer_limit *limit = bpf_map_lookup_elem(&limits, &port);
	struct policer_bucket *bucket = bpf_map_lookup_elem(&buckets, &port);
	struct policer_counters *count = bpf_map_lookup_elem(&counters, &port);
	__u64 bytes = skb->len;

	if (!limit || !bucket || !count || !port)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (skb->gso_segs > 1)
		bytes += (__u64)(skb->gso_segs - 1) * SEGMENT_HEADERS;
	if (!take(bucket, limit, bytes)) {
		__sync_fetch_and_add(&count->dropped_packets, 1);
		__sync_fetch_and_add(&count->dropped_bytes, bytes);
		return iov_drop(HOVER_DROP_RATE);
	}
	__sync_fetch_and_add(&count->packets, 1);
	__sync_fetch_and_add(&count->bytes, bytes);
	return iov_forward(skb, md, port == 1 ? 2 : 1);
}
IOV_MODULE(policer);
