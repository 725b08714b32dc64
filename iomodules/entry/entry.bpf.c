/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * entry: tc ingress of a tap or veth, where a packet of a logical port enters the chain.
 *
 *   device, VLAN -> port               none: drop, the port is not configured (yet)
 *   parse the frame once into iov_scratch
 *   checks that hold for every VIF     state of the port, VLAN tag, multicast source
 *   -> PORTSEC_IN, or where that would go on to
 */
#include <linux/if_ether.h>
#include <iov/chain.h>
#include <iov/event.h>
#include <iov/parse.h>
#include <iov/vlan.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline __u32 port_of_device(__u32 ifindex)
{
	__u32 slot = ifindex % IOV_IFINDEX_SLOTS;
	struct iov_ifindex *direct = bpf_map_lookup_elem(&iov_ifindex, &slot);
	__u32 *port;

	if (direct && direct->ifindex == ifindex)
		return direct->port;
	port = bpf_map_lookup_elem(&iov_ifindex_overflow, &ifindex);
	return port ? *port : 0;
}

/* On a device with several ports: the port of the frame's tag, which goes, else the one of untagged frames. Why it must not go
 * on, or IOV_DROP_NONE. */
static __always_inline __u32 port_of_vlan(struct __sk_buff *ctx, __u32 *number)
{
	struct iov_vlan_key tag = { .ifindex = ctx->ifindex };
	__u32 *port;

	*number &= ~IOV_IFINDEX_TRUNK;
	if (!iov_vlan_outermost(ctx, &tag))
		return IOV_DROP_NONE;
	port = bpf_map_lookup_elem(&iov_vlan_ports, &tag);
	if (!port)
		return *number ? IOV_DROP_NONE : IOV_DROP_UNKNOWN_VLAN;
	*number = *port;
	return bpf_skb_vlan_pop(ctx) ? IOV_DROP_NO_MEMORY : IOV_DROP_NONE;
}

/* On a physical network VLAN 0 is a priority and no VLAN, unless tags are the switch's own business. */
static __always_inline __u32 strip_priority_tag(struct __sk_buff *ctx, __u32 port_flags)
{
	struct iov_vlan_key tag = {};

	if (port_flags & (IOV_PORT_VLAN | IOV_PORT_VLAN_PASSTHRU) || !iov_vlan_outermost(ctx, &tag) || tag.vlan_id)
		return IOV_DROP_NONE;
	return bpf_skb_vlan_pop(ctx) ? IOV_DROP_NO_MEMORY : IOV_DROP_NONE;
}

/* What few ports are: closed, or a physical network. */
#define UNUSUAL (IOV_PORT_FAIL_CLOSED | IOV_PORT_LOCALNET | IOV_PORT_L2GATEWAY)

static __always_inline __u32 admit_unusual(struct __sk_buff *ctx, __u32 port_flags)
{
	if (port_flags & IOV_PORT_FAIL_CLOSED)
		return IOV_DROP_PORT_FAIL_CLOSED;
	if (!(port_flags & IOV_PORT_ENABLED))
		return IOV_DROP_PORT_DISABLED;
	return strip_priority_tag(ctx, port_flags);
}

/* The port that the frame comes from, with the frame in a shape to be parsed; or why it must not go on. */
static __always_inline __u32 find_port(struct __sk_buff *ctx, struct iov_packet *pkt, struct iov_port **found)
{
	__u32 number = port_of_device(ctx->ifindex), flags, reason;
	struct iov_port *port = iov_port_lookup(number);

	/* With IOV_IFINDEX_TRUNK the number is that of no port: other devices do not pay for it. */
	if (iov_unlikely(!port) && number & IOV_IFINDEX_TRUNK) {
		reason = port_of_vlan(ctx, &number);
		if (reason) {
			pkt->in_port = number;
			return reason;
		}
		port = iov_port_lookup(number);
	}
	pkt->in_port = number;
	if (iov_unlikely(!number || !port || !(port->flags & IOV_PORT_VALID)))
		return IOV_DROP_NO_PORT;
	*found = port;
	iov_count_rx(&iov_port_counters, number, ctx->len);
	flags = port->flags;
	if (iov_unlikely((flags & (UNUSUAL | IOV_PORT_ENABLED)) != IOV_PORT_ENABLED))
		return admit_unusual(ctx, flags);
	return IOV_DROP_NONE;
}

/* The machine has arrived on this chassis when it sends a RARP; before that it is heard of and not heard. */
static __always_inline __u32 activate(const struct iov_packet *pkt, __u16 port_key)
{
	if (pkt->eth_type != bpf_htons(ETH_P_RARP))
		return IOV_DROP_INACTIVE;
	iov_tell(pkt, port_key, IOV_EVENT_RARP, 0, iov_learning_key(pkt->datapath, IOV_LEARNING_RARP, port_key));
	return IOV_DROP_NONE;
}

/* Parse the frame of the port, with the flags `flags`, and say why it must not go on, or IOV_DROP_NONE. */
static __always_inline __u32 admit(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_port *port, __u32 flags)
{
	__u32 datapath = port->datapath, *epoch;
	__u16 port_key = port->port_key;

	_Static_assert((int)IOV_PKT_FROM_LOCALPORT == (int)IOV_PORT_LOCALPORT, "the flag is handed over as it is");
	pkt->out_port = 0;
	pkt->datapath = datapath;
	epoch = bpf_map_lookup_elem(&iov_epochs, &datapath);
	pkt->epoch = epoch ? *epoch : 0;
	*(__u64 *)&pkt->tunnel = 0; /* with egress_key and group */
	pkt->looked_at = IOV_FIELD_IN_PORT | IOV_FIELD_ETH_SRC | IOV_FIELD_VLAN;
	pkt->rewrote = 0;
	*(__u64 *)&pkt->copies = 0; /* to kinds */
	if (iov_unlikely(iov_parse(ctx, pkt, flags & IOV_PORT_LOCALPORT) != IOV_PARSE_OK))
		return IOV_DROP_MALFORMED;
	if (iov_unlikely(pkt->flags & IOV_PKT_VLAN && !(flags & IOV_PORT_VLAN_PASSTHRU)))
		return IOV_DROP_VLAN_TAGGED;
	if (iov_unlikely(pkt->eth_src[0] & 1))
		return IOV_DROP_MULTICAST_SOURCE;
	if (iov_unlikely(flags & IOV_PORT_INACTIVE))
		return activate(pkt, port_key);
	return IOV_DROP_NONE;
}

/* Dropped before it was parsed: the context is still that of the packet before, whose description must not be noted. */
static __always_inline int drop_unparsed(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 reason)
{
	__u32 number = pkt->in_port;

	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->in_port = number;
	return iov_drop(ctx, pkt, reason);
}

IOV_PROGRAM(iov_entry)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_port *port = 0;
	__u32 reason, flags;

	if (!pkt)
		return TC_ACT_SHOT;
	iov_trace_begin(IOV_SLOT_COUNT);
	reason = find_port(ctx, pkt, &port);
	if (iov_unlikely(reason || !port))
		return drop_unparsed(ctx, pkt, reason);
	flags = port->flags;
	reason = admit(ctx, pkt, port, flags);
	if (iov_unlikely(reason))
		return iov_drop(ctx, pkt, reason);
	if (flags & IOV_PORT_SECURITY)
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_IN);
	return iov_next_secured(ctx, pkt, flags);
}
