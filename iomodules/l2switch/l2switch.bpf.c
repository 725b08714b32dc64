/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* l2switch: a learning switch with ageing, static entries and port security. See README.md. */
#include <iov/ip.h>
#include <iov/module.h>

#define MACS 65536
#define SECOND 1000000000ULL
/* In the first octet of a MAC, as l2switch_mac() has it. */
#define GROUP_BIT (1ULL << 40)

struct l2switch_config {
	__u64 ageing; /* nanoseconds; 0: never */
};

struct l2switch_port {
	__u32 secured;    /* not 0: `allowed` says what comes in, and which MACs it is sent out to */
	__u32 generation; /* goes up when something else is linked: what was learned before is void */
};

/* A MAC is a number: 02:00:00:00:00:01 is 0x020000000001. */
struct l2switch_mac {
	__u64 mac;
};

struct l2switch_learned {
	__u32 port;
	__u32 generation; /* of the port when this was learned */
	__u64 seen;       /* CLOCK_MONOTONIC, nanoseconds, exact to a second */
};

/* ip 0: the row that says whether the MAC is allowed. */
struct l2switch_allowed {
	__u64 mac;
	__u32 port;
	__be32 ip;
};

/* Of the row with ip 0. */
#define ANY_ADDRESS 1

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l2switch_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOVER_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct l2switch_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MACS);
	__type(key, struct l2switch_mac);
	__type(value, struct l2switch_learned);
} learned SEC(".maps");

/* Never evicted, aged or moved. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MACS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct l2switch_mac);
	__type(value, __u32);
} fixed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MACS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct l2switch_allowed);
	__type(value, __u32);
} allowed SEC(".maps");

static __always_inline struct l2switch_mac mac_of(const __u8 *bytes)
{
	return (struct l2switch_mac){ (__u64)bytes[0] << 40 | (__u64)bytes[1] << 32 | (__u64)bytes[2] << 24 |
				      (__u64)bytes[3] << 16 | (__u64)bytes[4] << 8 | bytes[5] };
}

static __always_inline const __u32 *rule(__u32 port, __u64 mac, __be32 ip)
{
	struct l2switch_allowed key = { .mac = mac, .port = port, .ip = ip };

	return bpf_map_lookup_elem(&allowed, &key);
}

/* Whether a secured port may send this. Where addresses are listed, only IPv4 and ARP with them may come: all else is a way round. */
static __always_inline bool may_send(struct __sk_buff *skb, __u32 port, __u64 source, __be16 type)
{
	const __u32 *known = rule(port, source, 0);
	struct iov_arp_header arp;
	__be32 ip;

	if (!known)
		return false;
	if (type == bpf_htons(ETH_P_ARP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
			return false;
		if (mac_of(arp.sender_mac).mac != source)
			return false;
		/* A probe for an address that is not taken (RFC 5227) has no sender address. */
		return *known == ANY_ADDRESS || !arp.sender_ip || rule(port, source, arp.sender_ip);
	}
	if (*known == ANY_ADDRESS)
		return true;
	if (type != bpf_htons(ETH_P_IP) || skb->vlan_present)
		return false;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iov_ip4_header, source), &ip, sizeof(ip)))
		return false;
	return ip && rule(port, source, ip);
}

static __always_inline void learn(struct l2switch_mac source, __u32 port, __u32 generation, __u64 now)
{
	struct l2switch_learned fresh = { .port = port, .generation = generation, .seen = now };
	struct l2switch_learned *known;

	if (bpf_map_lookup_elem(&fixed, &source))
		return;
	known = bpf_map_lookup_elem(&learned, &source);
	/* Most packets write nothing, so CPUs do not fight for the line. */
	if (known && known->port == port && known->generation == generation && now - known->seen < SECOND)
		return;
	bpf_map_update_elem(&learned, &source, &fresh, BPF_ANY);
}

/* 0: unknown. */
static __always_inline __u32 port_of(struct l2switch_mac destination, __u64 ageing, __u64 now)
{
	__u32 *port = bpf_map_lookup_elem(&fixed, &destination);
	struct l2switch_learned *known;
	struct l2switch_port *out;

	if (port)
		return *port;
	known = bpf_map_lookup_elem(&learned, &destination);
	if (!known)
		return 0;
	out = bpf_map_lookup_elem(&ports, &known->port);
	if (!out || out->generation != known->generation || (ageing && now > known->seen && now - known->seen > ageing)) {
		bpf_map_delete_elem(&learned, &destination);
		return 0;
	}
	return known->port;
}

static int l2switch(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 zero = 0, in_port = md->port, out_port;
	struct l2switch_config *settings = bpf_map_lookup_elem(&config, &zero);
	struct l2switch_port *in = bpf_map_lookup_elem(&ports, &in_port), *out;
	struct l2switch_mac source, destination;
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	__u64 now = bpf_ktime_get_coarse_ns();

	if (!settings || !in)
		return iov_drop(HOVER_DROP_ERROR);
	if ((void *)(eth + 1) > data_end)
		return iov_drop(HOVER_DROP_MALFORMED);
	source = mac_of(eth->h_source);
	destination = mac_of(eth->h_dest);
	if (!source.mac || source.mac & GROUP_BIT)
		return iov_drop(HOVER_DROP_MALFORMED);
	if (in->secured && !may_send(skb, in_port, source.mac, eth->h_proto))
		return iov_drop(HOVER_DROP_POLICY);
	learn(source, in_port, in->generation, now);
	if (destination.mac & GROUP_BIT)
		return iov_flood(skb, md);
	out_port = port_of(destination, settings->ageing, now);
	if (!out_port)
		return iov_flood(skb, md);
	if (out_port == in_port)
		return iov_drop(HOVER_DROP_NOT_FOR_US);
	out = bpf_map_lookup_elem(&ports, &out_port);
	if (!out || (out->secured && !rule(out_port, destination.mac, 0)))
		return iov_drop(HOVER_DROP_POLICY);
	return iov_forward(skb, md, out_port);
}
IOV_MODULE(l2switch);
