/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* router: IPv4 between its ports. What needs more than a packet, resolution and errors, is done by router.ts. See README.md. */
#include <linux/in.h>
#include <iov/ethernet.h>
#include <iov/ip.h>
#include <iov/module.h>

#define ETH_SOURCE 6
#define IP_OFFSET ETH_HLEN
#define TTL_OFFSET (IP_OFFSET + 8)
#define CHECKSUM_OFFSET (IP_OFFSET + 10)
#define SOURCE_OFFSET (IP_OFFSET + 12)
#define OWN_TTL 64
#define ICMP_ECHO 8
#define SECOND 1000000000ULL

/* Why user space gets a packet. */
enum router_reason {
	ROUTER_RESOLVED = 1, /* an ARP reply; metadata: address */
	ROUTER_UNRESOLVED,   /* metadata: next hop, port that it is behind */
	ROUTER_TTL,
	ROUTER_NO_ROUTE,
};

struct router_interface {
	__be32 ip;
	__be32 mask;
	__u8 mac[6];
	__u16 up;         /* 0: not configured */
	__u32 generation; /* goes up when another one is configured or linked: neighbours learned before are void */
	enum router_reason unused; /* for the type to be in BTF */
};

struct router_prefix {
	__u32 length; /* bits */
	__be32 network;
};

struct router_route {
	__u32 port;
	__be32 next_hop; /* 0: the destination itself */
};

struct router_neighbour_key {
	__be32 ip;
	__u32 port;
};

struct router_neighbour {
	__u8 mac[6];
	__u16 pad;
	__u32 generation;
	__u32 pad2;
	__u64 seen; /* CLOCK_MONOTONIC, nanoseconds */
};

struct router_mac {
	__u8 mac[6];
};

/* What left by a port. */
struct router_counters {
	__u64 packets;
	__u64 bytes;
};

/* How long an answer holds. */
#define NEIGHBOUR_AGE (300 * SECOND)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct router_interface);
} interfaces SEC(".maps");

/* The router's own addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HOVER_MAX_PORTS);
	__type(key, __be32);
	__type(value, __u32);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct router_prefix);
	__type(value, struct router_route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct router_neighbour_key);
	__type(value, struct router_neighbour);
} neighbours SEC(".maps");

/* Configured: by address alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __be32);
	__type(value, struct router_mac);
} fixed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct router_counters);
} counters SEC(".maps");

static __always_inline bool is_unicast(__be32 ip)
{
	__u32 first = bpf_ntohl(ip) >> 24;

	return first && first != 127 && first < 224;
}

/* Writes the Ethernet header. */
static __always_inline int readdress(struct __sk_buff *skb, const __u8 *to, const __u8 *from)
{
	__u8 macs[12];

	__builtin_memcpy(macs, to, 6);
	__builtin_memcpy(macs + 6, from, 6);
	return bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
}

static __always_inline int set_ttl(struct __sk_buff *skb, const struct iov_ip4_header *ip, __u8 ttl)
{
	__be16 old = bpf_htons(ip->ttl << 8 | ip->protocol), new = bpf_htons(ttl << 8 | ip->protocol);

	return bpf_l3_csum_replace(skb, CHECKSUM_OFFSET, old, new, 2) ||
	       bpf_skb_store_bytes(skb, TTL_OFFSET, &ttl, 1, 0);
}

static __always_inline int send(struct __sk_buff *skb, struct iov_md *md, __u32 port)
{
	struct router_counters *count = bpf_map_lookup_elem(&counters, &port);

	if (count) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, skb->len);
	}
	return iov_forward(skb, md, port);
}

/* The sender of ARP. It need not be in the interface's network: routes may say that others are on the link, too. */
static __always_inline bool learn(const struct iov_arp_header *arp, const struct router_interface *in, __u32 port)
{
	struct router_neighbour_key key = { .ip = arp->sender_ip, .port = port };
	struct router_neighbour fresh = { .generation = in->generation, .seen = bpf_ktime_get_coarse_ns() };

	if (!is_unicast(arp->sender_ip) || arp->sender_mac[0] & 1)
		return false;
	if (bpf_map_lookup_elem(&own, &key.ip))
		return false;
	__builtin_memcpy(fresh.mac, arp->sender_mac, 6);
	return !bpf_map_update_elem(&neighbours, &key, &fresh, BPF_ANY);
}

static __always_inline int arp_input(struct __sk_buff *skb, struct iov_md *md, const struct router_interface *in)
{
	struct iov_arp_header arp;
	__u8 asker[6];

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (arp.hardware_type != bpf_htons(1) || arp.protocol_type != bpf_htons(ETH_P_IP) || arp.hardware_length != 6 ||
	    arp.protocol_length != 4)
		return iov_drop(HOVER_DROP_MALFORMED);
	if (arp.target_ip != in->ip)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (arp.operation == bpf_htons(IOV_ARP_REPLY)) {
		if (!learn(&arp, in, md->port))
			return iov_drop(HOVER_DROP_POLICY);
		md->metadata[0] = bpf_ntohl(arp.sender_ip);
		return iov_to_controller(skb, md, ROUTER_RESOLVED);
	}
	if (arp.operation != bpf_htons(IOV_ARP_REQUEST))
		return iov_drop(HOVER_DROP_UNSUPPORTED);
	/* A probe (RFC 5227) is answered, too. */
	if (!learn(&arp, in, md->port) && arp.sender_ip)
		return iov_drop(HOVER_DROP_POLICY);
	__builtin_memcpy(asker, arp.sender_mac, 6);
	arp.operation = bpf_htons(IOV_ARP_REPLY);
	arp.target_ip = arp.sender_ip;
	__builtin_memcpy(arp.target_mac, asker, 6);
	arp.sender_ip = in->ip;
	__builtin_memcpy(arp.sender_mac, in->mac, 6);
	if (readdress(skb, asker, in->mac) || bpf_skb_store_bytes(skb, ETH_HLEN, &arp, sizeof(arp), 0))
		return iov_drop(HOVER_DROP_ERROR);
	return send(skb, md, md->port);
}

/* For one of the router's addresses: only echo requests are answered, back to where they came from. */
static __always_inline int local_input(struct __sk_buff *skb, struct iov_md *md, const struct router_interface *in,
				       const struct iov_ip4_header *ip)
{
	__u32 icmp = IP_OFFSET + (ip->version_ihl & 0xf) * 4;
	__be32 addresses[2] = { ip->destination, ip->source };
	__u8 type_code[2], macs[12], reply = 0;

	if (ip->protocol != IPPROTO_ICMP)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (ip->fragment & bpf_htons(IOV_IP4_FRAGMENT_MASK))
		return iov_drop(HOVER_DROP_UNSUPPORTED);
	if (bpf_skb_load_bytes(skb, icmp, type_code, 2) || bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (type_code[0] != ICMP_ECHO || type_code[1])
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (readdress(skb, macs + ETH_SOURCE, in->mac) || set_ttl(skb, ip, OWN_TTL) ||
	    bpf_skb_store_bytes(skb, SOURCE_OFFSET, addresses, sizeof(addresses), 0) ||
	    bpf_l4_csum_replace(skb, icmp + 2, bpf_htons(ICMP_ECHO << 8), 0, 2) ||
	    bpf_skb_store_bytes(skb, icmp, &reply, 1, 0))
		return iov_drop(HOVER_DROP_ERROR);
	return send(skb, md, md->port);
}

static __always_inline const __u8 *mac_of(__be32 ip, __u32 port, __u32 generation)
{
	struct router_neighbour_key key = { .ip = ip, .port = port };
	struct router_mac *configured = bpf_map_lookup_elem(&fixed, &ip);
	struct router_neighbour *known;

	if (configured)
		return configured->mac;
	known = bpf_map_lookup_elem(&neighbours, &key);
	if (!known || known->generation != generation)
		return 0;
	/* The coarse clock of another CPU may be ahead. */
	if ((__s64)(bpf_ktime_get_coarse_ns() - known->seen) > (__s64)NEIGHBOUR_AGE)
		return 0;
	return known->mac;
}

static __always_inline int ip_input(struct __sk_buff *skb, struct iov_md *md, const struct router_interface *in)
{
	struct router_prefix destination = { .length = 32 };
	struct router_interface *out;
	struct router_route *route;
	struct iov_ip4_header ip;
	const __u8 *mac;
	__be32 next_hop;
	__u32 length, port;

	if (bpf_skb_load_bytes(skb, IP_OFFSET, &ip, sizeof(ip)))
		return iov_drop(HOVER_DROP_MALFORMED);
	length = (ip.version_ihl & 0xf) * 4;
	if (ip.version_ihl >> 4 != 4 || length < sizeof(ip) || bpf_ntohs(ip.total_length) < length ||
	    skb->len < (__u32)IP_OFFSET + bpf_ntohs(ip.total_length))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (!is_unicast(ip.source) || bpf_map_lookup_elem(&own, &ip.source))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (bpf_map_lookup_elem(&own, &ip.destination))
		return local_input(skb, md, in, &ip);
	if (!is_unicast(ip.destination))
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (ip.ttl <= 1)
		return iov_to_controller(skb, md, ROUTER_TTL);
	destination.network = ip.destination;
	route = bpf_map_lookup_elem(&routes, &destination);
	if (!route)
		return iov_to_controller(skb, md, ROUTER_NO_ROUTE);
	port = route->port;
	next_hop = route->next_hop ? route->next_hop : ip.destination;
	out = bpf_map_lookup_elem(&interfaces, &port);
	if (!out || !out->up)
		return iov_drop(HOVER_DROP_NO_ROUTE);
	/* The network and its broadcast address are nobody's. */
	if (!((next_hop ^ out->ip) & out->mask) && ~out->mask & bpf_htonl(~1U) &&
	    (!(next_hop & ~out->mask) || (next_hop | out->mask) == (__be32)~0U))
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	mac = mac_of(next_hop, port, out->generation);
	if (!mac) {
		md->metadata[0] = bpf_ntohl(next_hop);
		md->metadata[1] = port;
		return iov_to_controller(skb, md, ROUTER_UNRESOLVED);
	}
	if (readdress(skb, mac, out->mac) || set_ttl(skb, &ip, ip.ttl - 1))
		return iov_drop(HOVER_DROP_ERROR);
	return send(skb, md, port);
}

static int router(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 port = md->port;
	struct router_interface *in = bpf_map_lookup_elem(&interfaces, &port);
	struct ethhdr eth;

	if (!in || !in->up)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) || eth.h_source[0] & 1)
		return iov_drop(HOVER_DROP_MALFORMED);
	if (skb->vlan_present)
		return iov_drop(HOVER_DROP_UNSUPPORTED);
	if (eth.h_proto == bpf_htons(ETH_P_ARP))
		return arp_input(skb, md, in);
	if (!iov_mac_equal(eth.h_dest, in->mac))
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	if (eth.h_proto != bpf_htons(ETH_P_IP))
		return iov_drop(HOVER_DROP_UNSUPPORTED);
	return ip_input(skb, md, in);
}
IOV_MODULE(router);
