/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * A stream of numbered UDP packets at a steady rate, and what became of it.
 *   stream send ADDRESS PORT RATE    sends until its standard input ends; then says {"sent":…,"refused":…}
 *   stream receive PORT              until a line "N" comes: waits for N packets, half a second from the last at most, then
 *                                    says {"received":…,"duplicated":…,"reordered":…,"gapUs":…,"missing":[first 20]}
 * Both say "ready" first. A packet is its number, 4 bytes, little-endian, from 0, and 60 bytes more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, MAX_PACKETS = 1 << 26, QUIET_MS = 500 };

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = 32 << 20;
	if (fd < 0) {
		perror("socket");
		exit(1);
	}
	/* What the machine's own socket drops would look like the network's loss. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

static int ended(int timeout_us)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	struct timespec wait = { .tv_sec = 0, .tv_nsec = (long)timeout_us * 1000 };
	char c;
	if (ppoll(&in, 1, &wait, NULL) <= 0)
		return 0;
	return read(0, &c, 1) <= 0;
}

static int send_stream(const char *address, int port, int rate)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint32_t packet[SIZE / 4] = { 0 };
	uint64_t refused = 0, start = now_us();
	uint32_t seq = 0;
	int fd = udp();
	inet_pton(AF_INET, address, &to.sin_addr);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		uint64_t due = start + (uint64_t)seq * 1000000 / rate, now = now_us();
		if (ended(due > now ? due - now : 0))
			break;
		if (now_us() < due)
			continue;
		packet[0] = seq;
		if (sendto(fd, packet, SIZE, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			refused++;
		seq++;
	}
	printf("{\"sent\":%u,\"refused\":%llu}\n", seq, (unsigned long long)refused);
	return 0;
}

static int receive_stream(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint8_t *seen = calloc(MAX_PACKETS / 8, 1);
	uint64_t received = 0, duplicated = 0, reordered = 0, last_at = 0, gap = 0;
	int64_t highest = -1, wanted = -1;
	char line[32];
	size_t length = 0;
	int fd = udp();
	if (seen == NULL || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("bind");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
		uint32_t packet[SIZE / 4];
		int any = poll(fds, wanted < 0 ? 2 : 1, wanted < 0 ? -1 : QUIET_MS);
		if (any == 0 || (wanted >= 0 && (int64_t)received >= wanted))
			break;
		if (wanted < 0 && (fds[1].revents & (POLLIN | POLLHUP))) {
			ssize_t n = read(0, line + length, sizeof(line) - 1 - length);
			if (n <= 0)
				return 0;
			length += n;
			line[length] = 0;
			if (strchr(line, '\n'))
				wanted = atoll(line);
		}
		while (recv(fd, packet, SIZE, MSG_DONTWAIT) == SIZE) {
			uint64_t now = now_us();
			uint32_t seq = packet[0];
			if (seq >= MAX_PACKETS)
				continue;
			if (last_at != 0 && now - last_at > gap)
				gap = now - last_at;
			last_at = now;
			if (seen[seq / 8] & (1 << (seq % 8))) {
				duplicated++;
				continue;
			}
			seen[seq / 8] |= 1 << (seq % 8);
			received++;
			if ((int64_t)seq < highest)
				reordered++;
			else
				highest = seq;
		}
		if (wanted >= 0 && (int64_t)received >= wanted)
			break;
	}
	printf("{\"received\":%llu,\"duplicated\":%llu,\"reordered\":%llu,\"gapUs\":%llu,\"missing\":[",
	       (unsigned long long)received, (unsigned long long)duplicated, (unsigned long long)reordered,
	       (unsigned long long)gap);
	for (int64_t seq = 0, told = 0; seq < wanted && seq < MAX_PACKETS && told < 20; seq++)
		if (!(seen[seq / 8] & (1 << (seq % 8))))
			printf("%s%lld", told++ ? "," : "", (long long)seq);
	printf("]}\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send_stream(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return receive_stream(atoi(argv[2]));
	fprintf(stderr, "stream send ADDRESS PORT RATE | stream receive PORT\n");
	return 2;
}
