/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* null: counts what comes in and drops it; every n-th packet goes to user space, which logs its length. See README.md. */
#include <iov/module.h>

struct null_config {
	__u32 sample_every; /* 0: none */
};

/* What came in by a port. */
struct null_counters {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct null_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct null_counters);
} counters SEC(".maps");

static int null(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 zero = 0, port = md->port;
	struct null_config *settings = bpf_map_lookup_elem(&config, &zero);
	struct null_counters *count = bpf_map_lookup_elem(&counters, &port);
	__u64 before;

	if (!settings || !count)
		return iov_drop(HOVER_DROP_ERROR);
	__sync_fetch_and_add(&count->bytes, skb->len);
	before = __sync_fetch_and_add(&count->packets, 1);
	if (settings->sample_every && before % settings->sample_every == 0)
		return iov_to_controller(skb, md, 1);
	return iov_drop(HOVER_DROP_MODULE);
}
IOV_MODULE(null);
