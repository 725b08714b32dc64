/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * neighbour: answers ARP requests (iov_arp_reply) and IPv6 neighbour solicitations (iov_nd_reply) for every known address of
 * the switch, in the name of its owner, back out of the port the question came from. The switch has looked up that there is
 * an answer.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <iov/chain.h>
#include <iov/deliver.h>
#include <iov/ethernet.h>
#include <iov/group.h>
#include <iov/ip.h>
#include <iov/security.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Offloaded checksums of the question must not be applied to the answer, nor its flow hash. */
#define STORE_FLAGS (BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)

struct nd_answer {
	struct iov_nd_header nd;
	__u8 option_type;
	__u8 option_length; /* in units of 8 bytes */
	__u8 option_mac[6];
};

/* Of an ICMPv6 checksum (RFC 8200 8.1), and what it covers here. */
struct nd_checksummed {
	__be32 source[4];
	__be32 destination[4];
	__be32 length;
	__be32 next_header;
	struct nd_answer answer;
};

/* A port that several chassis have gets what it asked for on all of them: it is a group of its own key. Each checks port
 * security for itself. */
static __always_inline int send_to_all(struct __sk_buff *ctx, struct iov_packet *pkt, __u16 port_key, const __u8 *to,
				       const __u8 *from)
{
	iov_mac_copy(pkt->eth_src, from);
	pkt->flags &= ~(IOV_PKT_MULTICAST | IOV_PKT_BROADCAST);
	if (to[0] & 1)
		pkt->flags |= IOV_PKT_MULTICAST;
	iov_group_choose(pkt, port_key, 0, 0);
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
}

static __always_inline int send_back(struct __sk_buff *ctx, struct iov_packet *pkt, const __u8 *to, const __u8 *from)
{
	struct iov_port *port = iov_port_lookup(pkt->in_port);
	__u8 macs[12];

	if (!port)
		return iov_drop(ctx, pkt, IOV_DROP_NO_PORT);
	/* In OVN an answer passes the egress pipeline like any packet to the port: a MAC that may send from any address may be
	 * restricted in what it receives. */
	iov_mac_copy(pkt->eth_dst, to);
	if (port->flags & IOV_PORT_SECURITY && !(port->flags & IOV_PORT_SEVERAL) && !(to[0] & 1)) {
		__u32 reason = iov_security_egress(pkt, port, pkt->in_port);

		if (reason)
			return iov_drop_at(ctx, pkt, reason, pkt->in_port);
	}
	iov_mac_copy(macs, to);
	iov_mac_copy(macs + 6, from);
	if (bpf_skb_store_bytes(ctx, 0, macs, sizeof(macs), STORE_FLAGS))
		return iov_drop(ctx, pkt, IOV_DROP_NO_MEMORY);
	pkt->rewrote |= IOV_FIELD_ETH_SRC | IOV_FIELD_ETH_DST | IOV_FIELD_IP_SRC | IOV_FIELD_IP_DST;
	if (iov_unlikely(port->flags & IOV_PORT_SEVERAL))
		return send_to_all(ctx, pkt, port->port_key, to, from);
	pkt->out_port = pkt->in_port;
	return iov_send(ctx, pkt, port, pkt->in_port);
}

IOV_PROGRAM(iov_arp_reply)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_ARP);
	struct iov_arp_header answer;
	struct iov_neighbour *owner;
	__u8 mac[6] __attribute__((aligned(2)));

	if (!pkt)
		return TC_ACT_SHOT;
	struct iov_arp_key key = { .datapath = pkt->datapath, .ip = pkt->ip_dst[0] };

	owner = bpf_map_lookup_elem(&iov_arp, &key);
	if (!owner) /* just removed */
		return iov_drop(ctx, pkt, IOV_DROP_UNKNOWN_DESTINATION);
	iov_mac_copy(mac, owner->mac);

	__builtin_memset(&answer, 0, sizeof(answer));
	answer.hardware_type = bpf_htons(1);
	answer.protocol_type = bpf_htons(ETH_P_IP);
	answer.hardware_length = 6;
	answer.protocol_length = 4;
	answer.operation = bpf_htons(IOV_ARP_REPLY);
	iov_mac_copy(answer.sender_mac, mac);
	answer.sender_ip = pkt->ip_dst[0];
	iov_mac_copy(answer.target_mac, pkt->arp_sha);
	answer.target_ip = pkt->ip_src[0];
	if (bpf_skb_store_bytes(ctx, pkt->l3_offset, &answer, sizeof(answer), STORE_FLAGS))
		return iov_drop(ctx, pkt, IOV_DROP_NO_MEMORY);
	return send_back(ctx, pkt, pkt->eth_src, mac);
}

static __always_inline __be16 fold_checksum(__s64 sum)
{
	__u32 folded = (__u32)sum;

	folded = (folded & 0xffff) + (folded >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	return ~folded;
}

IOV_PROGRAM(iov_nd_reply)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_ND);
	/* Who asks from :: checks for duplicates and has no address to answer to: all nodes (RFC 4861 7.2.4). */
	__u8 all_nodes_mac[6] __attribute__((aligned(2))) = { 0x33, 0x33, 0, 0, 0, 1 };
	__u8 mac[6] __attribute__((aligned(2)));
	struct nd_checksummed sum;
	struct iov_ip6_header ip;
	struct iov_neighbour *owner;
	struct iov_nd_key key;
	int unspecified;

	if (!pkt)
		return TC_ACT_SHOT;
	__builtin_memset(&key, 0, sizeof(key));
	key.datapath = pkt->datapath;
	__builtin_memcpy(key.ip, pkt->nd_target, sizeof(key.ip));
	owner = bpf_map_lookup_elem(&iov_nd, &key);
	if (!owner)
		return iov_drop(ctx, pkt, IOV_DROP_UNKNOWN_DESTINATION);
	iov_mac_copy(mac, owner->mac);
	unspecified = iov_ip6_is_any(pkt->ip_src);
	__builtin_memcpy(pkt->ip_dst, pkt->ip_src, sizeof(pkt->ip_dst));

	__builtin_memset(&sum, 0, sizeof(sum));
	__builtin_memcpy(sum.source, pkt->nd_target, sizeof(sum.source));
	if (unspecified) {
		sum.destination[0] = bpf_htonl(0xff020000);
		sum.destination[3] = bpf_htonl(1);
	} else {
		__builtin_memcpy(sum.destination, pkt->ip_src, sizeof(sum.destination));
	}
	sum.length = bpf_htonl(sizeof(sum.answer));
	sum.next_header = bpf_htonl(IPPROTO_ICMPV6);
	sum.answer.nd.type = IOV_ND_ADVERTISEMENT;
	sum.answer.nd.flags = bpf_htonl(IOV_ND_FLAG_OVERRIDE | (unspecified ? 0 : IOV_ND_FLAG_SOLICITED));
	__builtin_memcpy(sum.answer.nd.target, pkt->nd_target, sizeof(sum.answer.nd.target));
	sum.answer.option_type = IOV_ND_TARGET_LINK_ADDRESS;
	sum.answer.option_length = 1;
	iov_mac_copy(sum.answer.option_mac, mac);
	sum.answer.nd.checksum = fold_checksum(bpf_csum_diff(0, 0, (__be32 *)&sum, sizeof(sum), 0));

	ip.version_class_label = bpf_htonl(0x60000000);
	ip.payload_length = bpf_htons(sizeof(sum.answer));
	ip.next_header = IPPROTO_ICMPV6;
	ip.hop_limit = 255;
	__builtin_memcpy(ip.source, sum.source, sizeof(ip.source));
	__builtin_memcpy(ip.destination, sum.destination, sizeof(ip.destination));

	if (bpf_skb_change_tail(ctx, pkt->l3_offset + sizeof(ip) + sizeof(sum.answer), 0) ||
	    bpf_skb_store_bytes(ctx, pkt->l3_offset, &ip, sizeof(ip), STORE_FLAGS) ||
	    bpf_skb_store_bytes(ctx, pkt->l3_offset + sizeof(ip), &sum.answer, sizeof(sum.answer), STORE_FLAGS))
		return iov_drop(ctx, pkt, IOV_DROP_NO_MEMORY);
	return send_back(ctx, pkt, unspecified ? all_nodes_mac : pkt->eth_src, mac);
}
