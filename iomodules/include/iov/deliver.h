/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Delivery to a local port. */
#ifndef IOV_DELIVER_H
#define IOV_DELIVER_H

#include <linux/if_packet.h>
#include "chain.h"
#include "ethernet.h"

/* May anything be delivered to the port now? The reason not to, or IOV_DROP_NONE. */
static __always_inline __u32 iov_port_closed(const struct iov_port *port)
{
	__u32 flags = port->flags & (IOV_PORT_VALID | IOV_PORT_ENABLED | IOV_PORT_FAIL_CLOSED);

	if (flags == (IOV_PORT_VALID | IOV_PORT_ENABLED))
		return IOV_DROP_NONE;
	if (!(flags & IOV_PORT_VALID))
		return IOV_DROP_NO_PORT;
	return flags & IOV_PORT_FAIL_CLOSED ? IOV_DROP_PORT_FAIL_CLOSED : IOV_DROP_PORT_DISABLED;
}

/*
 * Hand the frame to the device of a port. Into a veth whose peer is in another network namespace it can go without the
 * device's transmit path, but then nobody looks at the Ethernet type again: where the kernel's idea of the protocol differs
 * (ARP or a tagged frame out of a tunnel) it must go the long way, through eth_type_trans().
 */
static __always_inline int iov_deliver(struct __sk_buff *ctx, const struct iov_packet *pkt, const struct iov_port *port)
{
	if (port->flags & IOV_PORT_PEER && ctx->protocol == pkt->eth_type && pkt->l3_offset == IOV_ETHERNET_LENGTH) {
		/* Before 6.15 bpf_redirect_peer leaves PACKET_OTHERHOST, which the receiving stack drops. */
		if (ctx->pkt_type != PACKET_HOST)
			bpf_skb_change_type(ctx, PACKET_HOST);
		return bpf_redirect_peer(port->ifindex, 0);
	}
	return bpf_redirect(port->ifindex, 0);
}

#endif
