// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The two ends of the packet benchmark: `generate` makes every frame and hands it to a device (run as XDP live frames,
 * BPF_F_TEST_XDP_LIVE_FRAMES), `sink` counts what arrives at the other end and drops it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME_LENGTH 64
#define ETH_P_IP 0x0800
#define OFFSET_ETH_TYPE 12
#define OFFSET_PROTOCOL 23
#define OFFSET_SPORT 34
#define OFFSET_DPORT 36
#define PROTOCOL_UDP 17
#define DISCARD_PORT 9  /* RFC 863 */
#define FIRST_SPORT 10000
#define CLOCK_INTERVAL 64 /* packets; reading the clock costs as much as a third of a packet */

/* Set before load. */
const volatile __u32 target_ifindex = 0;
const volatile __u32 flow_mask = 0; /* number of flows - 1; flows are a power of two */
const volatile __u64 window = 0;    /* most frames under way at a time; 0: no limit */
const volatile __u64 frame[FRAME_LENGTH / 8] = {};

/* Everything runs on one CPU, so plain counters are exact. */
__u64 generated = 0;
__u64 received = 0;
__u64 first_ns = 0; /* when the first frame arrived */
__u64 last_ns = 0;  /* when frame number last_received arrived */
__u64 last_received = 0;

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 *words = data;

	if (data + FRAME_LENGTH > end)
		return XDP_ABORTED;
	if (window && generated - received >= window)
		return XDP_DROP;
	/* The kernel recycles the pages without filling them anew, and what they met on their way may have changed them. */
	for (int i = 0; i < FRAME_LENGTH / 8; i++)
		words[i] = frame[i];
	*(__be16 *)(data + OFFSET_SPORT) = bpf_htons(FIRST_SPORT + (generated++ & flow_mask));
	return bpf_redirect(target_ifindex, 0);
}

SEC("tc")
int sink(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (data + OFFSET_DPORT + 2 > end)
		return TC_ACT_OK;
	if (*(__be16 *)(data + OFFSET_ETH_TYPE) != bpf_htons(ETH_P_IP) ||
	    *(__u8 *)(data + OFFSET_PROTOCOL) != PROTOCOL_UDP ||
	    *(__be16 *)(data + OFFSET_DPORT) != bpf_htons(DISCARD_PORT))
		return TC_ACT_OK;
	if (received++ % CLOCK_INTERVAL == 0) {
		last_ns = bpf_ktime_get_ns();
		last_received = received;
		if (received == 1)
			first_ns = last_ns;
	}
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
