/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* mirror: passes packets between ports 1 and 2, and copies them to port 3. See README.md. */
#include <iov/module.h>

#define COPIES 3

struct mirror_config {
	__u32 copied; /* bit n: what comes in by port n */
};

/* What came in by a port. */
struct mirror_counters {
	__u64 packets;
	__u64 bytes;
	__u64 copied; /* packets that were also given to port 3 */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mirror_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COPIES + 1);
	__type(key, __u32);
	__type(value, struct mirror_counters);
} counters SEC(".maps");

static int mirror(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 zero = 0, port = md->port;
	struct mirror_config *settings = bpf_map_lookup_elem(&config, &zero);
	struct mirror_counters *count = bpf_map_lookup_elem(&counters, &port);

	/* What is linked there only listens. */
	if (!settings || !count || port == 0 || port >= COPIES)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	__sync_fetch_and_add(&count->packets, 1);
	__sync_fetch_and_add(&count->bytes, skb->len);
	if (settings->copied >> port & 1) {
		__sync_fetch_and_add(&count->copied, 1);
		iov_mirror(skb, md, COPIES);
	}
	return iov_forward(skb, md, port == 1 ? 2 : 1);
}
IOV_MODULE(mirror);
