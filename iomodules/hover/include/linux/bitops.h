/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A header of the kernel's that modules include, of which they have no use but for what is here. */
#include <linux/kernel.h>
