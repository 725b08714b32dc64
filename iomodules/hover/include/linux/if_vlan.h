/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What modules in the dialect use of the kernel's header of this name; those in plain C get the one of user space. */
#ifndef HOVER_LINUX_IF_VLAN_H
#define HOVER_LINUX_IF_VLAN_H

#include_next <linux/if_vlan.h>
#ifdef HOVER_IOMODULE_H
#include <linux/if_ether.h>

#define VLAN_HLEN 4
#define VLAN_ETH_HLEN 18
#define VLAN_PRIO_MASK 0xe000
#define VLAN_PRIO_SHIFT 13
#define VLAN_CFI_MASK 0x1000
#define VLAN_VID_MASK 0x0fff
#define VLAN_N_VID 4096

struct vlan_hdr {
	__be16 h_vlan_TCI;
	__be16 h_vlan_encapsulated_proto;
};

struct vlan_ethhdr {
	unsigned char h_dest[ETH_ALEN];
	unsigned char h_source[ETH_ALEN];
	__be16 h_vlan_proto;
	__be16 h_vlan_TCI;
	__be16 h_vlan_encapsulated_proto;
};

#endif
#endif
