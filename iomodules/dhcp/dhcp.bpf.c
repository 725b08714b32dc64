// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * DHCP server: requests that came in by port 1 go to user space, which answers; ARP requests for the server's address are answered
 * here. All else is dropped.
 */
#include <iov/counters.h>
#include <iov/module.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

/* linux/if_arp.h wants the C library of the machine that it is compiled on. */
#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2
#define SERVER_PORT 67
#define CLIENT_PORT 68
#define BOOTREQUEST 1
/* To the controller. */
#define REASON_REQUEST 1

struct dhcp_config {
	__u32 server_ip;    /* network byte order; 0: not configured, everything is dropped */
	__u8 server_mac[6];
	__u16 unused;
};

enum counter {
	COUNT_REQUEST, /* given to the server */
	COUNT_ARP,     /* answered */
	COUNT_OTHER,   /* dropped: not for a DHCP server */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dhcp_config);
} config SEC(".maps");

IOV_COUNTERS

struct arp_ipv4 {
	__be16 hrd, pro;
	__u8 hln, pln;
	__be16 op;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
} __attribute__((packed));

static __always_inline int not_for_us(void)
{
	count(COUNT_OTHER);
	return iov_drop(HOVER_DROP_NOT_FOR_US);
}

static __always_inline int answer_arp(struct __sk_buff *skb, struct iov_md *md, const struct dhcp_config *cfg)
{
	struct ethhdr eth;
	struct arp_ipv4 arp;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) || bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (arp.hrd != bpf_htons(ARPHRD_ETHER) || arp.pro != bpf_htons(ETH_P_IP) || arp.hln != 6 || arp.pln != 4 ||
	    arp.op != bpf_htons(ARPOP_REQUEST) || __builtin_memcmp(arp.tpa, &cfg->server_ip, 4))
		return not_for_us();
	__builtin_memcpy(eth.h_dest, eth.h_source, 6);
	__builtin_memcpy(eth.h_source, cfg->server_mac, 6);
	arp.op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(arp.tha, arp.sha, 6);
	__builtin_memcpy(arp.tpa, arp.spa, 4);
	__builtin_memcpy(arp.sha, cfg->server_mac, 6);
	__builtin_memcpy(arp.spa, &cfg->server_ip, 4);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) || bpf_skb_store_bytes(skb, ETH_HLEN, &arp, sizeof(arp), 0))
		return iov_drop(HOVER_DROP_MALFORMED);
	count(COUNT_ARP);
	return iov_forward(skb, md, md->port);
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) | (a[5] ^ b[5]));
}

static int dhcp(struct __sk_buff *skb, struct iov_md *md)
{
	static const __u8 broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct dhcp_config *cfg;
	__u32 zero = 0, l4;
	struct ethhdr eth;
	struct udphdr udp;
	struct iphdr ip;
	__u8 op;

	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg || !cfg->server_ip)
		return iov_drop(HOVER_DROP_POLICY);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return answer_arp(skb, md, cfg);
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return not_for_us();
	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.version != 4 || ip.ihl < 5)
		return iov_drop(HOVER_DROP_MALFORMED);
	if (!same_mac(eth.h_dest, broadcast) && !same_mac(eth.h_dest, cfg->server_mac))
		return not_for_us();
	/* A fragment is no request: nobody has to put it together again. */
	if (ip.protocol != IPPROTO_UDP || (ip.frag_off & bpf_htons(0x3fff)) ||
	    (ip.daddr != 0xffffffff && ip.daddr != cfg->server_ip))
		return not_for_us();
	l4 = ETH_HLEN + ip.ihl * 4;
	if (bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)) || bpf_skb_load_bytes(skb, l4 + sizeof(udp), &op, 1))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (udp.dest != bpf_htons(SERVER_PORT) || udp.source != bpf_htons(CLIENT_PORT) || op != BOOTREQUEST)
		return not_for_us();
	count(COUNT_REQUEST);
	return iov_to_controller(skb, md, REASON_REQUEST);
}
IOV_MODULE(dhcp);
