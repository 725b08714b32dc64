/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Port security (ovn-nb(5), Logical_Switch_Port.port_security): what a port may send and receive with one MAC.
 *
 * The flags of a MAC are the union over the elements that name it: IOV_SEC_ANY when an element lists no address, IOV_SEC_IP4
 * and IOV_SEC_IP6 when one lists such. A VRRPv3 element has its virtual routers' MACs each in a row of its own, with its addresses of
 * their family, and its physical MAC in one that allows nothing by itself.
 */
#ifndef IOV_SECURITY_H
#define IOV_SECURITY_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "chain.h"
#include "ethernet.h"
#include "ip.h"

struct iov_allowance {
	const struct iov_port *one; /* its inline element is the only one; NULL: the tries, with element */
	__u32 flags;
	__u32 element;
};

/* Fills `allowance` for a MAC of the port (readable for 8 bytes). Returns 0 when the MAC is not allowed at all. */
static __always_inline int iov_security_find(struct iov_allowance *allowance, const struct iov_port *port, __u32 number,
					     const void *mac)
{
	if (port->flags & IOV_PORT_SECURITY_ONE) {
		allowance->one = port;
		allowance->flags = port->security_flags;
		allowance->element = 0;
		return iov_mac_equal(mac, port->security_mac);
	}
	__u64 key = iov_mac_key(number, mac);
	struct iov_security *security = bpf_map_lookup_elem(&iov_security, &key);

	if (!security)
		return 0;
	allowance->one = 0;
	allowance->flags = security->flags;
	allowance->element = security->element;
	return 1;
}

/* Is an IPv4 address listed? `direction` is 0 (sender) or IOV_SECURITY_EGRESS (receiver). */
static __always_inline int iov_security_lists_ip4(const struct iov_allowance *allowance, __be32 ip, __u32 direction)
{
	if (!(allowance->flags & IOV_SEC_IP4))
		return 0;
	if (allowance->one)
		return ip == allowance->one->security_ip4;
	struct iov_security_ip4_key key = {
		.prefix_length = 64, .element = allowance->element | direction, .ip = ip
	};

	return bpf_map_lookup_elem(&iov_security_ip4, &key) != 0;
}

/* Is an IPv6 address listed, or the link-local address of the MAC? */
static __always_inline int iov_security_lists_ip6(const struct iov_allowance *allowance, const __be32 *ip, const __u8 *mac,
						  __u32 direction)
{
	if (!(allowance->flags & IOV_SEC_IP6))
		return 0;
	if (allowance->one)
		return iov_ip6_equal(ip, allowance->one->security_ip6) ||
		       iov_ip6_equal(ip, allowance->one->security_lla);
	if (iov_ip6_is_link_local_of(ip, mac))
		return 1;
	struct iov_security_ip6_key key = { .prefix_length = 160, .element = allowance->element | direction };

	__builtin_memcpy(key.ip, ip, sizeof(key.ip));
	return bpf_map_lookup_elem(&iov_security_ip6, &key) != 0;
}

/*
 * May the port receive this unicast packet? Frames to multicast MACs are not checked (ovn-behaviour.md 2). Returns the reason
 * not to, or IOV_DROP_NONE.
 */
static __always_inline __u32 iov_security_egress(const struct iov_packet *pkt, const struct iov_port *port, __u32 number)
{
	struct iov_allowance allowance;

	if (!iov_security_find(&allowance, port, number, pkt->eth_dst))
		return IOV_DROP_PORTSEC_OUT_MAC;
	if (!(allowance.flags & (IOV_SEC_OUT_IP4 | IOV_SEC_OUT_IP6 | IOV_SEC_OUT_NOTHING)))
		return IOV_DROP_NONE;
	if (allowance.flags & IOV_SEC_OUT_NOTHING)
		return IOV_DROP_PORTSEC_OUT_MAC;
	if (pkt->flags & IOV_PKT_IP4) {
		__be32 ip = pkt->ip_dst[0];

		if (!(allowance.flags & IOV_SEC_OUT_IP4))
			return IOV_DROP_NONE;
		if (!(allowance.flags & IOV_SEC_IP4))
			return IOV_DROP_PORTSEC_OUT_IP4;
		if (iov_security_lists_ip4(&allowance, ip, IOV_SECURITY_EGRESS) || ip == bpf_htonl(0xffffffff) ||
		    (ip & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000))
			return IOV_DROP_NONE;
		return IOV_DROP_PORTSEC_OUT_IP4;
	}
	if (pkt->flags & IOV_PKT_IP6) {
		if (!(allowance.flags & IOV_SEC_OUT_IP6))
			return IOV_DROP_NONE;
		if (!(allowance.flags & IOV_SEC_IP6))
			return IOV_DROP_PORTSEC_OUT_IP6;
		if (iov_security_lists_ip6(&allowance, pkt->ip_dst, pkt->eth_dst, IOV_SECURITY_EGRESS) ||
		    (pkt->ip_dst[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
			return IOV_DROP_NONE;
		return IOV_DROP_PORTSEC_OUT_IP6;
	}
	return IOV_DROP_NONE;
}

#endif
