/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * police: the rate limit of a sender (options:qos_max_rate, qos_burst), a token bucket.
 *
 * The bucket is kept as the time at which it will have filled up again (the generic cell rate algorithm): a packet puts that
 * off by as long as its bytes take to flow in, and must not put it off further than the whole bucket takes. So nothing is
 * lost to rounding, however short the packets, and one number says all. All CPUs share it, under the spin lock of its row:
 * the limit is exact. Only ports with a limit pay for the lock and the clock.
 */
#include <linux/in.h>
#include <iov/chain.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SECOND 1000000000ULL
/* Larger bursts are cut, so that their time can be computed in 64 bits: 8 GiB. */
#define LARGEST_BURST (1ULL << 33)
/* Of a packet, with room to spare (BIG TCP makes 512 KiB). */
#define LARGEST_PACKET (1ULL << 20)

/* What the packet is on the wire, once GSO has cut it: each segment has the headers. */
static __always_inline __u64 wire_bytes(struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	__u32 gso = ctx->gso_size, headers, segments;
	__u8 data_offset;

	if (!gso)
		return ctx->len;
	headers = pkt->l4_offset + 8;
	if (pkt->ip_proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(ctx, pkt->l4_offset + 12, &data_offset, 1))
			data_offset = 5 << 4;
		headers = pkt->l4_offset + (data_offset >> 4 << 2);
	}
	if (ctx->len <= headers + gso)
		return ctx->len;
	segments = (ctx->len - headers + gso - 1) / gso;
	return ctx->len + (__u64)(segments - 1) * headers;
}

/* Take the bytes from the bucket, if it has them. A packet larger than the whole bucket needs a full one, and leaves a debt. */
static __always_inline int take(struct iov_bucket *bucket, const struct iov_rate *rate, __u64 bytes)
{
	__u64 a_second = rate->bytes_per_second;
	__u64 burst = rate->burst < LARGEST_BURST ? rate->burst : LARGEST_BURST;
	__u64 now = bpf_ktime_get_ns(), cost, whole, wanted, full_at;
	int ok;

	if (!a_second)
		return 0;
	cost = bytes * SECOND / a_second;
	whole = burst * SECOND / a_second;
	wanted = cost < whole ? cost : whole;
	bpf_spin_lock(&bucket->lock);
	full_at = bucket->full_at;
	/* Full; or from a rate that was so slow that this one cannot have come so far. */
	if (full_at < now || full_at - now > whole + LARGEST_PACKET * SECOND / a_second)
		full_at = now;
	ok = full_at + wanted <= now + whole;
	if (ok && !iov_tracing)
		bucket->full_at = full_at + cost;
	bpf_spin_unlock(&bucket->lock);
	return ok;
}

IOV_PROGRAM(iov_police)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_POLICE);
	struct iov_bucket *bucket;
	struct iov_port *port;
	struct iov_rate *rate;
	__u32 number;

	if (!pkt)
		return TC_ACT_SHOT;
	pkt->uncacheable = 1;
	number = pkt->in_port;
	port = iov_port_lookup(number);
	if (!port)
		return iov_drop(ctx, pkt, IOV_DROP_NO_PORT);
	rate = bpf_map_lookup_elem(&iov_rates, &number);
	bucket = bpf_map_lookup_elem(&iov_buckets, &number);
	/* Without a row there is no limit: it may just have been lifted. */
	if (rate && bucket && !take(bucket, rate, wire_bytes(ctx, pkt)))
		return iov_drop(ctx, pkt, IOV_DROP_RATE);
	if (port->flags & (IOV_PORT_LEARN | IOV_PORT_VIRTUAL_PARENT))
		return iov_next(ctx, pkt, IOV_SLOT_OBSERVE);
	return iov_next(ctx, pkt, IOV_SLOT_SWITCH);
}
