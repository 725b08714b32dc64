// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * NAT between port 1 (inside) and port 2 (outside). What hosts inside send leaves with the public address, and a port of its own
 * for each session; answers find their way back. Ports of the public address may be forwarded to hosts inside, and hosts inside may
 * have a public address for themselves.
 *
 * A session is an entry of `sessions`, by what answers look like; `bindings` is how packets from inside find it. Either may be
 * lost alone, since they are LRU maps: a binding without its session is of no effect, a session without its binding is found again
 * by its owner. The first packet of a session is translated as any other.
 */
#include <iov/counters.h>
#include <iov/module.h>
#include <iov/translate.h>

/* Ports that are tried for a session: some at random, then one after the other. */
#define RANDOM_TRIES 16
#define TRIES 80
#define NANOSECONDS 1000000000ull

/* Addresses and ports of all tables are in network byte order, but those of the range. */
struct nat_config {
	__u32 public_ip;  /* 0: not configured, all IPv4 is dropped */
	__u16 first_port; /* host byte order */
	__u16 last_port;
	/* Seconds that a session may be idle. */
	__u32 tcp_idle;
	__u32 tcp_closing; /* after FIN or RST */
	__u32 udp_idle;
	__u32 icmp_idle;
};

/* What answers of a session look like. */
struct nat_session_key {
	__u32 remote_ip;
	__u16 remote_port; /* 0 for ICMP */
	__u16 public_port; /* ICMP: the id of the echo */
	__u32 proto;
};

struct nat_session {
	__u32 ip; /* inside */
	__u16 port;
	__u16 closing;
	__u64 last; /* packet, ns of the monotonic clock */
};

/* What packets of a session look like inside. */
struct nat_binding_key {
	__u32 ip;
	__u32 remote_ip;
	__u16 port;
	__u16 remote_port;
	__u32 proto;
};

/* A port of the public address. */
struct nat_service {
	__u16 port;
	__u16 proto;
};

/* A port of a host inside. */
struct nat_server {
	__u32 ip;
	__u16 port;
	__u16 proto;
};

struct nat_address {
	__u32 ip;
};

/* The datagram that fragments are of. */
struct nat_fragment_key {
	__u32 ip[2];
	__u16 id;
	__u8 proto;
	__u8 in_port;
};

enum counter {
	COUNT_OUT,        /* packets translated, inside to outside */
	COUNT_IN,
	COUNT_SESSION,    /* sessions begun */
	COUNT_ICMP_ERROR, /* ICMP errors translated with the packet in them */
	COUNT_NO_SESSION, /* dropped: from outside, and nobody asked for it */
	COUNT_NO_PORT,    /* dropped: no port found for the session */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct nat_session_key);
	__type(value, struct nat_session);
} sessions SEC(".maps");

/* → public port */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct nat_binding_key);
	__type(value, __u16);
} bindings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_service);
	__type(value, struct nat_server);
} port_forwarding SEC(".maps");

/* The same the other way round. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_server);
	__type(value, struct nat_service);
} servers SEC(".maps");

/* Addresses that one host has for itself: inside → public, public → inside. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_address);
	__type(value, struct nat_address);
} static_out SEC(".maps"), static_in SEC(".maps");

/* Fragments but the first have no ports: they get the address that the first got. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct nat_fragment_key);
	__type(value, struct nat_address);
} fragments SEC(".maps");

IOV_COUNTERS

/* Where a packet goes, and what its end that is ours becomes. */
struct target {
	__u32 ip;
	__u16 port;
};

static __always_inline bool expired(const struct nat_config *cfg, __u32 proto, const struct nat_session *session, __u64 last,
				    __u64 now)
{
	__u32 seconds = proto == IPPROTO_TCP ? (session->closing ? cfg->tcp_closing : cfg->tcp_idle)
			: proto == IPPROTO_UDP ? cfg->udp_idle : cfg->icmp_idle;

	/* Another CPU's packet may be newer than this one. */
	return now > last && now - last > seconds * NANOSECONDS;
}

static __always_inline void touch(struct nat_session *session, const struct iov_flow *flow, bool out, __u64 now)
{
	session->last = now;
	if (flow->proto != IPPROTO_TCP)
		return;
	if (flow->tcp_flags & (IOV_TCP_FIN | IOV_TCP_RST))
		session->closing = 1;
	else if (out && flow->tcp_flags & IOV_TCP_SYN)
		session->closing = 0;
}

/* Makes key->public_port belong to the host's session. Whether it does. */
static __always_inline bool take_port(const struct nat_config *cfg, const struct nat_session_key *key,
				      const struct nat_session *mine)
{
	struct nat_service service = { .port = key->public_port, .proto = key->proto };
	struct nat_session *session;
	__u64 last;

	if (bpf_map_lookup_elem(&port_forwarding, &service))
		return false;
	if (!bpf_map_update_elem(&sessions, key, mine, BPF_NOEXIST))
		return true;
	session = bpf_map_lookup_elem(&sessions, key);
	if (!session)
		return false;
	if (session->ip == mine->ip && session->port == mine->port) {
		session->last = mine->last;
		session->closing = 0;
		return true;
	}
	last = session->last;
	/* Of two that want the port of an old session one gets it. */
	if (!expired(cfg, key->proto, session, last, mine->last) ||
	    __sync_val_compare_and_swap(&session->last, last, mine->last) != last)
		return false;
	session->ip = mine->ip;
	session->port = mine->port;
	session->closing = 0;
	return true;
}

/* The public port of a packet from inside, in network byte order; 0: there is none. */
static __always_inline __u16 session_port(const struct nat_config *cfg, const struct iov_flow *flow)
{
	struct nat_binding_key binding = {
		.ip = flow->ip[IOV_SOURCE],
		.remote_ip = flow->ip[IOV_DESTINATION],
		.port = flow->port[IOV_SOURCE],
		.remote_port = flow->port[IOV_DESTINATION],
		.proto = flow->proto,
	};
	struct nat_session_key key = {
		.remote_ip = binding.remote_ip,
		.remote_port = binding.remote_port,
		.proto = flow->proto,
	};
	struct nat_session mine = { .ip = binding.ip, .port = binding.port, .last = bpf_ktime_get_ns() };
	__u32 wanted = bpf_ntohs(binding.port), range;
	struct nat_session *session;
	__u16 *bound = bpf_map_lookup_elem(&bindings, &binding);
	int i;

	if (bound) {
		key.public_port = *bound;
		session = bpf_map_lookup_elem(&sessions, &key);
		if (session && session->ip == mine.ip && session->port == mine.port) {
			touch(session, flow, true, mine.last);
			return key.public_port;
		}
	}
	range = cfg->last_port - cfg->first_port + 1;
	if (cfg->last_port < cfg->first_port)
		return 0;
	/* The port that the host itself chose, if it is free. */
	if (wanted < cfg->first_port || wanted > cfg->last_port)
		wanted = cfg->first_port + bpf_get_prandom_u32() % range;
	for (i = 0; i < TRIES; i++) {
		key.public_port = bpf_htons(wanted);
		if (take_port(cfg, &key, &mine)) {
			bpf_map_update_elem(&bindings, &binding, &key.public_port, BPF_ANY);
			count(COUNT_SESSION);
			return key.public_port;
		}
		if (i < RANDOM_TRIES)
			wanted = cfg->first_port + bpf_get_prandom_u32() % range;
		else
			wanted = wanted >= cfg->last_port ? cfg->first_port : wanted + 1;
	}
	return 0;
}

static __always_inline struct nat_session *session_of(const struct nat_config *cfg, const struct iov_flow *flow,
						      enum iov_end ours, __u64 now)
{
	enum iov_end theirs = ours == IOV_SOURCE ? IOV_DESTINATION : IOV_SOURCE;
	struct nat_session_key key = {
		.remote_ip = flow->ip[theirs],
		.remote_port = flow->port[theirs],
		.public_port = flow->port[ours],
		.proto = flow->proto,
	};
	struct nat_session *session = bpf_map_lookup_elem(&sessions, &key);

	return session && !expired(cfg, flow->proto, session, session->last, now) ? session : 0;
}

/* A later fragment becomes what the first one became. */
static __always_inline bool fragment_target(const struct iov_flow *flow, __u8 in_port, struct target *target)
{
	struct nat_fragment_key key = {
		.ip = { flow->ip[IOV_SOURCE], flow->ip[IOV_DESTINATION] },
		.id = flow->id,
		.proto = flow->proto,
		.in_port = in_port,
	};
	struct nat_address *address = bpf_map_lookup_elem(&fragments, &key);

	if (!address)
		return false;
	target->ip = address->ip;
	return true;
}

static __always_inline void remember_fragment(const struct iov_flow *flow, __u8 in_port, __u32 ip)
{
	struct nat_fragment_key key = {
		.ip = { flow->ip[IOV_SOURCE], flow->ip[IOV_DESTINATION] },
		.id = flow->id,
		.proto = flow->proto,
		.in_port = in_port,
	};
	struct nat_address address = { .ip = ip };

	bpf_map_update_elem(&fragments, &key, &address, BPF_ANY);
}

/* A protocol with ports, or with an id. Of an echo: whether it goes in the direction of `type`. */
static __always_inline bool has_ports(const struct iov_flow *flow, __u8 type)
{
	return flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP ||
	       (flow->proto == IPPROTO_ICMP && flow->icmp_type == type);
}

/*
 * The two ends of a translation of a packet from inside, as known by now; nothing is made. `ours`: which end of it is inside; the
 * packet inside an ICMP error goes the other way. Whether there is one.
 */
static __always_inline bool known_public(const struct nat_config *cfg, const struct iov_flow *flow, enum iov_end ours,
					 struct target *target)
{
	enum iov_end theirs = ours == IOV_SOURCE ? IOV_DESTINATION : IOV_SOURCE;
	struct nat_address address = { .ip = flow->ip[ours] };
	struct nat_server server = { .ip = flow->ip[ours], .port = flow->port[ours], .proto = flow->proto };
	struct nat_binding_key binding = {
		.ip = flow->ip[ours],
		.remote_ip = flow->ip[theirs],
		.port = flow->port[ours],
		.remote_port = flow->port[theirs],
		.proto = flow->proto,
	};
	struct nat_address *fixed = bpf_map_lookup_elem(&static_out, &address);
	struct nat_service *service;
	__u16 *bound;

	if (fixed) {
		target->ip = fixed->ip;
		target->port = flow->port[ours];
		return true;
	}
	target->ip = cfg->public_ip;
	service = bpf_map_lookup_elem(&servers, &server);
	if (service) {
		target->port = service->port;
		return true;
	}
	if (ours == IOV_SOURCE)
		return false;
	bound = bpf_map_lookup_elem(&bindings, &binding);
	if (!bound)
		return false;
	target->port = *bound;
	return true;
}

/* Whom a packet from outside is for: `ours` is the end with the public address. 0, or a reason to drop it. */
static __always_inline int known_inside(const struct nat_config *cfg, const struct iov_flow *flow, enum iov_end ours,
					struct target *target)
{
	struct nat_address address = { .ip = flow->ip[ours] };
	struct nat_service service = { .port = flow->port[ours], .proto = flow->proto };
	struct nat_address *fixed = bpf_map_lookup_elem(&static_in, &address);
	struct nat_server *server;
	struct nat_session *session;
	__u64 now;

	if (fixed) {
		target->ip = fixed->ip;
		target->port = flow->port[ours];
		return 0;
	}
	if (flow->ip[ours] != cfg->public_ip)
		return HOVER_DROP_NOT_FOR_US;
	if (flow->later)
		return HOVER_DROP_UNSUPPORTED;
	server = bpf_map_lookup_elem(&port_forwarding, &service);
	if (server) {
		target->ip = server->ip;
		target->port = server->port;
		return 0;
	}
	if (!has_ports(flow, ours == IOV_DESTINATION ? ICMP_ECHOREPLY : ICMP_ECHO))
		return HOVER_DROP_UNSUPPORTED;
	now = bpf_ktime_get_ns();
	session = session_of(cfg, flow, ours, now);
	if (!session) {
		count(COUNT_NO_SESSION);
		return HOVER_DROP_NOT_FOR_US;
	}
	target->ip = session->ip;
	target->port = session->port;
	/* The packet inside an error is not one of the session. */
	if (ours == IOV_DESTINATION)
		touch(session, flow, false, now);
	return 0;
}

/* The packet in an ICMP error is translated as that packet was, back. */
static __always_inline int translate_error(struct __sk_buff *skb, const struct nat_config *cfg, const struct iov_flow *flow,
					   bool out, struct target *target)
{
	enum iov_end ours = out ? IOV_DESTINATION : IOV_SOURCE;
	__u32 l3 = flow->l4 + sizeof(struct iov_icmp);
	struct nat_address sender = { .ip = flow->ip[IOV_SOURCE] };
	struct target inner_target = {};
	struct nat_address *fixed;
	struct iov_flow inner;
	int reason;

	if (!iov_parse_flow(skb, l3, ours, &inner))
		return HOVER_DROP_MALFORMED;
	if (out) {
		if (!known_public(cfg, &inner, ours, &inner_target))
			return HOVER_DROP_NOT_FOR_US;
		/* Whoever inside it comes from, the host itself or a router before it. */
		fixed = bpf_map_lookup_elem(&static_out, &sender);
		target->ip = fixed ? fixed->ip : cfg->public_ip;
	} else {
		if (inner.ip[IOV_SOURCE] != flow->ip[IOV_DESTINATION])
			return HOVER_DROP_NOT_FOR_US;
		reason = known_inside(cfg, &inner, ours, &inner_target);
		if (reason)
			return reason;
		target->ip = inner_target.ip;
	}
	if (!iov_translate(skb, l3, &inner, ours, inner_target.ip, inner_target.port, flow->l4))
		return HOVER_DROP_MALFORMED;
	count(COUNT_ICMP_ERROR);
	return 0;
}

static __always_inline int outbound(const struct nat_config *cfg, const struct iov_flow *flow, struct target *target)
{
	if (flow->later && fragment_target(flow, IOV_INSIDE, target))
		return 0;
	if (known_public(cfg, flow, IOV_SOURCE, target))
		return 0;
	if (flow->later || !has_ports(flow, ICMP_ECHO))
		return HOVER_DROP_UNSUPPORTED;
	target->ip = cfg->public_ip;
	target->port = session_port(cfg, flow);
	if (target->port)
		return 0;
	count(COUNT_NO_PORT);
	return HOVER_DROP_FULL;
}

static __always_inline int inbound(const struct nat_config *cfg, const struct iov_flow *flow, struct target *target)
{
	if (flow->later && fragment_target(flow, IOV_OUTSIDE, target))
		return 0;
	return known_inside(cfg, flow, IOV_DESTINATION, target);
}

/* `out` is constant, twice: the verifier does not follow which end a pointer is to. */
static __always_inline int translated(struct __sk_buff *skb, struct iov_md *md, const bool out)
{
	enum iov_end ours = out ? IOV_SOURCE : IOV_DESTINATION;
	__u32 to = out ? IOV_OUTSIDE : IOV_INSIDE, zero = 0;
	struct target target = {};
	struct nat_config *cfg;
	struct iov_flow flow;
	int reason;

	/* ARP and whatever else is not IPv4 is for those at both sides. */
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return iov_forward(skb, md, to);
	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg || !cfg->public_ip)
		return iov_drop(HOVER_DROP_POLICY);
	if (!iov_parse_flow(skb, IOV_L3, ours, &flow))
		return iov_drop(HOVER_DROP_MALFORMED);
	if (flow.proto == IPPROTO_TCP && !flow.later && bpf_skb_load_bytes(skb, flow.l4 + 13, &flow.tcp_flags, 1))
		return iov_drop(HOVER_DROP_MALFORMED);
	target.port = flow.port[ours];
	if (iov_icmp_error(&flow))
		reason = translate_error(skb, cfg, &flow, out, &target);
	else if (out)
		reason = outbound(cfg, &flow, &target);
	else
		reason = inbound(cfg, &flow, &target);
	if (reason)
		return iov_drop(reason);
	if (flow.first)
		remember_fragment(&flow, md->port, target.ip);
	if (!iov_translate(skb, IOV_L3, &flow, ours, target.ip, target.port, 0))
		return iov_drop(HOVER_DROP_MALFORMED);
	count(out ? COUNT_OUT : COUNT_IN);
	return iov_forward(skb, md, to);
}

IOV_TRANSLATOR(translated);
