/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the chain is measured against: a program that does nothing but redirect. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc") int redirect_only(struct __sk_buff *ctx)
{
	return bpf_redirect(ctx->ifindex, 0);
}
