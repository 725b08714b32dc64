/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The VLANs of a test machine, on kernels without 8021q: its trunk is device 999, its VLAN n is device 1000 + n.
 * From the trunk a tag goes off, towards it a tag goes on (0x88a8 for VLANs from 3000 on).
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef TRUNK
#define TRUNK 999
#endif
#define FIRST 1000
#define SERVICE 3000

SEC("tc")
int from_trunk(struct __sk_buff *skb)
{
	__u32 vlan = skb->vlan_tci & 0xfff;

	if (!skb->vlan_present)
		return TC_ACT_OK;
	if ((skb->vlan_proto == bpf_htons(ETH_P_8021AD)) != (vlan >= SERVICE) || bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	return bpf_redirect(FIRST + vlan, 0);
}

SEC("tc")
int to_trunk(struct __sk_buff *skb)
{
	__u32 vlan = skb->ifindex - FIRST;

	if (bpf_skb_vlan_push(skb, bpf_htons(vlan >= SERVICE ? ETH_P_8021AD : ETH_P_8021Q), vlan))
		return TC_ACT_SHOT;
	return bpf_redirect(TRUNK, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
