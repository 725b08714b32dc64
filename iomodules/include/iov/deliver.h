/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Delivery to a local port. */
#ifndef IOV_DELIVER_H
#define IOV_DELIVER_H

#include <linux/if_packet.h>
#include "chain.h"
#include "ethernet.h"

/* Why the packet must not be delivered to the port, or IOV_DROP_NONE. */
static __always_inline __u32 iov_port_refuses(const struct iov_port *port, const struct iov_packet *pkt)
{
	__u32 flags = port->flags & (IOV_PORT_VALID | IOV_PORT_ENABLED | IOV_PORT_FAIL_CLOSED | IOV_PORT_INACTIVE |
				     IOV_PORT_LOCALNET | IOV_PORT_LOCALPORT);

	if (flags == (IOV_PORT_VALID | IOV_PORT_ENABLED))
		return IOV_DROP_NONE;
	if (!(flags & IOV_PORT_VALID))
		return IOV_DROP_NO_PORT;
	if (flags & IOV_PORT_FAIL_CLOSED)
		return IOV_DROP_PORT_FAIL_CLOSED;
	if (!(flags & IOV_PORT_ENABLED))
		return IOV_DROP_PORT_DISABLED;
	if (flags & IOV_PORT_INACTIVE)
		return IOV_DROP_INACTIVE;
	if ((flags & IOV_PORT_LOCALNET && pkt->flags & IOV_PKT_FROM_LOCALPORT) ||
	    (flags & IOV_PORT_LOCALPORT && pkt->flags & IOV_PKT_FROM_TUNNEL))
		return IOV_DROP_LOCALPORT;
	return IOV_DROP_NONE;
}

/* Put the tag of a port in front. A tag that the frame has stays behind it. Returns 0, or a negative number. */
static __always_inline int iov_tag(struct __sk_buff *ctx, const struct iov_port *port)
{
	return bpf_skb_vlan_push(ctx, port->vlan_proto, port->vlan_id);
}

/* Count the frame at port `number` and hand it to its device, with its tag. */
static __always_inline int iov_send(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_port *port, __u32 number)
{
	__u32 length = ctx->len;

	if (iov_unlikely(port->flags & IOV_PORT_VLAN) && iov_tag(ctx, port))
		return iov_drop_at(ctx, pkt, IOV_DROP_NO_MEMORY, number);
	iov_count_tx(&iov_port_counters, number, length);
	iov_trace_note(IOV_TRACE_DELIVER, 0, number, iov_trace_key(pkt));
	iov_trace_tag(ctx);
	return bpf_redirect(port->ifindex, 0);
}

/*
 * Deliver the frame to port `number`. Into a veth whose peer is in another network namespace it can go without the device's
 * transmit path, but then nobody looks at the Ethernet type again: where the kernel's idea of the protocol differs (ARP or a
 * tagged frame out of a tunnel) it must go the long way, through eth_type_trans().
 */
static __always_inline int iov_deliver(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_port *port,
				       __u32 number)
{
	if ((port->flags & (IOV_PORT_PEER | IOV_PORT_VLAN)) == IOV_PORT_PEER && ctx->protocol == pkt->eth_type &&
	    pkt->l3_offset == IOV_ETHERNET_LENGTH && !iov_tracing) {
		iov_count_tx(&iov_port_counters, number, ctx->len);
		/* Before 6.15 bpf_redirect_peer leaves PACKET_OTHERHOST, which the receiving stack drops. */
		if (ctx->pkt_type != PACKET_HOST)
			bpf_skb_change_type(ctx, PACKET_HOST);
		return bpf_redirect_peer(port->ifindex, 0);
	}
	return iov_send(ctx, pkt, port, number);
}

#endif
