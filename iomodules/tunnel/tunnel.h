/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the programs of the common packet (straight.h) and of any packet (tunnel.bpf.c) have in common. */
#ifndef IOV_TUNNEL_H
#define IOV_TUNNEL_H

#include <iov/chain.h>
#include <iov/outer.h>

static __always_inline struct iov_tunnel *tunnel_lookup(__u32 number)
{
	return bpf_map_lookup_elem(&iov_tunnels, &number);
}

/* The coarse clock goes on once a jiffy. The kernel puts reading jiffies in line, and does not count them for programs. */
struct clock {
	__u64 jiffies;
	__u64 now;
};

IOV_MAP(iov_tunnel_clock, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct clock, 1, 0);

static __always_inline __u64 coarse_now(void)
{
	__u32 zero = 0;
	struct clock *clock = bpf_map_lookup_elem(&iov_tunnel_clock, &zero);
	__u64 jiffies = bpf_jiffies64();

	if (!clock)
		return 0;
	if (clock->jiffies != jiffies) {
		clock->jiffies = jiffies;
		clock->now = bpf_ktime_get_coarse_ns();
	}
	return clock->now;
}

static __always_inline struct iov_tunnel_count *counters_of(__u32 number)
{
	return iov_tracing ? 0 : bpf_map_lookup_elem(&iov_tunnel_counters, &number);
}

static __always_inline void count_sent(__u32 number, __u32 bytes)
{
	struct iov_tunnel_count *count = counters_of(number);

	if (!count)
		return;
	count->tx_packets++;
	count->tx_bytes += bytes;
}

static __always_inline void count_not_sent(__u32 number)
{
	struct iov_tunnel_count *count = counters_of(number);

	if (count)
		count->tx_drops++;
}

static __always_inline void count_received(__u32 number, __u32 bytes)
{
	struct iov_tunnel_count *count = counters_of(number);

	if (!count)
		return;
	count->rx_packets++;
	count->rx_bytes += bytes;
	count->last_rx = coarse_now();
}

static __always_inline void count_not_received(__u32 number)
{
	struct iov_tunnel_count *count = counters_of(number);

	if (count)
		count->rx_drops++;
}

/* What follows the outer UDP header. */
struct tunnel_header {
	__be32 word;
	__be32 vni;        /* and 8 reserved bits */
	__be32 option;     /* Geneve */
	__be32 option_data;
};

/* Does the tunnel header say what OVN's must? Fills the key of what it asks for. */
static __always_inline int read_vxlan(const struct tunnel_header *header, struct iov_tunnel_key *key)
{
	__u32 vni = bpf_ntohl(header->vni) >> 8;
	__u32 egress = vni >> IOV_VXLAN_KEY_BITS;

	if (header->word != bpf_htonl(IOV_VXLAN_FLAGS) || header->vni & bpf_htonl(0xff))
		return 0;
	key->datapath_key = vni & IOV_VXLAN_KEY_MASK;
	if (egress & IOV_VXLAN_MULTICAST)
		egress = IOV_MULTICAST_KEY | (egress & (IOV_VXLAN_MULTICAST - 1));
	key->egress_key = egress;
	return 1;
}

static __always_inline int read_geneve(const struct tunnel_header *header, struct iov_tunnel_key *key, __u16 *ingress)
{
	__u32 data = bpf_ntohl(header->option_data);

	if ((header->word & bpf_htonl(IOV_GENEVE_WORD_MASK)) != bpf_htonl(IOV_GENEVE_WORD) ||
	    (header->option & bpf_htonl(IOV_GENEVE_OPTION_MASK)) != bpf_htonl(IOV_GENEVE_OPTION) || data >> 31)
		return 0;
	key->datapath_key = bpf_ntohl(header->vni) >> 8;
	key->egress_key = data;
	*ingress = data >> 16;
	return 1;
}

/* The first `length` bytes of the frame, or NULL. */
static __always_inline void *headers(struct __sk_buff *ctx, __u32 length)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (iov_unlikely(data + length > end)) {
		if (ctx->len < length || bpf_skb_pull_data(ctx, length))
			return 0;
		data = (void *)(long)ctx->data;
		end = (void *)(long)ctx->data_end;
		if (data + length > end)
			return 0;
	}
	return data;
}

#endif
