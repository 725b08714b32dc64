/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * switch: the L2 lookup of a logical switch.
 *
 *   ARP request, ND solicitation for a known address that is not the sender's  -> ARP, ND (not from a localnet port)
 *   IGMP and MLD, IP multicast, in a switch with mcast_snoop                    -> SNOOP
 *   broadcast, multicast                                                        -> FLOOD to _MC_flood
 *   known MAC (listed, else learned): local -> PORTSEC_OUT, on another chassis -> ENCAP, on several -> FLOOD to those,
 *                                     nowhere -> drop
 *   unknown MAC                                                                 -> FLOOD to _MC_unknown, or drop
 */
#include <linux/if_ether.h>
#include <iov/chain.h>
#include <iov/ethernet.h>
#include <iov/group.h>
#include <iov/ip.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Is this answered for its owner? Not for the sender itself: that is a gratuitous ARP or duplicate address detection. Nor to
 * the physical network, where every chassis would answer: there the owner does. */
static __always_inline int has_other_owner(const struct iov_packet *pkt, const struct iov_neighbour *owner)
{
	struct iov_port *sender;

	if (!owner)
		return 0;
	sender = iov_port_lookup(pkt->in_port);
	return sender && !(sender->flags & IOV_PORT_LOCALNET) && sender->port_key != owner->port_key;
}

static __always_inline int answers_arp(const struct iov_packet *pkt)
{
	struct iov_arp_key key = { .datapath = pkt->datapath, .ip = pkt->ip_dst[0] };

	return has_other_owner(pkt, bpf_map_lookup_elem(&iov_arp, &key));
}

static __always_inline int answers_nd(const struct iov_packet *pkt)
{
	struct iov_nd_key key = { .datapath = pkt->datapath };

	if (pkt->dport) /* the code, which must be 0 (RFC 4861 7.1.1) */
		return 0;
	if (!iov_ip6_equal(pkt->ip_dst, pkt->nd_target) && !iov_ip6_is_solicited_node_of(pkt->ip_dst, pkt->nd_target))
		return 0;
	__builtin_memcpy(key.ip, pkt->nd_target, sizeof(key.ip));
	return has_other_owner(pkt, bpf_map_lookup_elem(&iov_nd, &key));
}

static __always_inline int flood(struct __sk_buff *ctx, struct iov_packet *pkt, __u16 group)
{
	iov_group_choose(pkt, group, 0, pkt->in_port);
	pkt->uncacheable = 1;
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
}

/*
 * What iov_fdb said last, by a hash of the key: a hash table costs three calls inside the kernel, each as much as half of this program.
 * Whoever changes iov_fdb bumps the epoch of the datapath afterwards, which ends what is remembered; a packet that entered before
 * may take either. Nothing is remembered for longer than 256 jiffies, for an agent that was killed between the two.
 */
#define RECENT_BITS 10
#define RECENT_PERIOD 8 /* bits of jiffies */
struct recent {
	__u64 key;  /* struct iov_fdb_key; 0: nothing is here */
	__u64 when; /* epoch and period */
	__u64 dest; /* struct iov_dest */
};

IOV_MAP(iov_switch_recent, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct recent, 1 << RECENT_BITS, 0);

static __always_inline const struct iov_dest *destination(const struct iov_packet *pkt, __u64 key)
{
	__u32 slot = key * 0x9e3779b97f4a7c15 >> (64 - RECENT_BITS);
	struct recent *recent = bpf_map_lookup_elem(&iov_switch_recent, &slot);
	__u64 when = (__u64)pkt->epoch << 32 | (__u32)(bpf_jiffies64() >> RECENT_PERIOD);
	const struct iov_dest *dest;

	_Static_assert(sizeof(*dest) == sizeof(recent->dest), "a destination is a word");
	if (recent && recent->key == key && recent->when == when)
		return (const struct iov_dest *)&recent->dest;
	dest = bpf_map_lookup_elem(&iov_fdb, &key);
	if (dest && recent) {
		recent->key = key;
		recent->when = when;
		recent->dest = *(const __u64 *)dest;
	}
	return dest;
}

IOV_PROGRAM(iov_switch)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_SWITCH);
	struct iov_datapath *datapath;
	const struct iov_dest *dest;
	__u32 number;
	__u64 key;

	if (!pkt)
		return TC_ACT_SHOT;
	pkt->looked_at |= IOV_FIELD_ETH_DST | IOV_FIELD_ETH_TYPE;
	number = pkt->datapath;

	if (iov_unlikely(pkt->flags & (IOV_PKT_ARP | IOV_PKT_ND | IOV_PKT_MCAST_MESSAGE))) {
		pkt->uncacheable = 1;
		if (pkt->flags & IOV_PKT_ARP && pkt->arp_op == IOV_ARP_REQUEST && !(pkt->flags & IOV_PKT_ANNOUNCES) &&
		    answers_arp(pkt))
			return iov_next(ctx, pkt, IOV_SLOT_ARP);
		if (pkt->flags & IOV_PKT_ND && !(pkt->flags & IOV_PKT_ANNOUNCES) && pkt->arp_op == IOV_ND_SOLICITATION && answers_nd(pkt))
			return iov_next(ctx, pkt, IOV_SLOT_ND);
		if (pkt->flags & IOV_PKT_MCAST_MESSAGE) {
			datapath = bpf_map_lookup_elem(&iov_datapaths, &number);
			if (datapath && datapath->flags & IOV_DATAPATH_SNOOP)
				return iov_next(ctx, pkt, IOV_SLOT_SNOOP);
		}
	}
	if (iov_unlikely(pkt->flags & IOV_PKT_MULTICAST)) {
		datapath = bpf_map_lookup_elem(&iov_datapaths, &number);
		if (!datapath || !datapath->flood_group)
			return iov_drop(ctx, pkt, IOV_DROP_EMPTY_GROUP);
		if (iov_unlikely(datapath->flags & IOV_DATAPATH_SNOOP) && pkt->flags & (IOV_PKT_IP4 | IOV_PKT_IP6))
			return iov_next(ctx, pkt, IOV_SLOT_SNOOP);
		return flood(ctx, pkt, datapath->flood_group);
	}

	key = iov_mac_key(number, pkt->eth_dst);
	dest = destination(pkt, key);
	if (iov_unlikely(!dest))
		dest = bpf_map_lookup_elem(&iov_learned, &key);
	if (iov_unlikely(!dest)) {
		datapath = bpf_map_lookup_elem(&iov_datapaths, &number);
		if (!datapath || !datapath->unknown_group)
			return iov_drop(ctx, pkt, IOV_DROP_UNKNOWN_DESTINATION);
		return flood(ctx, pkt, datapath->unknown_group);
	}
	pkt->egress_key = dest->egress_key;
	if (dest->kind == IOV_DEST_LOCAL) {
		if (iov_unlikely(dest->index == pkt->in_port))
			return iov_drop(ctx, pkt, IOV_DROP_SAME_PORT);
		pkt->out_port = dest->index;
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_OUT);
	}
	if (dest->kind == IOV_DEST_REMOTE) {
		pkt->tunnel = dest->index;
		return iov_next(ctx, pkt, IOV_SLOT_ENCAP);
	}
	if (dest->kind == IOV_DEST_GROUP)
		return flood(ctx, pkt, dest->egress_key);
	if (dest->kind == IOV_DEST_EXTERNAL) {
		if (dest->index == pkt->in_port)
			return iov_drop(ctx, pkt, IOV_DROP_SAME_PORT);
		pkt->flags &= ~IOV_PKT_FROM_LOCALPORT;
		pkt->out_port = dest->index;
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_OUT);
	}
	return iov_drop(ctx, pkt, IOV_DROP_DESTINATION_UNBOUND);
}
