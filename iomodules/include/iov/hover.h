/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * User modules: what the agent writes, and what every module does with a packet before and after its own code. Modules include
 * iov/module.h (plain C) or are written in Hover's dialect (iomodules/hover); both end here.
 */
#ifndef IOV_HOVER_H
#define IOV_HOVER_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Numbers of modules: 0 to 1022. The last slot is the agent's: it floods, and tells the controller. */
#define HOVER_MAX_MODULES 1024
#define HOVER_CONTROLLER (HOVER_MAX_MODULES - 1)
/* Ports of a module: 1 to 127. */
#define HOVER_MAX_PORTS 128
/* Lists of hops at the same time: two a link. */
#define HOVER_MAX_EDGES 65536
#define HOVER_HOPS 4
/* The kernel ends a chain of tail calls after 33, and one is the controller's. */
#define HOVER_MAX_DEPTH 32
/* How many floods to modules a packet may pass: a loop of switches ends here. */
#define HOVER_MAX_FLOODS 15
/* Bytes of a packet that the controller gets. */
#define HOVER_PACKET_IN_DATA 16384
/* Reason by which a module asks for a flood. */
#define HOVER_BROADCAST 0xffff

/* Why a packet went nowhere; each has a counter. From HOVER_DROP_POLICY on they are for modules to name. */
enum hover_drop {
	HOVER_DROP_UNLINKED_INTERFACE, /* an interface with the program but without hops */
	HOVER_DROP_UNLINKED_PORT,      /* a module sent it out of a port that leads nowhere */
	HOVER_DROP_NO_MODULE,          /* the next module is not loaded */
	HOVER_DROP_TOO_LONG,           /* more than HOVER_MAX_DEPTH modules */
	HOVER_DROP_END_OF_CHAIN,       /* a module let it pass (RX_OK), and nothing comes after it */
	HOVER_DROP_LOOP,               /* flooded more than HOVER_MAX_FLOODS times */
	HOVER_DROP_CONTROLLER_FULL,    /* the agent does not read as fast */
	HOVER_DROP_COPY,               /* a copy could not be sent: the interface is gone, or no memory */
	HOVER_DROP_STRAY,              /* on the agent's own device, but not of the agent */
	HOVER_DROP_MODULE,             /* a module said so, without a reason */
	HOVER_DROP_ERROR,              /* a module returned an error, or what it returned means nothing */
	HOVER_DROP_POLICY,
	HOVER_DROP_RATE,
	HOVER_DROP_MALFORMED,
	HOVER_DROP_UNSUPPORTED,
	HOVER_DROP_NO_ROUTE,
	HOVER_DROP_NO_NEIGHBOUR,
	HOVER_DROP_TTL,
	HOVER_DROP_NOT_FOR_US,
	HOVER_DROP_FULL,               /* a table of the module has no room */
	HOVER_DROP_REASONS,
};

/* What a list of hops ends with. */
enum hover_end {
	HOVER_END_NONE,      /* its last module; if that lets the packet pass it is dropped */
	HOVER_END_INTERFACE, /* sent out of hover_edge.ifindex */
	HOVER_END_STACK,     /* the kernel goes on with it */
};

/* A list of hops. Never changed while an index of it is in hover_ports, hover_ingress or hover_egress. */
struct hover_edge {
	__u32 hops[HOVER_HOPS]; /* port << 16 | module; 0 ends the list */
	__u32 end;              /* enum hover_end */
	__u32 ifindex;
};

/* What the agent says once. */
struct hover_config {
	__u32 out_ifindex; /* iovh0: what is sent there … */
	__u32 in_ifindex;  /* iovh1: … comes in here, with what is to be done in skb->mark */
};

/* A word of anything, as Hover's modules hand on to the next module. */
struct hover_word {
	__u64 type : 8;
	__u64 value : 56;
};

/* A packet on its way through the modules; per CPU, one packet at a time. */
struct hover_packet {
	struct hover_word data[4]; /* zero when it enters the chain; kept from module to module, but not in copies of a flood */
	__u32 hops[HOVER_HOPS];    /* still to come */
	__u32 end;
	__u32 ifindex;
	__u32 metadata[3];         /* for the controller, of the present module */
	__u16 module;              /* where it is … */
	__u16 port;                /* … and where it came in */
	__u16 reason;              /* for the controller */
	__u8 depth;                /* modules passed */
	__u8 floods;
	__u32 copies;              /* sent of it by the present flood */
};

/* One packet for the controller, in hover_packets_in. Lengths in bytes, host byte order; `data` has `captured` bytes. */
struct hover_packet_in {
	__u16 module;
	__u16 port;
	__u16 reason;
	__u16 unused;
	__u32 length;
	__u32 captured;
	__u32 metadata[3];
	__u32 unused_too;
	__u8 data[HOVER_PACKET_IN_DATA];
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, HOVER_MAX_MODULES);
	__type(key, int);
	__type(value, int);
} hover_modules SEC(".maps");

/* module * HOVER_MAX_PORTS + port → edge; 0: none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_MODULES * HOVER_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} hover_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_EDGES);
	__type(key, __u32);
	__type(value, struct hover_edge);
} hover_edges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hover_config);
} hover_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hover_packet);
} hover_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOVER_DROP_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} hover_drops SEC(".maps");

static __always_inline int hover_drop(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&hover_drops, &reason);

	if (count)
		(*count)++;
	return TC_ACT_SHOT;
}

/* The end of a packet that went elsewhere as copies: no drop. */
static __always_inline int hover_consumed(void)
{
	return TC_ACT_SHOT;
}

static __always_inline struct hover_packet *hover_packet(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&hover_scratch, &zero);
}

static __always_inline struct hover_edge *hover_edge_of(const __u32 *index)
{
	if (!index || !*index)
		return 0;
	return bpf_map_lookup_elem(&hover_edges, index);
}

/* Where a port leads; NULL: nowhere. */
static __always_inline struct hover_edge *hover_edge_of_port(__u32 module, __u32 port)
{
	__u32 key = module * HOVER_MAX_PORTS + port;

	if (!port || port >= HOVER_MAX_PORTS)
		return 0;
	return hover_edge_of(bpf_map_lookup_elem(&hover_ports, &key));
}

/* The next hop. */
static __always_inline int hover_go(struct __sk_buff *skb, struct hover_packet *pkt)
{
	__u32 hop = pkt->hops[0];

	if (!hop) {
		if (pkt->end == HOVER_END_INTERFACE)
			return bpf_redirect(pkt->ifindex, 0);
		if (pkt->end == HOVER_END_STACK)
			return TC_ACT_UNSPEC;
		return hover_drop(HOVER_DROP_END_OF_CHAIN);
	}
	if (pkt->depth >= HOVER_MAX_DEPTH)
		return hover_drop(HOVER_DROP_TOO_LONG);
	pkt->depth++;
	pkt->hops[0] = pkt->hops[1];
	pkt->hops[1] = pkt->hops[2];
	pkt->hops[2] = pkt->hops[3];
	pkt->hops[3] = 0;
	pkt->module = hop & 0xffff;
	pkt->port = hop >> 16;
	pkt->metadata[0] = pkt->metadata[1] = pkt->metadata[2] = 0;
	pkt->reason = 0;
	bpf_tail_call(skb, &hover_modules, hop & 0xffff);
	return hover_drop(HOVER_DROP_NO_MODULE);
}

static __always_inline int hover_follow(struct __sk_buff *skb, struct hover_packet *pkt, const struct hover_edge *edge,
					__u32 reason)
{
	if (!edge)
		return hover_drop(reason);
	pkt->hops[0] = edge->hops[0];
	pkt->hops[1] = edge->hops[1];
	pkt->hops[2] = edge->hops[2];
	pkt->hops[3] = edge->hops[3];
	pkt->end = edge->end;
	pkt->ifindex = edge->ifindex;
	return hover_go(skb, pkt);
}

/* Out of a port of the module that the packet is in. */
static __always_inline int hover_forward(struct __sk_buff *skb, struct hover_packet *pkt, __u32 port)
{
	return hover_follow(skb, pkt, hover_edge_of_port(pkt->module, port), HOVER_DROP_UNLINKED_PORT);
}

/* To the program that floods and tells the controller. */
static __always_inline int hover_to_controller(struct __sk_buff *skb, struct hover_packet *pkt, __u32 reason)
{
	pkt->reason = reason;
	bpf_tail_call(skb, &hover_modules, HOVER_CONTROLLER);
	return hover_drop(HOVER_DROP_NO_MODULE);
}

/* skb->mark on iovh1, and of what the agent sends there. */
#define HOVER_MARK_MAGIC 0xa
#define HOVER_MARK_OUT 1 /* out of the port; else into the module, as if received on the port */
#define hover_mark(module, port, sense, floods) \
	((__u32)HOVER_MARK_MAGIC << 28 | (__u32)(floods) << 24 | (__u32)(sense) << 23 | (__u32)(port) << 16 | (module))

/*
 * A copy out of a port. Where only an interface comes it is sent there; else it starts anew on the agent's own device, since no
 * packet can be in two modules at once. Counts in pkt->copies, since the verifier follows each value of a register.
 */
static __always_inline void hover_copy(struct __sk_buff *skb, struct hover_packet *pkt, __u32 port)
{
	struct hover_edge *edge = hover_edge_of_port(pkt->module, port);
	struct hover_config *config;
	__u32 mark, zero = 0;
	long failed;

	if (!edge)
		return;
	if (!edge->hops[0]) {
		/* What is received there goes on to the kernel as the original would, which cannot be done with a copy. */
		if (edge->end != HOVER_END_INTERFACE)
			return;
		if (bpf_clone_redirect(skb, edge->ifindex, 0))
			hover_drop(HOVER_DROP_COPY);
		pkt->copies++;
		return;
	}
	if (pkt->floods >= HOVER_MAX_FLOODS) {
		hover_drop(HOVER_DROP_LOOP);
		return;
	}
	config = bpf_map_lookup_elem(&hover_settings, &zero);
	if (!config)
		return;
	mark = skb->mark;
	skb->mark = hover_mark(pkt->module, port, HOVER_MARK_OUT, pkt->floods + 1);
	failed = bpf_clone_redirect(skb, config->out_ifindex, 0);
	skb->mark = mark;
	if (failed)
		hover_drop(HOVER_DROP_COPY);
	pkt->copies++;
}

#endif
