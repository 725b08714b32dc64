/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a module in Hover's dialect finds declared before its first line: see predecessors' contract in ../../README.md. */
#ifndef HOVER_IOMODULE_H
#define HOVER_IOMODULE_H

#include <bcc/proto.h>
#include <iov/hover.h>

#define MAX_INTERFACES 128
#define MAX_MODULES HOVER_MAX_MODULES
#define MAX_METADATA 10240
#define MD_MAP_SIZE 1024
#define PKT_BROADCAST HOVER_BROADCAST
#define MODULE_UUID_SHORT "module"
#define CONTROLLER_MODULE_ID HOVER_CONTROLLER

/* What handle_rx() answers. */
enum {
	RX_OK,          /* to the next policy of the link; at its end the packet is dropped */
	RX_REDIRECT,    /* out of the port given to pkt_redirect() */
	RX_DROP,
	RX_RECIRCULATE, /* never did anything: drops */
	RX_CONTROLLER,  /* with the reason given to pkt_controller() */
	RX_ERROR,
};

#define type_value hover_word

struct metadata {
	struct hover_word data[4]; /* from module to module */
	__u32 is_egress : 1;       /* unused */
	__u32 flags : 31;          /* unused */
	__u32 pktlen;
	__u16 module_id;           /* this module … */
	__u16 in_ifc;              /* … and where the packet came in */
	__u16 redir_ifc;
	__u16 clone_ifc;
	__u16 reason;
};

static int handle_rx(void *pkt, struct metadata *md);

/* Out of this port, with RX_REDIRECT. */
static __always_inline int pkt_redirect(void *pkt, struct metadata *md, u16 ifc)
{
	md->redir_ifc = ifc;
	return TC_ACT_OK;
}

/* Besides, a copy out of this port. */
static __always_inline int pkt_mirror(void *pkt, struct metadata *md, u16 ifc)
{
	md->clone_ifc = ifc;
	return TC_ACT_OK;
}

static __always_inline int pkt_drop(void *pkt, struct metadata *md)
{
	return RX_DROP;
}

/* With RX_CONTROLLER: why. PKT_BROADCAST floods instead. */
static __always_inline int pkt_controller(void *pkt, struct metadata *md, u16 reason)
{
	md->reason = reason;
	return TC_ACT_OK;
}

/* With RX_CONTROLLER: three words that the controller gets. */
static __always_inline int pkt_set_metadata(void *pkt, u32 words[3])
{
	struct hover_packet *packet = hover_packet();

	if (packet) {
		packet->metadata[0] = words[0];
		packet->metadata[1] = words[1];
		packet->metadata[2] = words[2];
	}
	return TC_ACT_OK;
}

#endif
