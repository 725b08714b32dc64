/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * For modules of one's own, in plain C with BTF maps:
 *
 *	#include <iov/module.h>
 *
 *	static int patch(struct __sk_buff *skb, struct iov_md *md)
 *	{
 *		return iov_forward(skb, md, md->port == 1 ? 2 : 1);
 *	}
 *	IOV_MODULE(patch);
 *
 * One object is one program; its maps are the module's tables. What iov_forward() and the others return is what the handler
 * returns, at once: they end the module's work on the packet.
 */
#ifndef IOV_MODULE_H
#define IOV_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <iov/hover.h>

/* A packet's data for the module: struct hover_packet, of which these fields matter: module, port, data, metadata. */
#define iov_md hover_packet

/* Out of a port of this module; nowhere if the port has no link. */
static __always_inline int iov_forward(struct __sk_buff *skb, struct iov_md *md, __u32 port)
{
	return hover_forward(skb, md, port);
}

/* Copies out of every linked port but the one it came in by. */
static __always_inline int iov_flood(struct __sk_buff *skb, struct iov_md *md)
{
	return hover_to_controller(skb, md, HOVER_BROADCAST);
}

/* To the controller, with a reason below 0xffff and, set before, three words in md->metadata. */
static __always_inline int iov_to_controller(struct __sk_buff *skb, struct iov_md *md, __u16 reason)
{
	return hover_to_controller(skb, md, reason);
}

/* For policies: to the next hop of the link. Where there is none, in a module that is linked to, the packet is dropped. */
static __always_inline int iov_pass(struct __sk_buff *skb, struct iov_md *md)
{
	return hover_go(skb, md);
}

/* reason: enum hover_drop; counted. */
static __always_inline int iov_drop(__u32 reason)
{
	return hover_drop(reason);
}

/* A copy out of a port; the packet itself goes on, and pointers into it have to be checked anew. */
static __always_inline void iov_mirror(struct __sk_buff *skb, struct iov_md *md, __u32 port)
{
	hover_copy(skb, md, port);
}

/* Names the function that gets every packet: int handler(struct __sk_buff *skb, struct iov_md *md). */
#define IOV_MODULE(handler)                                                   \
	SEC("tc") int iov_module(struct __sk_buff *skb)                        \
	{                                                                      \
		struct iov_md *md = hover_packet();                            \
									       \
		return md ? handler(skb, md) : hover_drop(HOVER_DROP_ERROR);   \
	}                                                                      \
	char iov_license[] SEC("license") = "GPL"

#endif
