// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * A tc program that does nothing but hand the packet to the machine behind one veth: what every program is compared with.
 * Compiled for one device: -DTARGET_IFINDEX=n.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int redirect(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_redirect_peer(TARGET_IFINDEX, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
