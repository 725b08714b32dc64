/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* linux/if.h asks the C library for struct sockaddr; BPF has no C library. */
#ifndef HOVER_SYS_SOCKET_H
#define HOVER_SYS_SOCKET_H

#include <linux/socket.h>

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};

#endif
