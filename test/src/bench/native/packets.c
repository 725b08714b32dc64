// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * packets OBJECT CPU SEND_NETNS SEND_DEVICE RECEIVE_NETNS RECEIVE_DEVICE FRAME_HEX FLOWS WINDOW
 *
 * Sends copies of one 64-byte frame out of SEND_DEVICE as fast as the CPU allows and counts those which come in at
 * RECEIVE_DEVICE; both ends and all between run on CPU. NETNS are paths (/run/netns/NAME). WINDOW: most frames under way
 * at a time, for a path with a queue that a process empties; 0 for none.
 * Reads lines "MILLISECONDS" from standard input and answers each with "SENT RECEIVED TIMED NANOSECONDS": TIMED frames
 * arrived in NANOSECONDS, which starts with the first arrival, so what the kernel needs to set a run up does not count.
 * The kernel removes everything at exit, but for the sink's tc filter, which goes with its device.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define FRAME_LENGTH 64
#define LIVE_FRAMES 2 /* BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18 */
#define SETTLED_NS 20000000 /* with no arrival for so long, the rest is lost */

/* .rodata and .bss of packets.bpf.c; both files are compiled together. */
struct constants {
	uint32_t target_ifindex;
	uint32_t flow_mask;
	uint64_t window;
	uint64_t frame[FRAME_LENGTH / 8];
};
struct counters {
	uint64_t generated;
	uint64_t received;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t last_received;
};

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "packets: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static void on_alarm(int signal)
{
	(void)signal; /* its arrival ends the system call */
}

/* Enters the namespace for good and returns the device's ifindex there. */
static int enter(const char *netns, const char *device)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC), ifindex;

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("%s: %s", netns, strerror(errno));
	close(fd);
	ifindex = if_nametoindex(device);
	if (!ifindex)
		die("%s in %s: %s", device, netns, strerror(errno));
	return ifindex;
}

static void parse_frame(const char *hex, uint8_t *frame)
{
	for (int i = 0; i < FRAME_LENGTH; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &frame[i]) != 1)
			die("FRAME_HEX must be %d bytes", FRAME_LENGTH);
}

static int program(struct bpf_object *object, const char *name)
{
	struct bpf_program *found = bpf_object__find_program_by_name(object, name);

	if (!found)
		die("the object has no program %s", name);
	return bpf_program__fd(found);
}

static struct bpf_object *load(const char *path, const struct constants *constants)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_map *map;

	if (!object)
		die("%s: %s", path, strerror(errno));
	map = bpf_object__find_map_by_name(object, ".rodata");
	if (!map || bpf_map__set_initial_value(map, constants, sizeof(*constants)))
		die(".rodata of %s is not as expected", path);
	if (bpf_object__load(object))
		die("loading %s: %s", path, strerror(errno));
	return object;
}

static volatile struct counters *map_counters(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".bss");
	void *memory;

	if (!map || bpf_map__value_size(map) != sizeof(struct counters))
		die(".bss is not as expected");
	memory = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		die("mmap of .bss: %s", strerror(errno));
	return memory;
}

static void attach_sink(int ifindex, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .priority = 1, .handle = 1, .flags = BPF_TC_F_REPLACE);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		die("clsact: %s", strerror(-error));
	error = bpf_tc_attach(&hook, &opts);
	if (error)
		die("attaching the sink: %s", strerror(-error));
}

/* Sends for so long; the frames come from the program, the buffer only gives their length. */
static void send_for(int prog_fd, long milliseconds)
{
	uint8_t buffer[FRAME_LENGTH] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = buffer, .data_size_in = sizeof(buffer), .repeat = INT_MAX,
		    .flags = LIVE_FRAMES);
	/* Repeated, lest an alarm that comes before the call is the last one. */
	struct itimerval timer = { .it_value = { milliseconds / 1000, milliseconds % 1000 * 1000 + 1 },
				   .it_interval = { .tv_usec = 20000 } };
	const struct itimerval off = {};

	setitimer(ITIMER_REAL, &timer, NULL);
	int error = bpf_prog_test_run_opts(prog_fd, &opts);
	setitimer(ITIMER_REAL, &off, NULL);
	if (error && error != -EINTR)
		die("live frames: %s", strerror(-error));
}

static void settle(volatile struct counters *counters)
{
	const struct timespec nap = { .tv_nsec = SETTLED_NS };
	uint64_t seen;

	while (counters->received != counters->generated) {
		seen = counters->received;
		nanosleep(&nap, NULL);
		if (counters->received == seen)
			return;
	}
}

int main(int argc, char **argv)
{
	struct constants constants = {};
	char line[64];
	cpu_set_t cpus;

	if (argc != 10)
		die("needs 9 arguments");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[2]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("CPU %s: %s", argv[2], strerror(errno));
	/* Nobody else's work shall count as ours. A process that forwards gets a higher priority from the caller. */
	if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){ .sched_priority = 1 }))
		die("real-time scheduling: %s", strerror(errno));

	constants.target_ifindex = enter(argv[3], argv[4]);
	parse_frame(argv[7], (uint8_t *)constants.frame);
	constants.flow_mask = atoi(argv[8]) - 1;
	constants.window = atoi(argv[9]);
	struct bpf_object *object = load(argv[1], &constants);
	volatile struct counters *counters = map_counters(object);
	attach_sink(enter(argv[5], argv[6]), program(object, "sink"));
	/* Live frames go out of a device of the caller's namespace. */
	enter(argv[3], argv[4]);

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		memset((void *)counters, 0, sizeof(*counters));
		/* On a busy machine the kernel may take longer to set a run up than it was to last. */
		for (int attempt = 0; attempt < 10 && !counters->generated; attempt++)
			send_for(program(object, "generate"), atol(line));
		settle(counters);
		printf("%lu %lu %lu %lu\n", counters->generated, counters->received,
		       counters->last_received ? counters->last_received - 1 : 0,
		       counters->last_ns - counters->first_ns);
		fflush(stdout);
	}
	return 0;
}
