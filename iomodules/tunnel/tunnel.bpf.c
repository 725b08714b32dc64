/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * tunnel: VXLAN and Geneve between chassis, written by the module itself, without a tunnel device.
 *
 *   iov_encap         a unicast frame to one chassis
 *   iov_flood_remote  a frame to every remote member of a multicast group
 *   iov_uplink        tc ingress of an underlay device: ours is unpacked and delivered, the rest is the host's
 */
#include <iov/chain.h>
#include <iov/encap.h>
#include <iov/group.h>
#include <iov/ip.h>
#include <iov/outer.h>
#include <iov/parse.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline struct iov_tunnel *tunnel_lookup(__u32 number)
{
	return bpf_map_lookup_elem(&iov_tunnels, &number);
}

/* Next hops of a tunnel that a flow is tried on; the agent writes no more. */
#define WAYS 8

/* The row of the next hop that the flow goes by (iov_tunnel.share). A row that is not there yet leaves it with the one before. */
static __always_inline struct iov_tunnel *way_of(struct iov_tunnel *tunnel, const struct iov_packet *pkt)
{
	struct iov_tunnel *other;
	__u32 flow;

	if (!iov_unlikely(tunnel->share))
		return tunnel;
	flow = bpf_ntohs(iov_outer_source_port(pkt)) & 0x3fff;
#pragma unroll
	for (int i = 1; i < WAYS; i++) {
		if (!tunnel->share || flow < tunnel->share)
			break;
		other = tunnel_lookup(tunnel->other);
		if (!other || !(other->flags & IOV_TUNNEL_VALID))
			break;
		tunnel = other;
	}
	return tunnel;
}

static __always_inline __u32 header_length(const struct iov_tunnel *tunnel)
{
	return tunnel->flags & IOV_TUNNEL_GENEVE ? IOV_OUTER_GENEVE_LENGTH : IOV_OUTER_VXLAN_LENGTH;
}

static __always_inline int is_ip(struct __sk_buff *ctx)
{
	return ctx->protocol == bpf_htons(ETH_P_IP) || ctx->protocol == bpf_htons(ETH_P_IPV6);
}

/* Write the outer header and the inner MACs and type behind it, in one go. `header` must be a constant. */
static __always_inline int write_headers(struct __sk_buff *ctx, const struct iov_packet *pkt, const struct iov_tunnel *tunnel,
					 const struct iov_outer_keys *keys, __be16 type, const __u32 header)
{
	__u64 words[IOV_OUTER_WORDS];

	iov_outer_fill(ctx, words, tunnel, keys, iov_outer_source_port(pkt));
	iov_inner_fill(words + header / 8, pkt, type);
	return bpf_skb_store_bytes(ctx, 0, words, header + IOV_ETHERNET_LENGTH, 0);
}

/* The reason why it cannot be done, or IOV_DROP_NONE. */
static __always_inline __u32 encapsulate(struct __sk_buff *ctx, struct iov_packet *pkt, const struct iov_tunnel *tunnel)
{
	__u32 header = header_length(tunnel), tag = 0;
	struct iov_outer_keys keys;
	__be16 type;
	int error;

	if (!(tunnel->flags & IOV_TUNNEL_VALID))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	/* The kernel can find the next hop of an IP packet for us; others wait for the agent to do so. */
	if (!(tunnel->flags & IOV_TUNNEL_RESOLVED) && !is_ip(ctx))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	if (!iov_outer_keys(&keys, pkt, tunnel->flags & IOV_TUNNEL_GENEVE))
		return IOV_DROP_TUNNEL_KEY;
	if (pkt->flags & IOV_PKT_VLAN && ctx->vlan_present)
		tag = IOV_VLAN_LENGTH;
	if (iov_outer_ip_length(ctx, pkt, tag, header) > tunnel->mtu)
		return IOV_DROP_TUNNEL_MTU;
	if (iov_outer_room(ctx, pkt, header, &type))
		return IOV_DROP_TUNNEL_ENCAP_FAILED;
	if (header == IOV_OUTER_VXLAN_LENGTH)
		error = write_headers(ctx, pkt, tunnel, &keys, type, IOV_OUTER_VXLAN_LENGTH);
	else
		error = write_headers(ctx, pkt, tunnel, &keys, type, IOV_OUTER_GENEVE_LENGTH);
	return error ? IOV_DROP_TUNNEL_ENCAP_FAILED : IOV_DROP_NONE;
}

IOV_PROGRAM(iov_encap)
{
	struct iov_packet *pkt = iov_begin(IOV_SLOT_ENCAP);
	struct iov_tunnel *tunnel;
	__u32 number, reason = IOV_DROP_TUNNEL_UNRESOLVED;

	if (!pkt)
		return TC_ACT_SHOT;
	if (iov_unlikely(pkt->flags & IOV_PKT_FROM_LOCALPORT))
		return iov_drop(ctx, pkt, IOV_DROP_LOCALPORT);
	number = pkt->tunnel;
	tunnel = tunnel_lookup(number);
	if (tunnel)
		tunnel = way_of(tunnel, pkt);
	if (tunnel)
		reason = encapsulate(ctx, pkt, tunnel);
	if (!tunnel || reason)
		return iov_drop(ctx, pkt, reason);
	iov_count_tx(&iov_tunnel_counters, number, ctx->len - pkt->room);
	iov_trace_note(IOV_TRACE_TUNNEL, number, 0, iov_trace_key(pkt));
	if (tunnel->flags & IOV_TUNNEL_RESOLVED)
		return bpf_redirect(tunnel->ifindex, 0);
	return bpf_redirect_neigh(tunnel->ifindex, 0, 0, 0);
}

/*
 * A flood serves all VXLAN tunnels first, then all Geneve tunnels, so that the room in front of the frame only ever grows.
 * iov_packet.geneve: 1 when the first round has seen a Geneve tunnel, 2 in the second round.
 */
#define GENEVE_SEEN 1
#define GENEVE_ROUND 2

/* Of members, before iov_flood_remote jumps to itself: with 33 tail calls a packet, some 3000 other chassis. */
#define CHUNKS_A_PASS 2

/* What is the same for every member of a round. In a map, because the verifier would follow every combination of values of
 * a struct on the stack through all the members. */
struct round {
	struct iov_outer_keys keys;
	__u32 keys_fit;
	__u32 geneve;    /* IOV_TUNNEL_GENEVE or 0 */
	__u32 header;    /* length of the outer header */
	__u32 ip_length; /* of the outer IP packet */
	__be16 source_port;
};

IOV_MAP(iov_round, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct round, 1, 0);

static __always_inline void begin_round(struct round *round, struct __sk_buff *ctx, const struct iov_packet *pkt)
{
	__u32 tag = !pkt->room && pkt->flags & IOV_PKT_VLAN && ctx->vlan_present ? IOV_VLAN_LENGTH : 0;

	round->geneve = pkt->kinds == GENEVE_ROUND ? IOV_TUNNEL_GENEVE : 0;
	round->header = round->geneve ? IOV_OUTER_GENEVE_LENGTH : IOV_OUTER_VXLAN_LENGTH;
	round->ip_length = iov_outer_ip_length(ctx, pkt, tag, round->header);
	round->keys_fit = iov_outer_keys(&round->keys, pkt, round->geneve);
	round->source_port = iov_outer_source_port(pkt);
}

static __always_inline int make_room(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 header)
{
	__u64 inner[2] = {};
	__be16 type;

	if (pkt->room) {
		if (ctx->gso_size || bpf_skb_change_head(ctx, header - pkt->room, 0))
			return -1;
		pkt->room = header;
		return 0;
	}
	if (iov_outer_room(ctx, pkt, header, &type))
		return -1;
	iov_inner_fill(inner, pkt, type);
	return bpf_skb_store_bytes(ctx, header, (__u8 *)inner + 2, IOV_ETHERNET_LENGTH, 0);
}

static __always_inline __u32 copy_to_tunnel(struct __sk_buff *ctx, struct iov_packet *pkt, __u32 number,
					    const struct round *round)
{
	struct iov_tunnel *tunnel = tunnel_lookup(number);
	__u64 words[IOV_OUTER_WORDS];
	/* That it is one of the two lengths, in a way that kernels before 6.8 understand: they learn no lower bound from "!= 0". */
	__u32 header = IOV_OUTER_VXLAN_LENGTH | (round->header & (IOV_OUTER_VXLAN_LENGTH ^ IOV_OUTER_GENEVE_LENGTH));

	_Static_assert((IOV_OUTER_VXLAN_LENGTH & IOV_OUTER_GENEVE_LENGTH) == IOV_OUTER_VXLAN_LENGTH, "their bits say which it is");
	if (!tunnel)
		return IOV_DROP_TUNNEL_UNRESOLVED;
	if ((tunnel->flags & IOV_TUNNEL_GENEVE) != round->geneve) {
		if (!round->geneve)
			pkt->kinds = GENEVE_SEEN;
		return IOV_DROP_NONE;
	}
	if ((tunnel->flags & (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED)) != (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED))
		return IOV_DROP_TUNNEL_UNRESOLVED;
	if (!round->keys_fit)
		return IOV_DROP_TUNNEL_KEY;
	if (round->ip_length > tunnel->mtu)
		return IOV_DROP_TUNNEL_MTU;
	if (pkt->room != header && make_room(ctx, pkt, header))
		return IOV_DROP_TUNNEL_ENCAP_FAILED;
	iov_outer_fill(ctx, words, tunnel, &round->keys, round->source_port);
	if (bpf_skb_store_bytes(ctx, 0, words, header, 0))
		return IOV_DROP_TUNNEL_ENCAP_FAILED;
	if (!iov_tracing && bpf_clone_redirect(ctx, tunnel->ifindex, 0))
		return IOV_DROP_NO_MEMORY;
	pkt->copies++;
	iov_count_tx(&iov_tunnel_counters, number, ctx->len - header);
	iov_trace_note(IOV_TRACE_TUNNEL_COPY, number, 0, iov_trace_key(pkt));
	return IOV_DROP_NONE;
}

IOV_PROGRAM(iov_flood_remote)
{
	struct iov_packet *pkt = iov_packet_of_cpu();
	struct iov_group_key key;
	struct iov_group *group;
	struct round *round;
	__u32 chunks = 0, zero = 0, reason;
	__u16 generation = 0;

	round = bpf_map_lookup_elem(&iov_round, &zero);
	if (!pkt || !round)
		return TC_ACT_SHOT;
	if (!pkt->chunk && pkt->kinds != GENEVE_ROUND)
		iov_trace_note(IOV_TRACE_MODULE, IOV_SLOT_FLOOD_REMOTE, 0, 0);
	begin_round(round, ctx, pkt);
	iov_group_head(&key, pkt, IOV_GROUP_REMOTE);
	group = bpf_map_lookup_elem(&iov_groups, &key);
	if (group) {
		chunks = group->chunks;
		generation = group->generation;
	}
	for (__u32 pass = 0; pass < CHUNKS_A_PASS && pkt->chunk < chunks; pass++) {
		iov_group_chunk(&key, pkt->chunk, generation);
		pkt->chunk++;
		group = bpf_map_lookup_elem(&iov_groups, &key);
		if (!group)
			continue;
		for (__u32 i = 0; i < IOV_GROUP_CHUNK && i < group->count; i++) {
			reason = copy_to_tunnel(ctx, pkt, group->members[i], round);
			if (reason)
				iov_count_drop(ctx, pkt, reason, pkt->in_port);
		}
	}
	if (pkt->chunk < chunks)
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	pkt->chunk = 0;
	if (iov_unlikely(iov_group_turn(pkt)))
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	if (pkt->kinds == GENEVE_SEEN) {
		pkt->kinds = GENEVE_ROUND;
		return iov_next(ctx, pkt, IOV_SLOT_FLOOD_REMOTE);
	}
	return iov_group_done(ctx, pkt);
}

/* What follows the outer UDP header. */
struct tunnel_header {
	__be32 word;
	__be32 vni;        /* and 8 reserved bits */
	__be32 option;     /* Geneve */
	__be32 option_data;
};

/* Does the tunnel header say what OVN's must? Fills the key of what it asks for. */
static __always_inline int read_vxlan(const struct tunnel_header *header, struct iov_tunnel_key *key)
{
	__u32 vni = bpf_ntohl(header->vni) >> 8;
	__u32 egress = vni >> IOV_VXLAN_KEY_BITS;

	if (header->word != bpf_htonl(IOV_VXLAN_FLAGS) || header->vni & bpf_htonl(0xff))
		return 0;
	key->datapath_key = vni & IOV_VXLAN_KEY_MASK;
	if (egress & IOV_VXLAN_MULTICAST)
		egress = IOV_MULTICAST_KEY | (egress & (IOV_VXLAN_MULTICAST - 1));
	key->egress_key = egress;
	return 1;
}

static __always_inline int read_geneve(const struct tunnel_header *header, struct iov_tunnel_key *key, __u16 *ingress)
{
	__u32 data = bpf_ntohl(header->option_data);

	if ((header->word & bpf_htonl(IOV_GENEVE_WORD_MASK)) != bpf_htonl(IOV_GENEVE_WORD) ||
	    (header->option & bpf_htonl(IOV_GENEVE_OPTION_MASK)) != bpf_htonl(IOV_GENEVE_OPTION) || data >> 31)
		return 0;
	key->datapath_key = bpf_ntohl(header->vni) >> 8;
	key->egress_key = data;
	*ingress = data >> 16;
	return 1;
}

/* What was read of a tunnel packet, before its outer header goes. */
struct arrival {
	struct tunnel_header header;
	__u8 macs[12]; /* with type: the inner Ethernet header */
	__be16 type;
	__u16 ingress; /* key of the port it came from; 0: VXLAN does not say */
};

/*
 * Take `header` bytes off the front, all but the inner MACs and type, `inner`.
 *
 * The kernel keeps the outer packet's protocol for the frame; one of GSO it would then cut as IPv4. change_proto is the one
 * helper that sets another: it puts 20 bytes behind the outer MACs, which go with the rest.
 *
 * adjust_room wants 20 (IPv6: 40) bytes behind the inner header. Shorter frames get the padding that Ethernet asks for, if
 * they are of a protocol whose headers fit at all.
 */
static __always_inline __u32 unpack(struct __sk_buff *ctx, __u32 header, const struct arrival *inner)
{
	__u32 payload = ctx->len - header - IOV_ETHERNET_LENGTH;

	if (inner->type == bpf_htons(ETH_P_IPV6)) {
		if (payload < 40)
			return IOV_DROP_MALFORMED;
		if (bpf_skb_change_proto(ctx, bpf_htons(ETH_P_IPV6), 0))
			return IOV_DROP_NO_MEMORY;
		header += 20;
	} else if (iov_unlikely(payload < 20)) {
		if (inner->type == bpf_htons(ETH_P_IP))
			return IOV_DROP_MALFORMED;
		if (bpf_skb_change_tail(ctx, header + ETH_ZLEN, 0))
			return IOV_DROP_NO_MEMORY;
	}
	if (bpf_skb_adjust_room(ctx, -(__s32)header, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_store_bytes(ctx, 0, inner->macs, IOV_ETHERNET_LENGTH, BPF_F_INVALIDATE_HASH))
		return IOV_DROP_NO_MEMORY;
	return IOV_DROP_NONE;
}

/* The destination port of a UDP packet that could be a tunnel packet; 0 for all others. */
static __always_inline __u32 tunnel_port(struct __sk_buff *ctx, struct iov_ip4_header *ip)
{
	struct iov_udp_header *udp = (void *)(ip + 1);
	__be16 port = udp->destination;

	if (ip->protocol != IPPROTO_UDP || ip->version_ihl >> 4 != 4 ||
	    ip->fragment & bpf_htons(IOV_IP4_OFFSET_MASK))
		return 0;
	/* IP options: the port lies further back. */
	if (ip->version_ihl != 0x45 &&
	    bpf_skb_load_bytes(ctx, IOV_OUTER_IP + ((ip->version_ihl & 0xf) << 2) + 2, &port, sizeof(port)))
		return 0;
	port = bpf_ntohs(port);
	return port == IOV_VXLAN_PORT || port == IOV_GENEVE_PORT ? port : 0;
}

/* Is the outer packet whole, and its tunnel header one of OVN's? Cuts off what is behind the outer packet. */
static __always_inline int read_arrival(struct __sk_buff *ctx, struct iov_ip4_header *ip, __u32 header, struct arrival *arrival,
					struct iov_tunnel_key *key)
{
	struct iov_udp_header *udp = (void *)(ip + 1);
	__u32 total = bpf_ntohs(ip->total_length), udp_length = bpf_ntohs(udp->length);

	if (ip->version_ihl != 0x45 || ip->fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK) || iov_ip4_sum(ip) != 0xffff ||
	    ctx->len < header + IOV_ETHERNET_LENGTH)
		return 0;
	/* The lengths of a GSO packet are those of no packet on the wire. */
	if (!ctx->gso_size) {
		if (total < header || total > ctx->len - IOV_OUTER_IP || udp_length != total - 20)
			return 0;
		if (ctx->len > total + IOV_OUTER_IP && bpf_skb_change_tail(ctx, total + IOV_OUTER_IP, 0))
			return 0;
	}
	if (header == IOV_OUTER_GENEVE_LENGTH)
		return !bpf_skb_load_bytes(ctx, IOV_OUTER_TUNNEL, &arrival->header, 16) &&
		       !bpf_skb_load_bytes(ctx, IOV_OUTER_GENEVE_LENGTH, arrival->macs, IOV_ETHERNET_LENGTH) &&
		       read_geneve(&arrival->header, key, &arrival->ingress);
	return !bpf_skb_load_bytes(ctx, IOV_OUTER_TUNNEL, &arrival->header, 8) &&
	       !bpf_skb_load_bytes(ctx, IOV_OUTER_VXLAN_LENGTH, arrival->macs, IOV_ETHERNET_LENGTH) &&
	       read_vxlan(&arrival->header, key);
}

/* Unpack a packet of tunnel `number` and fill in where it goes. The reason not to, or IOV_DROP_NONE. */
static __always_inline __u32 receive(struct __sk_buff *ctx, struct iov_packet *pkt, struct iov_ip4_header *ip, __u32 port,
				     __u32 number, __u8 *kind)
{
	__u32 header = port == IOV_GENEVE_PORT ? IOV_OUTER_GENEVE_LENGTH : IOV_OUTER_VXLAN_LENGTH;
	struct iov_tunnel_key key = {};
	struct arrival arrival;
	struct iov_dest *dest;
	struct iov_port *receiver;
	__u32 datapath, reason, *epoch;

	arrival.ingress = 0;
	if (!read_arrival(ctx, ip, header, &arrival, &key))
		return IOV_DROP_TUNNEL_MALFORMED;
	iov_count_rx(&iov_tunnel_counters, number, ctx->len - header);
	dest = bpf_map_lookup_elem(&iov_tunnel_dests, &key);
	if (!dest || (dest->kind != IOV_DEST_LOCAL && dest->kind != IOV_DEST_GROUP))
		return IOV_DROP_TUNNEL_KEY;
	*kind = dest->kind;
	datapath = dest->index;
	if (*kind == IOV_DEST_GROUP && arrival.ingress) {
		/* A port that is on several chassis hears no flood of its own from another one. */
		struct iov_tunnel_key twin = { .datapath_key = key.datapath_key, .egress_key = arrival.ingress };
		struct iov_dest *own = bpf_map_lookup_elem(&iov_tunnel_dests, &twin);

		if (own && own->kind == IOV_DEST_LOCAL)
			pkt->out_port = own->index;
	}
	pkt->tunnel = number;
	pkt->egress_key = key.egress_key;
	pkt->group = key.egress_key;
	if (*kind == IOV_DEST_LOCAL) {
		receiver = iov_port_lookup(dest->index);
		datapath = receiver ? receiver->datapath : 0;
		if (receiver && receiver->port_key == arrival.ingress)
			return IOV_DROP_SAME_PORT;
		pkt->out_port = dest->index;
		pkt->group = 0;
	}
	pkt->datapath = datapath;
	epoch = bpf_map_lookup_elem(&iov_epochs, &datapath);
	pkt->epoch = epoch ? *epoch : 0;
	pkt->looked_at = IOV_FIELD_IN_PORT;
	pkt->rewrote = 0;
	*(__u64 *)&pkt->copies = 0; /* to kinds */
	pkt->other_group = 0;
	pkt->turn = 0;
	reason = unpack(ctx, header, &arrival);
	if (reason)
		return reason;
	return iov_parse(ctx, pkt, IOV_PKT_FROM_TUNNEL) == IOV_PARSE_OK ? IOV_DROP_NONE : IOV_DROP_MALFORMED;
}

/* Not ours. */
static __always_inline int pass(void)
{
	iov_trace_note(IOV_TRACE_PASS, 0, 0, 0);
	return IOV_PASS;
}

IOV_PROGRAM(iov_uplink)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iov_tunnel_source source;
	struct iov_ip4_header *ip;
	struct iov_packet *pkt;
	__u32 port, reason = IOV_DROP_TUNNEL_SOURCE, *number;
	__u8 kind = 0;

	iov_trace_begin(IOV_SLOT_COUNT + 1);
	if (ctx->protocol != bpf_htons(ETH_P_IP) || ctx->vlan_present)
		return pass();
	if (iov_unlikely(data + IOV_OUTER_TUNNEL > end)) {
		if (ctx->len < IOV_OUTER_TUNNEL || bpf_skb_pull_data(ctx, IOV_OUTER_TUNNEL))
			return pass();
		data = (void *)(long)ctx->data;
		end = (void *)(long)ctx->data_end;
		if (data + IOV_OUTER_TUNNEL > end)
			return pass();
	}
	ip = data + IOV_OUTER_IP;
	port = tunnel_port(ctx, ip);
	if (!port)
		return pass();
	source.remote_ip = ip->source;
	source.local_ip = ip->destination;
	number = bpf_map_lookup_elem(&iov_tunnel_sources, &source);
	if (!number && !bpf_map_lookup_elem(&iov_tunnel_locals, &source.local_ip))
		return pass();

	/* From here on it is ours, whatever is wrong with it. */
	pkt = iov_packet_of_cpu();
	if (!pkt)
		return TC_ACT_SHOT;
	pkt->in_port = 0;
	pkt->out_port = 0;
	if (number)
		reason = receive(ctx, pkt, ip, port, *number, &kind);
	if (reason)
		return iov_drop(ctx, pkt, reason);
	if (kind == IOV_DEST_LOCAL)
		return iov_next(ctx, pkt, IOV_SLOT_PORTSEC_OUT);
	return iov_next(ctx, pkt, IOV_SLOT_FLOOD);
}
