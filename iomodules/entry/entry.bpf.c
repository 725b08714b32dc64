/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * entry: tc ingress of a tap or veth, where a packet of a logical port enters the chain.
 *
 *   parse the frame once into iov_scratch
 *   device -> port                     none: drop, the port is not configured (yet)
 *   checks that hold for every VIF     state of the port, VLAN tag, multicast source
 *   -> PORTSEC_IN or SWITCH
 */
#include <iov/chain.h>
#include <iov/parse.h>

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

/* Fill in the packet and say why it must not go on, or IOV_DROP_NONE. Puts the flags of its port into *port_flags. */
static __always_inline __u32 admit(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 *port_flags)
{
	__u32 number = port_of_device(ctx->ifindex), datapath, flags, *epoch;
	struct iov_port *port = iov_port_lookup(number);

	pkt->in_port = number;
	pkt->out_port = 0;
	if (iov_unlikely(!number || !port || !(port->flags & IOV_PORT_VALID)))
		return IOV_DROP_NO_PORT;
	flags = port->flags;
	datapath = port->datapath;
	*port_flags = flags;
	iov_count_rx(&iov_port_counters, number, ctx->len);
	if (iov_unlikely(flags & IOV_PORT_FAIL_CLOSED))
		return IOV_DROP_PORT_FAIL_CLOSED;
	if (iov_unlikely(!(flags & IOV_PORT_ENABLED)))
		return IOV_DROP_PORT_DISABLED;

	pkt->datapath = datapath;
	epoch = bpf_map_lookup_elem(&iov_epochs, &datapath);
	pkt->epoch = epoch ? *epoch : 0;
	*(__u64 *)&pkt->tunnel = 0; /* with egress_key and group */
	pkt->looked_at = IOV_FIELD_IN_PORT | IOV_FIELD_ETH_SRC | IOV_FIELD_VLAN;
	pkt->rewrote = 0;
	*(__u64 *)&pkt->copies = 0; /* to geneve */
	if (iov_unlikely(iov_parse(ctx, pkt, 0) != IOV_PARSE_OK))
		return IOV_DROP_MALFORMED;
	if (iov_unlikely(pkt->flags & IOV_PKT_VLAN && !(flags & IOV_PORT_VLAN_PASSTHRU)))
		return IOV_DROP_VLAN_TAGGED;
	if (iov_unlikely(pkt->eth_src[0] & 1))
		return IOV_DROP_MULTICAST_SOURCE;
	return IOV_DROP_NONE;
}

IOV_PROGRAM(iov_entry)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	__u32 flags = 0, reason;

	if (!pkt)
		return TC_ACT_SHOT;
	reason = admit(ctx, pkt, &flags);
	if (iov_unlikely(reason))
		return iov_drop(pkt, reason);
	if (flags & IOV_PORT_SECURITY)
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_IN);
	return iov_next(ctx, pkt, IOV_SLOT_SWITCH);
}
