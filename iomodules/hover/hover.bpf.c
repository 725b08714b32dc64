/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What is round user modules: the way in from interfaces and from the agent, flooding, and the way to the controller. */
#include <iov/hover.h>

char hover_license[] SEC("license") = "GPL";

/* Interface → edge. Index 0: what it receives; 1: what the kernel sends out of it. */
struct hover_hook {
	__u32 ifindex;
	__u32 egress;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct hover_hook);
	__type(value, __u32);
} hover_interfaces SEC(".maps");

/* By module: up to which port a flood has to look. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_MODULES);
	__type(key, __u32);
	__type(value, __u32);
} hover_last_port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} hover_packets_in SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hover_packet_in);
} hover_buffer SEC(".maps");

/* For the type to be in BTF. */
const volatile enum hover_drop hover_drop_reasons = HOVER_DROP_REASONS;

static __always_inline struct hover_packet *fresh(void)
{
	struct hover_packet *pkt = hover_packet();

	if (pkt)
		__builtin_memset(pkt, 0, sizeof(*pkt));
	return pkt;
}

static __always_inline int enter(struct __sk_buff *skb, __u32 egress)
{
	struct hover_hook hook = { .ifindex = skb->ifindex, .egress = egress };
	struct hover_packet *pkt = fresh();

	if (!pkt)
		return hover_drop(HOVER_DROP_ERROR);
	return hover_follow(skb, pkt, hover_edge_of(bpf_map_lookup_elem(&hover_interfaces, &hook)),
			    HOVER_DROP_UNLINKED_INTERFACE);
}

/* tc ingress of a linked interface. */
SEC("tc")
int hover_ingress(struct __sk_buff *skb)
{
	return enter(skb, 0);
}

/* tc egress of an interface of a bridge with policies. */
SEC("tc")
int hover_egress(struct __sk_buff *skb)
{
	return enter(skb, 1);
}

/* tc ingress of iovh1: copies for modules, and what the agent sends. */
SEC("tc")
int hover_internal(struct __sk_buff *skb)
{
	__u32 mark = skb->mark, module = mark & 0xffff, port = mark >> 16 & 0x7f;
	struct hover_packet *pkt = fresh();

	if (!pkt)
		return hover_drop(HOVER_DROP_ERROR);
	if (mark >> 28 != HOVER_MARK_MAGIC || module >= HOVER_CONTROLLER || !port)
		return hover_drop(HOVER_DROP_STRAY);
	skb->mark = 0;
	pkt->floods = mark >> 24 & 0xf;
	if (mark >> 23 & HOVER_MARK_OUT) {
		pkt->module = module;
		return hover_forward(skb, pkt, port);
	}
	pkt->hops[0] = port << 16 | module;
	return hover_go(skb, pkt);
}

/* Copies out of every port but the one that the packet came in by. */
static __always_inline int flood(struct __sk_buff *skb, struct hover_packet *pkt)
{
	__u32 module = pkt->module, port;
	__u32 *last = bpf_map_lookup_elem(&hover_last_port, &module);

	if (!last)
		return hover_drop(HOVER_DROP_ERROR);
	pkt->copies = 0;
	for (port = 1; port < HOVER_MAX_PORTS; port++) {
		if (port > *last)
			break;
		if (port != pkt->port)
			hover_copy(skb, pkt, port);
	}
	return pkt->copies ? hover_consumed() : hover_drop(HOVER_DROP_UNLINKED_PORT);
}

static __always_inline int tell(struct __sk_buff *skb, struct hover_packet *pkt)
{
	__u32 zero = 0, length = skb->len;
	struct hover_packet_in *in = bpf_map_lookup_elem(&hover_buffer, &zero);

	if (!in)
		return hover_drop(HOVER_DROP_ERROR);
	in->module = pkt->module;
	in->port = pkt->port;
	in->reason = pkt->reason;
	in->length = length;
	in->metadata[0] = pkt->metadata[0];
	in->metadata[1] = pkt->metadata[1];
	in->metadata[2] = pkt->metadata[2];
	if (!length)
		return hover_drop(HOVER_DROP_ERROR);
	if (length > HOVER_PACKET_IN_DATA)
		length = HOVER_PACKET_IN_DATA;
	/* From 1 to HOVER_PACKET_IN_DATA, in a way that older verifiers see. */
	length--;
	asm volatile("" : "+r"(length));
	length = (length & (HOVER_PACKET_IN_DATA - 1)) + 1;
	if (bpf_skb_load_bytes(skb, 0, in->data, length))
		return hover_drop(HOVER_DROP_ERROR);
	in->captured = length;
	if (bpf_ringbuf_output(&hover_packets_in, in, __builtin_offsetof(struct hover_packet_in, data) + length, 0))
		return hover_drop(HOVER_DROP_CONTROLLER_FULL);
	return hover_consumed();
}

/* Slot HOVER_CONTROLLER. */
SEC("tc")
int hover_controller(struct __sk_buff *skb)
{
	struct hover_packet *pkt = hover_packet();

	if (!pkt)
		return hover_drop(HOVER_DROP_ERROR);
	return pkt->reason == HOVER_BROADCAST ? flood(skb, pkt) : tell(skb, pkt);
}
