/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The outermost VLAN tag of a frame that is not parsed yet. */
#ifndef IOV_VLAN_H
#define IOV_VLAN_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "ethernet.h"
#include "types.h"

#define IOV_VLAN_ID_MASK 0xfff

/*
 * Fills in VLAN and protocol of the tag. Returns 0 when there is none. The kernel holds the tag beside the frame before tc
 * ingress sees it; in test runs it is in the frame. bpf_skb_vlan_pop() does for both.
 */
static __always_inline int iov_vlan_outermost(struct __sk_buff *ctx, struct iov_vlan_key *tag)
{
	__be16 protocol = ctx->protocol, tci;

	/* Else clang would choose between two members of ctx by their address, which the verifier does not allow. */
	barrier_var(protocol);
	if (ctx->vlan_present) {
		tag->vlan_id = ctx->vlan_tci & IOV_VLAN_ID_MASK;
		tag->vlan_proto = ctx->vlan_proto;
		return 1;
	}
	if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
		return 0;
	if (bpf_skb_load_bytes(ctx, IOV_ETHERNET_LENGTH, &tci, sizeof(tci)))
		return 0;
	tag->vlan_id = bpf_ntohs(tci) & IOV_VLAN_ID_MASK;
	tag->vlan_proto = protocol;
	return 1;
}

#endif
