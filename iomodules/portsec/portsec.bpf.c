/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * portsec: port security of the sender (iov_portsec_in) and of the receiver (iov_portsec_out), and delivery to it.
 *
 * What ovn-nb(5) says about Logical_Switch_Port.port_security holds. README.md lists, rule by rule, where stock OVN's code
 * differs and which of the two is followed.
 */
#include <iov/chain.h>
#include <iov/deliver.h>
#include <iov/security.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ND_BARE_BYTES 8 /* type, code, checksum, flags */
#define ICMP6_MLD_REPORT 131
#define ICMP6_MLD2_REPORT 143

static __always_inline __u32 check_ip4(struct iov_packet *pkt, const struct iov_allowance *allowance)
{
	pkt->looked_at |= IOV_FIELD_IP_SRC;
	if (allowance->flags & IOV_SEC_ANY || iov_security_lists_ip4(allowance, pkt->ip_src[0], 0))
		return IOV_DROP_NONE;
	pkt->looked_at |= IOV_FIELD_IP_DST | IOV_FIELD_IP_PROTO | IOV_FIELD_L4;
	/* A host that has no address yet asks for one. */
	if (allowance->flags & IOV_SEC_IP4 && pkt->ip_src[0] == 0 && pkt->ip_dst[0] == bpf_htonl(0xffffffff) &&
	    pkt->flags & IOV_PKT_L4 && pkt->ip_proto == IPPROTO_UDP && pkt->sport == bpf_htons(68) &&
	    pkt->dport == bpf_htons(67))
		return IOV_DROP_NONE;
	return IOV_DROP_PORTSEC_IN_IP4;
}

#define IOV_SEC_OF_VRRP (IOV_SEC_PHYSICAL | IOV_SEC_NO_NEIGHBOUR)

/* What a VRRPv3 element says of a virtual router's MAC inside ARP, NS or NA of its physical MAC. 0: there is none. */
static __always_inline int find_virtual(struct iov_allowance *virtual, struct iov_packet *pkt, const struct iov_port *port,
					const struct iov_allowance *sender, __u32 family)
{
	return sender->flags & IOV_SEC_PHYSICAL && iov_security_find(virtual, port, pkt->in_port, pkt->arp_sha) &&
	       virtual->flags & family;
}

/* ARP of a MAC that a VRRPv3 element names. */
static __always_inline __u32 check_vrrp_arp(struct iov_packet *pkt, const struct iov_port *port,
					    const struct iov_allowance *sender)
{
	struct iov_allowance virtual;

	if (!(pkt->flags & IOV_PKT_ARP))
		return IOV_DROP_PORTSEC_IN_ARP;
	if (iov_mac_equal(pkt->arp_sha, pkt->eth_src) && !(sender->flags & IOV_SEC_NO_NEIGHBOUR) &&
	    (sender->flags & IOV_SEC_ANY || iov_security_lists_ip4(sender, pkt->ip_src[0], 0)))
		return IOV_DROP_NONE;
	if (find_virtual(&virtual, pkt, port, sender, IOV_SEC_VRRP4) &&
	    (virtual.flags & IOV_SEC_ANY || iov_security_lists_ip4(&virtual, pkt->ip_src[0], 0)))
		return IOV_DROP_NONE;
	return IOV_DROP_PORTSEC_IN_ARP;
}

/* A well-formed NS or NA of a MAC that a VRRPv3 element names. */
static __always_inline __u32 check_vrrp_nd(struct iov_packet *pkt, const struct iov_port *port,
					   const struct iov_allowance *sender)
{
	int own = iov_mac_is_zero(pkt->arp_sha) || iov_mac_equal(pkt->arp_sha, pkt->eth_src);
	int claims = pkt->arp_op == IOV_ND_ADVERTISEMENT;
	struct iov_allowance virtual;

	if (own && !(sender->flags & IOV_SEC_NO_NEIGHBOUR) &&
	    (!claims || sender->flags & IOV_SEC_ANY || iov_security_lists_ip6(sender, pkt->nd_target, pkt->eth_src, 0)))
		return IOV_DROP_NONE;
	if (!find_virtual(&virtual, pkt, port, sender, IOV_SEC_VRRP6))
		return IOV_DROP_PORTSEC_IN_ND;
	/* An element with no IPv6 address restricts no target, whatever else it lists. */
	if (!claims || virtual.flags & IOV_SEC_ANY || !(virtual.flags & IOV_SEC_IP6) ||
	    iov_security_lists_ip6(&virtual, pkt->nd_target, pkt->eth_src, 0))
		return IOV_DROP_NONE;
	return IOV_DROP_PORTSEC_IN_ND;
}

static __always_inline __u32 check_arp(struct iov_packet *pkt, const struct iov_port *port,
				       const struct iov_allowance *allowance)
{
	pkt->uncacheable = 1; /* the sender in the ARP header is no field of the flow */
	if (iov_unlikely(allowance->flags & IOV_SEC_OF_VRRP))
		return check_vrrp_arp(pkt, port, allowance);
	if (!(pkt->flags & IOV_PKT_ARP) || !iov_mac_equal(pkt->arp_sha, pkt->eth_src))
		return IOV_DROP_PORTSEC_IN_ARP;
	if (allowance->flags & IOV_SEC_ANY || iov_security_lists_ip4(allowance, pkt->ip_src[0], 0))
		return IOV_DROP_NONE;
	return IOV_DROP_PORTSEC_IN_ARP;
}

/* Solicitations and advertisements (RFC 4861; hop limit 255, other ones are ignored by every host). */
static __always_inline __u32 check_nd(struct iov_packet *pkt, const struct iov_port *port,
				      const struct iov_allowance *allowance)
{
	pkt->uncacheable = 1;
	if (!(pkt->flags & IOV_PKT_ND) || pkt->dport != 0)
		return IOV_DROP_PORTSEC_IN_ND;
	if (iov_unlikely(allowance->flags & IOV_SEC_OF_VRRP))
		return check_vrrp_nd(pkt, port, allowance);
	if (!iov_mac_is_zero(pkt->arp_sha) && !iov_mac_equal(pkt->arp_sha, pkt->eth_src))
		return IOV_DROP_PORTSEC_IN_ND;
	if (pkt->arp_op == IOV_ND_ADVERTISEMENT && !(allowance->flags & IOV_SEC_ANY) &&
	    !iov_security_lists_ip6(allowance, pkt->nd_target, pkt->eth_src, 0))
		return IOV_DROP_PORTSEC_IN_ND;
	return IOV_DROP_NONE;
}

static __always_inline int is_nd(const struct iov_packet *pkt)
{
	return pkt->ip_proto == IPPROTO_ICMPV6 && pkt->flags & IOV_PKT_L4 && pkt->ttl == 255 &&
	       (pkt->sport == bpf_htons(IOV_ND_SOLICITATION) || pkt->sport == bpf_htons(IOV_ND_ADVERTISEMENT));
}

/* From the unspecified address: duplicate address detection and the multicast reports that go with it. */
static __always_inline int is_address_setup(const struct iov_packet *pkt)
{
	__be16 type = pkt->sport;

	return iov_ip6_is_any(pkt->ip_src) && (pkt->ip_dst[0] & bpf_htonl(0xffff0000)) == bpf_htonl(0xff020000) &&
	       pkt->ip_proto == IPPROTO_ICMPV6 && pkt->flags & IOV_PKT_L4 && pkt->dport == 0 &&
	       (type == bpf_htons(ICMP6_MLD_REPORT) || type == bpf_htons(ICMP6_MLD2_REPORT) ||
		type == bpf_htons(IOV_ND_SOLICITATION));
}

static __always_inline __u32 check_ip6(struct iov_packet *pkt, const struct iov_port *port,
				       const struct iov_allowance *allowance)
{
	pkt->looked_at |= IOV_FIELD_IP_SRC | IOV_FIELD_IP_PROTO | IOV_FIELD_L4;
	if (!(allowance->flags & IOV_SEC_ANY)) {
		if (!(allowance->flags & IOV_SEC_IP6))
			return IOV_DROP_PORTSEC_IN_IP6;
		if (!iov_security_lists_ip6(allowance, pkt->ip_src, pkt->eth_src, 0) && !is_address_setup(pkt))
			return IOV_DROP_PORTSEC_IN_IP6;
		pkt->looked_at |= IOV_FIELD_IP_DST;
	}
	return is_nd(pkt) ? check_nd(pkt, port, allowance) : IOV_DROP_NONE;
}

static __always_inline __u32 check_sender(struct iov_packet *pkt, const struct iov_port *port)
{
	struct iov_allowance allowance;

	if (!iov_security_find(&allowance, port, pkt->in_port, pkt->eth_src))
		return IOV_DROP_PORTSEC_IN_MAC;
	if (pkt->flags & IOV_PKT_IP4)
		return check_ip4(pkt, &allowance);
	if (pkt->flags & IOV_PKT_IP6)
		return check_ip6(pkt, port, &allowance);
	if (pkt->eth_type == bpf_htons(ETH_P_ARP))
		return check_arp(pkt, port, &allowance);
	return allowance.flags & IOV_SEC_ANY ? IOV_DROP_NONE : IOV_DROP_PORTSEC_IN_ETHERTYPE;
}

/*
 * A solicitation that ends before its target, as OVN's own tests send: it passes there, says nothing that could be a lie, and hosts ignore it (RFC 4861
 * 7.1.1).
 */
static __always_inline int is_bare_solicitation(const struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	return !(pkt->flags & IOV_PKT_ND) && pkt->sport == bpf_htons(IOV_ND_SOLICITATION) && pkt->dport == 0 &&
	       ctx->len == (__u32)pkt->l4_offset + ND_BARE_BYTES;
}

IOV_PROGRAM(iov_portsec_in)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_PORTSEC_IN);
	struct iov_port *port;
	__u32 reason;

	if (!pkt)
		return TC_ACT_SHOT;
	port = iov_port_lookup(pkt->in_port);
	if (!port)
		return iov_drop(ctx, pkt, IOV_DROP_NO_PORT);
	pkt->looked_at |= IOV_FIELD_ETH_TYPE;
	reason = check_sender(pkt, port);
	if (iov_unlikely(reason) && !(reason == IOV_DROP_PORTSEC_IN_ND && is_bare_solicitation(ctx, pkt)))
		return iov_drop(ctx, pkt, reason);
	return iov_next_secured(ctx, pkt, port->flags);
}

IOV_PROGRAM(iov_portsec_out)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_PORTSEC_OUT);
	struct iov_port *port;
	__u32 reason, number;

	if (!pkt)
		return TC_ACT_SHOT;
	number = pkt->out_port;
	port = iov_port_lookup(number);
	if (!port)
		return iov_drop(ctx, pkt, IOV_DROP_NO_PORT);
	reason = iov_port_refuses(port, pkt);
	if (!reason && port->flags & IOV_PORT_SECURITY && !(pkt->flags & IOV_PKT_MULTICAST)) {
		pkt->looked_at |= IOV_FIELD_ETH_TYPE | IOV_FIELD_IP_DST;
		reason = iov_security_egress(pkt, port, number);
	}
	if (iov_unlikely(reason))
		return iov_drop_at(ctx, pkt, reason, number);
	return iov_deliver(ctx, pkt, port, number);
}
