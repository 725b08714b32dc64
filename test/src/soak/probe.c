/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What one machine of the soak says and hears: probe TENANT NUMBER. TENANT is the second byte of its MAC (hexadecimal), NUMBER the
 * last one, and that of its addresses 10.0.0.NUMBER and fd00::NUMBER.
 *   Every 50 ms an ARP request goes out, as broadcast and to a MAC of the other tenant.
 *   Frames of the other tenant, and answers by it, are told at once: {"foreign":"FRAME"}.
 *   Requests of others (UDP) are answered with what we are.
 *   "probe NONCE ANSWERS HEARD MS": asks all machines by IPv4 and IPv6 until those in the mask ANSWERS have answered both, and those in
 *   HEARD were heard, 150 ms at least, MS at most; says {"nonce":…,"answers4":MASK,"answers6":MASK,"heard":MASK}
 *   "heard": says {"heard":MASK}, whose ARP requests arrived since it was last asked so.
 * Bit n of a mask is machine n of our tenant. It says "ready" first, and ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 7007, MACHINES = 8, BEACON_MS = 50, ASK_MS = 60, LEAST_MS = 150, MOST_TOLD = 20, ARP_LENGTH = 42 };

struct message {
	char magic[4];
	uint8_t answer, tenant, number, pad;
	uint32_t nonce;
};

static uint8_t tenant, number;
static int told;
/* Since a probe began; since "heard" was asked. */
static uint32_t heard_now, heard_since;

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell_foreign(const uint8_t *bytes, ssize_t length)
{
	if (told++ >= MOST_TOLD)
		return;
	printf("{\"foreign\":\"");
	for (ssize_t i = 0; i < length && i < 128; i++)
		printf("%02x", bytes[i]);
	printf("\"}\n");
	fflush(stdout);
}

static int must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

/* All devices, so that an eth0 that is deleted and made again is heard, too: frames of the other tenant, and requests by ARP. */
static int listener(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, tenant, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	int bytes = 8 << 20;
	int fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket");
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "filter");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	must(bind(fd, (struct sockaddr *)&all, sizeof(all)), "bind packet socket");
	return fd;
}

static int udp(int family)
{
	int one = 1, fd = must(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), "udp socket");
	if (family == AF_INET) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
		must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	} else {
		struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), "v6only");
		must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	}
	return fd;
}

static void hear(int fd)
{
	uint8_t frame[256];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t length;
	while ((length = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from, &size)) > 0) {
		uint8_t who = frame[11];
		size = sizeof(from);
		if (from.sll_pkttype == PACKET_OUTGOING || length < ETH_HLEN)
			continue;
		if (frame[7] != tenant)
			tell_foreign(frame, length);
		else if (who != number && who < MACHINES && frame[10] == 0) {
			heard_now |= 1u << who;
			heard_since |= 1u << who;
		}
	}
}

/* The frames need no kernel neighbour, and port security lets them pass. */
static void beacon(int fd)
{
	static uint8_t turn;
	uint8_t own[6] = { 2, tenant, 0, 0, 0, number };
	uint8_t frame[ARP_LENGTH] = { 0 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("eth0") };
	if (to.sll_ifindex == 0)
		return;
	memset(frame, 0xff, 6);
	memcpy(frame + 6, own, 6);
	memcpy(frame + 12, (uint8_t[]){ 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 }, 10);
	memcpy(frame + 22, own, 6);
	memcpy(frame + 28, (uint8_t[]){ 10, 0, 0, number }, 4);
	memcpy(frame + 38, (uint8_t[]){ 10, 0, 0, 250 }, 4);
	/* A cable that is gone takes nothing. */
	(void)!sendto(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	memcpy(frame, (uint8_t[]){ 2, tenant ^ 1, 0, 0, 0, 1 + turn++ % (MACHINES - 1) }, 6);
	(void)!sendto(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

static void ask(int fd4, int fd6, uint32_t nonce)
{
	struct message message = { .magic = "soak", .tenant = tenant, .number = number, .nonce = nonce };
	for (uint8_t n = 1; n < MACHINES; n++) {
		struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
		struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		if (n == number)
			continue;
		memcpy(&to4.sin_addr, (uint8_t[]){ 10, 0, 0, n }, 4);
		to6.sin6_addr.s6_addr[0] = 0xfd;
		to6.sin6_addr.s6_addr[15] = n;
		(void)!sendto(fd4, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&to4, sizeof(to4));
		(void)!sendto(fd6, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&to6, sizeof(to6));
	}
}

/* Answers requests; puts who answered `nonce` into the mask. */
static void receive(int fd, uint32_t nonce, uint32_t *answers)
{
	struct message message;
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t length;
	while ((length = recvfrom(fd, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, &size)) > 0) {
		if (length == sizeof(message) && !memcmp(message.magic, "soak", 4)) {
			if (message.tenant != tenant)
				tell_foreign((uint8_t *)&message, length);
			if (!message.answer) {
				message.answer = 1;
				message.tenant = tenant;
				message.number = number;
				(void)!sendto(fd, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, size);
			} else if (message.nonce == nonce && message.number < MACHINES) {
				*answers |= 1u << message.number;
			}
		}
		size = sizeof(from);
	}
}

int main(int argc, char **argv)
{
	char line[256];
	size_t used = 0;
	uint64_t next_beacon = 0, began = 0, next_ask = 0;
	uint32_t nonce = 0, wanted = 0, wanted_heard = 0, answers4 = 0, answers6 = 0;
	unsigned int most = 0;
	int asking = 0;
	if (argc != 3) {
		fprintf(stderr, "probe TENANT NUMBER\n");
		return 2;
	}
	tenant = strtoul(argv[1], NULL, 16);
	number = atoi(argv[2]);
	int fd = listener(), fd4 = udp(AF_INET), fd6 = udp(AF_INET6);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN },
			{ .fd = fd4, .events = POLLIN }, { .fd = fd6, .events = POLLIN },
		};
		uint64_t now = now_ms(), due = asking && next_ask < next_beacon ? next_ask : next_beacon;
		poll(fds, 4, due > now ? due - now : 0);
		hear(fd);
		receive(fd4, nonce, &answers4);
		receive(fd6, nonce, &answers6);
		now = now_ms();
		if (now >= next_beacon) {
			beacon(fd);
			next_beacon = now + BEACON_MS;
		}
		if (asking) {
			int all = (answers4 & wanted) == wanted && (answers6 & wanted) == wanted &&
				  (heard_now & wanted_heard) == wanted_heard;
			if ((all && now - began >= LEAST_MS) || now - began >= most) {
				printf("{\"nonce\":%u,\"answers4\":%u,\"answers6\":%u,\"heard\":%u}\n", nonce, answers4,
				       answers6, heard_now);
				fflush(stdout);
				asking = 0;
			} else if (now >= next_ask) {
				ask(fd4, fd6, nonce);
				next_ask = now + ASK_MS;
			}
		}
		if (!(fds[0].revents & (POLLIN | POLLHUP)))
			continue;
		ssize_t n = read(0, line + used, sizeof(line) - 1 - used);
		if (n <= 0)
			return 0;
		used += n;
		line[used] = 0;
		for (char *end; (end = strchr(line, '\n')) != NULL;) {
			*end = 0;
			if (sscanf(line, "probe %u %u %u %u", &nonce, &wanted, &wanted_heard, &most) == 4) {
				answers4 = answers6 = heard_now = 0;
				began = next_ask = now_ms();
				asking = 1;
			} else if (!strcmp(line, "heard")) {
				printf("{\"heard\":%u}\n", heard_since);
				fflush(stdout);
				heard_since = 0;
			}
			used -= end + 1 - line;
			memmove(line, end + 1, used + 1);
		}
	}
}
