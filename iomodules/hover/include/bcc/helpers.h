/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Names that modules in Hover's dialect use without declaring them: types, byte order, helpers, tables. */
#ifndef HOVER_BCC_HELPERS_H
#define HOVER_BCC_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <hover/types.h>
#include <hover/byteorder.h>
#include <hover/print.h>
#include <hover/packet.h>
#include <hover/table.h>

#define lock_xadd(pointer, number) ((void)__sync_fetch_and_add(pointer, number))

#endif
