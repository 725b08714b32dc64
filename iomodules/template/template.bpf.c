/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* template: passes packets between two ports, those of one Ethernet type excepted. See README.md. */
#include <iov/module.h>

struct template_config {
	__be16 refused; /* Ethernet type; 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct template_config);
} config SEC(".maps");

static int template(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 zero = 0;
	struct template_config *settings = bpf_map_lookup_elem(&config, &zero);
	struct ethhdr *eth = (void *)(long)skb->data;

	if (!settings)
		return iov_drop(HOVER_DROP_ERROR);
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return iov_drop(HOVER_DROP_MALFORMED);
	if (settings->refused && eth->h_proto == settings->refused)
		return iov_drop(HOVER_DROP_POLICY);
	return iov_forward(skb, md, md->port == 1 ? 2 : 1);
}
IOV_MODULE(template);
