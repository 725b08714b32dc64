/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * observe: tells the control plane what it wants to know of the packets of a port, and lets them all go on.
 *
 *   IOV_PORT_LEARN           source MACs that are not known to be here (SB FDB), also listed ones, as OVN's put_fdb()
 *   IOV_PORT_VIRTUAL_PARENT  ARP and ND by which the machine claims a virtual address (SB Port_Binding.virtual_parent)
 */
#include <linux/if_ether.h>
#include <iov/chain.h>
#include <iov/ethernet.h>
#include <iov/event.h>
#include <iov/ip.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void learn(const struct iov_packet *pkt, const struct iov_port *port)
{
	__u64 key = iov_mac_key(pkt->datapath, pkt->eth_src);
	struct iov_dest *learned;

	learned = bpf_map_lookup_elem(&iov_learned, &key);
	if (learned && learned->egress_key == port->port_key)
		return;
	iov_tell(pkt, port->port_key, IOV_EVENT_MAC, 0, key);
}

/*
 * Fills in the address that the packet claims: sender of a gratuitous ARP request or of a reply, target of an advertisement,
 * target of a solicitation for itself. What northd's flows with bind_vport() match. Returns 0 for all other packets.
 */
static __always_inline int claimed_address(const struct iov_packet *pkt, __be32 *ip)
{
	if (pkt->flags & IOV_PKT_ARP) {
		if (pkt->arp_op != IOV_ARP_REPLY && (pkt->arp_op != IOV_ARP_REQUEST || pkt->ip_src[0] != pkt->ip_dst[0]))
			return 0;
		ip[0] = 0;
		ip[1] = 0;
		ip[2] = bpf_htonl(0xffff);
		ip[3] = pkt->ip_src[0];
		return 1;
	}
	if (!(pkt->flags & IOV_PKT_ND) || pkt->dport)
		return 0;
	if (pkt->arp_op == IOV_ND_SOLICITATION && !iov_ip6_equal(pkt->ip_dst, pkt->nd_target) &&
	    !iov_ip6_is_solicited_node_of(pkt->ip_dst, pkt->nd_target))
		return 0;
	__builtin_memcpy(ip, pkt->nd_target, 16);
	return 1;
}

static __always_inline void claim(struct iov_packet *pkt, const struct iov_port *port)
{
	struct {
		__u32 port;
		__be32 ip[4];
	} key;
	__u32 *virtual_key;

	_Static_assert(sizeof(key) == sizeof(struct iov_virtual_key), "the key of iov_virtual_ips, aligned");
	key.port = pkt->in_port;
	if (!claimed_address(pkt, key.ip))
		return;
	virtual_key = bpf_map_lookup_elem(&iov_virtual_ips, &key);
	if (!virtual_key)
		return;
	pkt->flags |= IOV_PKT_ANNOUNCES;
	iov_tell(pkt, port->port_key, IOV_EVENT_VIRTUAL, *virtual_key,
		 iov_learning_key(pkt->datapath, IOV_LEARNING_VIRTUAL, *virtual_key));
}

IOV_PROGRAM(iov_observe)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_OBSERVE);
	struct iov_port *port;

	if (!pkt)
		return TC_ACT_SHOT;
	pkt->uncacheable = 1;
	port = iov_port_lookup(pkt->in_port);
	if (!port)
		return iov_drop(ctx, pkt, IOV_DROP_NO_PORT);
	if (port->flags & IOV_PORT_LEARN)
		learn(pkt, port);
	if (port->flags & IOV_PORT_VIRTUAL_PARENT && pkt->flags & (IOV_PKT_ARP | IOV_PKT_ND))
		claim(pkt, port);
	return iov_next(ctx, pkt, IOV_SLOT_SWITCH);
}
