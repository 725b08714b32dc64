/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Comes after the module's text: the program that calls its handle_rx(). */
#ifndef HOVER_WRAPPER_H
#define HOVER_WRAPPER_H

#include <hover/iomodule.h>

SEC("tc")
int hover_module(struct __sk_buff *skb)
{
	struct hover_packet *packet = hover_packet();
	struct metadata md = {};
	int verdict;

	if (!packet)
		return hover_drop(HOVER_DROP_ERROR);
	__builtin_memcpy(md.data, packet->data, sizeof(md.data));
	md.pktlen = skb->len;
	md.module_id = packet->module;
	md.in_ifc = packet->port;
	verdict = handle_rx(skb, &md);
	__builtin_memcpy(packet->data, md.data, sizeof(md.data));
	if (md.clone_ifc)
		hover_copy(skb, packet, md.clone_ifc);
	switch (verdict) {
	case RX_OK:
		return hover_go(skb, packet);
	case RX_REDIRECT:
		return hover_forward(skb, packet, md.redir_ifc);
	case RX_CONTROLLER:
		return hover_to_controller(skb, packet, md.reason);
	case RX_DROP:
		return hover_drop(HOVER_DROP_MODULE);
	default:
		return hover_drop(HOVER_DROP_ERROR);
	}
}

char hover_license[] SEC("license") = "GPL";

#endif
