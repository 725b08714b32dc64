/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The IOModule ABI, version 3: every struct that crosses a boundary (kernel to agent, module to module).
 * TypeScript codecs are generated from the BTF of these structs, so the two sides cannot drift.
 *
 * Byte order: fields of type __be16/__be32 and byte arrays are in network order, everything else in host order.
 * Numbers named "port", "datapath", "tunnel" are agent-local instance numbers (array keys), dense, from 1; 0 is "none".
 * Numbers named "..._key" are OVN's, from the Southbound DB.
 */
#ifndef IOV_TYPES_H
#define IOV_TYPES_H

#include <linux/bpf.h>
#include <linux/types.h>

/* An enum, not macros, so that they reach TypeScript with the structs. The sizes are the defaults of the maps; a loader may
 * change them before load. */
enum iov_constant {
	IOV_ABI_VERSION = 3,
	IOV_MAX_PORTS = 8192,
	IOV_MAX_DATAPATHS = 16384,
	IOV_MAX_TUNNELS = 8192,
	/* MACs and addresses of all switches of a chassis. The kernel allots 16 bytes of bucket for each, used or not. */
	IOV_MAX_FDB = 262144,
	IOV_MAX_TUNNEL_DESTS = 131072,
	IOV_MAX_GROUPS = 65536, /* chunks of IOV_GROUP_CHUNK members */
	IOV_MAX_SECURITY = 262144, /* MACs that port security lists; a VRRPv3 element has up to 513 */
	IOV_MAX_SECURITY_IPS = 1048576, /* tries have no buckets */
	IOV_IFINDEX_SLOTS = 65536,
	IOV_GROUP_CHUNK = 62, /* members in a chunk of a group */
	IOV_MAX_VIRTUAL_IPS = 8192,
	IOV_MAX_MCAST = 65536, /* addresses that somebody joined, of all switches of a chassis */
	IOV_MCAST_MESSAGE = 1472, /* bytes of an IGMP or MLD message that are told */
	IOV_EVENTS_BYTES = 262144, /* of the ring buffer iov_events */
	IOV_TRACE_EVENTS = 128, /* that one traced packet can leave */
};

/*
 * Slots of the program array iov_programs. Constant, so that the JIT makes a direct jump of each tail call. A live array
 * is never edited: a new load fills a new array and the entry links are updated.
 */
enum iov_slot {
	IOV_SLOT_PORTSEC_IN = 0,   /* port security of the sender (ovn-nb(5) port_security) */
	IOV_SLOT_SWITCH = 1,       /* L2 lookup of a logical switch */
	IOV_SLOT_ARP = 2,          /* ARP responder */
	IOV_SLOT_ND = 3,           /* IPv6 neighbour discovery responder */
	IOV_SLOT_FLOOD = 4,        /* broadcast, multicast and unknown unicast to a group */
	IOV_SLOT_PORTSEC_OUT = 5,  /* port security of the receiver, then delivery to the local port */
	IOV_SLOT_ENCAP = 6,        /* into the tunnel to another chassis */
	IOV_SLOT_FLOOD_REMOTE = 7, /* the part of a flood that leaves this chassis */
	IOV_SLOT_POLICE = 8,       /* rate limit of the sender (options:qos_max_rate) */
	IOV_SLOT_OBSERVE = 9,      /* what the control plane wants to know: source MACs, virtual addresses */
	IOV_SLOT_SNOOP = 10,       /* IP multicast of a switch with mcast_snoop */
	IOV_SLOT_TOO_BIG = 11,     /* answers what does not fit the way to its receiver (RFC 1191, RFC 8201) */
	IOV_SLOT_ENCAP_ANY = 12,   /* what IOV_SLOT_ENCAP finds not common, as it was */
	IOV_SLOT_UPLINK_ANY = 13,  /* what the program of the uplinks finds not common, as it was */
	IOV_SLOT_PATH_MTU = 14,    /* an ICMP packet of the underlay: does a router say what fits? */
	IOV_SLOT_FLOOD_FITS = 15,  /* does a unicast frame that is flooded fit the way to each other chassis? */
	IOV_SLOT_USER = 64,        /* first slot for modules loaded per instance (Hover) */
	IOV_SLOT_COUNT = 256,
};

/* Why a packet was dropped. Each has a per-CPU counter in iov_drops; names and texts are in drops.ts. */
enum iov_drop {
	IOV_DROP_NONE = 0,
	IOV_DROP_NO_PORT,             /* no logical port configured on this interface (yet): fail closed */
	IOV_DROP_PORT_DISABLED,       /* NB enabled=false, sender or receiver */
	IOV_DROP_PORT_FAIL_CLOSED,    /* an NB feature this version lacks would open something if ignored */
	IOV_DROP_MALFORMED,           /* shorter than its headers say */
	IOV_DROP_VLAN_TAGGED,         /* 802.1Q tag from a VIF without vlan-passthru */
	IOV_DROP_MULTICAST_SOURCE,    /* multicast bit in the source MAC */
	IOV_DROP_PORTSEC_IN_MAC,      /* source MAC not allowed by port security */
	IOV_DROP_PORTSEC_IN_IP4,      /* source IPv4 not allowed, or IPv4 from a MAC with IPv6 only */
	IOV_DROP_PORTSEC_IN_IP6,
	IOV_DROP_PORTSEC_IN_ARP,      /* ARP sender MAC or IP not allowed */
	IOV_DROP_PORTSEC_IN_ND,       /* ND link-layer option or target not allowed */
	IOV_DROP_PORTSEC_IN_ETHERTYPE,/* neither IP nor ARP from a MAC with IPs */
	IOV_DROP_PORTSEC_OUT_MAC,     /* destination MAC not allowed at the receiver */
	IOV_DROP_PORTSEC_OUT_IP4,
	IOV_DROP_PORTSEC_OUT_IP6,
	IOV_DROP_UNKNOWN_DESTINATION, /* no port with this MAC and no unknown port in the switch */
	IOV_DROP_DESTINATION_UNBOUND, /* the port exists but is bound to no chassis */
	IOV_DROP_SAME_PORT,           /* would go back out of the port it came from */
	IOV_DROP_EMPTY_GROUP,         /* flood with no other member */
	IOV_DROP_TUNNEL_MALFORMED,    /* outer header truncated or not what it claims */
	IOV_DROP_TUNNEL_SOURCE,       /* outer source is no chassis */
	IOV_DROP_TUNNEL_KEY,          /* VNI names no port or group of this chassis */
	IOV_DROP_TUNNEL_UNRESOLVED,   /* no route or next hop to the other chassis */
	IOV_DROP_TUNNEL_MTU,          /* does not fit the underlay */
	IOV_DROP_TUNNEL_ENCAP_FAILED, /* the kernel refused the header room */
	IOV_DROP_NO_MODULE,           /* tail call failed: a slot of the chain is empty */
	IOV_DROP_NO_MEMORY,           /* clone or allocation failed */
	IOV_DROP_UNKNOWN_VLAN,        /* its VLAN belongs to no logical port of this interface */
	IOV_DROP_INACTIVE,            /* the port waits for a RARP of its machine (activation-strategy=rarp) */
	IOV_DROP_LOCALPORT,           /* to or from a localport over a tunnel or a localnet port: it stays on its chassis */
	IOV_DROP_RATE,                /* over options:qos_max_rate */
	IOV_DROP_MCAST_UNREGISTERED,  /* IP multicast that nobody joined, where it is not flooded */
	IOV_DROP_MCAST_MESSAGE,       /* IGMP or MLD that the switch keeps: it goes to multicast routers, and there is none */
	IOV_DROP_TUNNEL_CHECKSUM,     /* the UDP checksum of a tunnel packet is wrong */
	IOV_DROP_TUNNEL_ECN,          /* a tunnel packet marked congested on its way, around one whose ends know no ECN (RFC 6040) */
	IOV_DROP_TUNNEL_TYPE,         /* of the encapsulation that is not spoken with the chassis it comes from */
	IOV_DROP_TUNNEL_FRAGMENT,     /* a tunnel packet that was fragmented on its way */
	IOV_DROP_COUNT,
};

/* What a parsed packet is. */
enum iov_packet_flag {
	IOV_PKT_IP4 = 1 << 0,
	IOV_PKT_IP6 = 1 << 1,
	IOV_PKT_ARP = 1 << 2,         /* ARP for IPv4 over Ethernet (RFC 826), complete */
	IOV_PKT_ND = 1 << 3,          /* ICMPv6 NS or NA, hop limit 255, complete (RFC 4861) */
	IOV_PKT_VLAN = 1 << 4,        /* vlan_tci is valid */
	IOV_PKT_MULTICAST = 1 << 5,   /* group bit of the destination MAC, broadcast included */
	IOV_PKT_BROADCAST = 1 << 6,
	IOV_PKT_FRAGMENT = 1 << 7,    /* any fragment; L4 is valid only in the first */
	IOV_PKT_L4 = 1 << 8,          /* sport/dport (TCP, UDP, SCTP) or type/code (ICMP) are valid */
	IOV_PKT_FROM_TUNNEL = 1 << 9, /* came from another chassis: the sender's side was done there */
	IOV_PKT_FROM_LOCALPORT = 1 << 10, /* stays on this chassis; the same bit as IOV_PORT_LOCALPORT */
	IOV_PKT_ANNOUNCES = 1 << 11,  /* ARP or ND that claims a virtual address: it is not answered */
	IOV_PKT_MCAST_MESSAGE = 1 << 12, /* IGMP; MLD from a link-local source, or MLDv2 to ff02::16 */
};

/*
 * Fields a verdict may depend on, for the flow-action cache that will stand in front of the chain: a module adds what it
 * looked at to iov_packet.looked_at, what it rewrote to .rewrote, and sets .uncacheable when it cannot say.
 */
enum iov_field {
	IOV_FIELD_IN_PORT = 1 << 0,
	IOV_FIELD_ETH_SRC = 1 << 1,
	IOV_FIELD_ETH_DST = 1 << 2,
	IOV_FIELD_ETH_TYPE = 1 << 3,
	IOV_FIELD_IP_SRC = 1 << 4,
	IOV_FIELD_IP_DST = 1 << 5,
	IOV_FIELD_IP_PROTO = 1 << 6,
	IOV_FIELD_L4 = 1 << 7,
	IOV_FIELD_TTL = 1 << 8,
	IOV_FIELD_TOS = 1 << 9,
	IOV_FIELD_VLAN = 1 << 10,
};

/*
 * A packet's context, one in per-CPU scratch (iov_scratch), filled once by an entry program and handed from module to
 * module. This is the ABI that IOModules are written against.
 */
struct iov_packet {
	__u32 in_port;      /* local port it came from; 0: from a tunnel */
	__u32 out_port;     /* local port it goes to, once known; of a flood, the one that gets no copy (0: all do) */
	__u32 datapath;     /* logical datapath it is in now */
	__u32 epoch;        /* of that datapath when the packet entered */
	__u32 flags;        /* enum iov_packet_flag */
	__u32 tunnel;       /* tunnel it leaves by, once known; the one it came by while FROM_TUNNEL */
	__u16 egress_key;   /* OVN's key of the port or multicast group it goes to */
	__u16 group;        /* multicast group key it floods to, once known */
	__u16 l3_offset;    /* from the start of the frame, bytes */
	__u16 l4_offset;    /* 0: no L4 header in this frame */
	__u8 eth_dst[6];
	__u8 eth_src[6];
	__be16 eth_type;    /* behind any VLAN tag */
	__u16 vlan_tci;
	__be32 ip_src[4];   /* IPv4 and ARP: element 0 is source / sender, the rest is 0. Undefined in other packets. */
	__be32 ip_dst[4];   /* IPv4 and ARP: element 0 is destination / target; ND: the target address is nd_target */
	__be16 sport;       /* ICMP and ICMPv6: type */
	__be16 dport;       /* ICMP and ICMPv6: code */
	__u8 ip_proto;      /* IPv6: after extension headers */
	__u8 ttl;
	__u8 tos;
	__u8 uncacheable;   /* verdict must not be remembered */
	__u8 arp_op;        /* low byte of the ARP operation; ND: the ICMPv6 type */
	__u8 drop;          /* enum iov_drop, once dropped */
	__u8 arp_sha[6];    /* ARP sender MAC; ND: source/target link-layer option, all zero when there is none */
	__be32 nd_target[4];/* undefined without IOV_PKT_ND */
	__u32 looked_at;    /* enum iov_field */
	__u32 rewrote;      /* enum iov_field */
	__u32 copies;       /* receivers a flood has reached so far */
	__u16 chunk;        /* of the group, where the flood goes on after a tail call to itself */
	__u8 room;          /* bytes of outer header already made in front of the frame */
	__u8 kinds;         /* of tunnels, in a flood: the one it is serving (low 4 bits), those still to serve (bit 4 + kind) */
	__u16 other_group;  /* key of another group that the flood serves too, 0: none */
	__u8 turn;          /* 1: group and other_group have changed places */
	__u8 resume;        /* of the chunk, the member that comes next in a flood to other chassis */
	__u16 mtu;          /* for IOV_SLOT_TOO_BIG: largest IP packet that fits; of a flood, into every tunnel */
	__u16 pad2;
};

/* iov_port.flags */
enum iov_port_flag {
	IOV_PORT_VALID = 1 << 0,       /* configured; without it everything is dropped */
	IOV_PORT_ENABLED = 1 << 1,
	IOV_PORT_PEER = 1 << 2,        /* veth whose peer is in another network namespace: bpf_redirect_peer works */
	IOV_PORT_SECURITY = 1 << 3,    /* port security is on */
	IOV_PORT_SECURITY_ONE = 1 << 4,/* the inline element is the only one, with at most one address per family */
	IOV_PORT_FAIL_CLOSED = 1 << 5,
	IOV_PORT_UNKNOWN = 1 << 6,
	IOV_PORT_VLAN_PASSTHRU = 1 << 7,
	IOV_PORT_VLAN = 1 << 8,        /* frames carry the tag iov_port.vlan_* on the device; outside it is not seen */
	IOV_PORT_LOCALNET = 1 << 9,    /* the physical network: ARP and ND from it are not answered in the name of others */
	IOV_PORT_LOCALPORT = 1 << 10,  /* never to a tunnel or a localnet port, never from a tunnel */
	IOV_PORT_RATE = 1 << 11,       /* has a row in iov_rates */
	IOV_PORT_LEARN = 1 << 12,      /* source MACs are learned */
	IOV_PORT_VIRTUAL_PARENT = 1 << 13, /* has rows in iov_virtual_ips */
	IOV_PORT_INACTIVE = 1 << 14,   /* only a RARP passes, which is an event */
	IOV_PORT_SEVERAL = 1 << 16,    /* other chassis have it too (live migration): answers to it go to all of them */
	IOV_PORT_L2GATEWAY = 1 << 15,  /* a physical network too: as at localnet ports without a VLAN, VLAN 0 is no tag */
};

/* What is allowed for one MAC of a port (iov_port.security, iov_security). */
enum iov_security_flag {
	IOV_SEC_ANY = 1 << 0,       /* no address was listed with this MAC: any L3 */
	IOV_SEC_IP4 = 1 << 1,       /* IPv4 addresses are listed */
	IOV_SEC_IP6 = 1 << 2,
	IOV_SEC_OUT_IP4 = 1 << 7,   /* of IPv4 it receives only what is listed, nothing without IOV_SEC_IP4 */
	IOV_SEC_OUT_IP6 = 1 << 8,   /* likewise. Any other element than a VRRPv3 one that lists addresses restricts both */
	/* Those below come from VRRPv3 elements and never with IOV_PORT_SECURITY_ONE. */
	IOV_SEC_VRRP4 = 1 << 3,     /* a virtual router's MAC: ARP of an IOV_SEC_PHYSICAL MAC may name it as its sender */
	IOV_SEC_VRRP6 = 1 << 4,     /* likewise NS and NA, as their link-layer address */
	IOV_SEC_PHYSICAL = 1 << 5,  /* a MAC whose ARP, NS and NA may name these; alone it allows nothing else */
	IOV_SEC_NO_NEIGHBOUR = 1 << 6, /* only VRRPv3 elements name this virtual MAC: not the source of ARP, NS and NA */
	IOV_SEC_OUT_NOTHING = 1 << 9, /* a physical MAC that no other element names: it receives nothing */
};

/* One local port. Map iov_ports, array, key: port number. 64 bytes: one cache line. */
struct iov_port {
	__u32 ifindex;
	__u32 flags;            /* enum iov_port_flag */
	__u32 datapath;
	__u16 port_key;         /* SB Port_Binding.tunnel_key */
	__u8 security_mac[6];   /* the inline element, valid with IOV_PORT_SECURITY_ONE */
	__u32 security_flags;   /* enum iov_security_flag, of the inline element */
	__be32 security_ip4;    /* exact address, valid with IOV_SEC_IP4 */
	__u8 security_ip6[16];  /* exact address, valid with IOV_SEC_IP6 */
	__u8 security_lla[16];  /* EUI-64 link-local of security_mac */
	__u16 vlan_id;          /* with IOV_PORT_VLAN: 1..4095 */
	__be16 vlan_proto;      /* 0x8100 or 0x88a8 */
};

/* Direct-mapped cache of ifindex -> port: slot ifindex % IOV_IFINDEX_SLOTS. Another ifindex in the slot: look in
 * iov_ifindex_overflow (hash). Maps iov_ifindex (array) and iov_ifindex_overflow (hash, key __u32 ifindex). */
struct iov_ifindex {
	__u32 ifindex;
	__u32 port;             /* of untagged frames, 0: none. With IOV_IFINDEX_TRUNK: tags are looked up in iov_vlan_ports */
};
#define IOV_IFINDEX_TRUNK 0x80000000u

/* Key of iov_vlan_ports (hash, value __u32 port): a VLAN on a device that carries several logical ports (nested ports behind
 * a VIF, localnet and l2gateway ports on a physical network). A tag that is not there: the frame is the untagged port's,
 * tag and all. */
struct iov_vlan_key {
	__u32 ifindex;
	__u16 vlan_id;
	__be16 vlan_proto;
};

/* One logical datapath. Map iov_datapaths, array, key: datapath number. Its epoch is in iov_epochs (array of __u32), bumped
 * after every change of the datapath, and again behind removals from iov_fdb: modules remember what they looked up at an epoch. */
struct iov_datapath {
	__u32 tunnel_key;       /* SB Datapath_Binding.tunnel_key */
	__u16 flood_group;      /* key of _MC_flood, 0: none */
	__u16 unknown_group;    /* key of _MC_unknown when it has members, 0: unknown unicast is dropped */
	__u16 flags;            /* enum iov_datapath_flag */
	/* The rest is valid with IOV_DATAPATH_SNOOP. */
	__u16 flood_l2_group;   /* key of _MC_flood_l2: IGMP and MLD queries, 224.0.0.0/24 */
	__u16 static_group;     /* key of _MC_static: IP multicast in any case; 0: none */
	__u16 mrouter_group;    /* key of _MC_mrouter_flood: IGMP and MLD reports; 0: none */
};

enum iov_datapath_flag {
	IOV_DATAPATH_SNOOP = 1 << 0,              /* other_config:mcast_snoop */
	IOV_DATAPATH_FLOOD_UNREGISTERED = 1 << 1, /* other_config:mcast_flood_unregistered */
};

/* Key of iov_mcast (hash, value __u32: key of the group): an address that somebody joined. IPv4 addresses as IPv4-mapped IPv6. */
struct iov_mcast_key {
	__u32 datapath;
	__u8 ip[16];
};

enum iov_dest_kind {
	IOV_DEST_LOCAL = 1,     /* index: port */
	IOV_DEST_REMOTE = 2,    /* index: tunnel; egress_key: the port there */
	IOV_DEST_UNBOUND = 3,   /* known, but bound nowhere */
	IOV_DEST_GROUP = 4,     /* index: datapath; egress_key: group. In iov_fdb, iov_learned: a port that several chassis have
				 * (live migration); its key is the group, whose members are all of them */
	IOV_DEST_EXTERNAL = 5,  /* as LOCAL, index: the localnet port to a port of type external that this chassis has claimed;
				 * the only place beyond the chassis that a localport may send to */
};

/* Where a MAC is (iov_fdb; iov_learned, which is asked when iov_fdb has none) or a tunnel key leads (iov_tunnel_dests). */
struct iov_dest {
	__u8 kind;              /* enum iov_dest_kind */
	__u8 pad;
	__u16 egress_key;
	__u32 index;
};

/* Key of iov_fdb, iov_learned and iov_learning (hashes). In iov_learning also, as MACs that no source has, {1, 0, 0, 0, key}
 * for the virtual port and {3, 0, 0, 0, key} for the port that waits for a RARP (key: big endian), and
 * {5, 0, 0, 0, key} for IGMP and MLD of a port, where port_key counts what was told since. */
struct iov_fdb_key {
	__u16 datapath;
	__u8 mac[6];
};

/* Value of iov_learning (LRU hash): what was told of this MAC, so that not every packet tells it again. */
struct iov_learning {
	__u32 port_key;
	__u32 told;             /* CLOCK_MONOTONIC_COARSE in units of 2^20 ns (programs cannot know how long a jiffy is) */
};

/* Key of iov_tunnel_dests (hash): what an arriving tunnel header asks for. Value: struct iov_dest, LOCAL or GROUP. */
struct iov_tunnel_key {
	__u32 datapath_key;     /* OVN's */
	__u16 egress_key;
	__u16 pad;
};

/* Key of iov_arp (hash). */
struct iov_arp_key {
	__u16 datapath;
	__u16 pad;
	__be32 ip;
};

/* Key of iov_nd (hash). */
struct iov_nd_key {
	__u16 datapath;
	__u16 pad;
	__u8 ip[16];
};

/* Value of iov_arp and iov_nd: who answers. */
struct iov_neighbour {
	__u8 mac[6];
	__u16 port_key;         /* owner: a port is not answered for its own address (duplicate address detection) */
};

/* Key of iov_security (hash): a source or destination MAC at a port. Value: struct iov_security. */
struct iov_security_key {
	__u16 port;
	__u8 mac[6];
};

struct iov_security {
	__u32 flags;            /* enum iov_security_flag */
	__u32 element;          /* first part of the keys of iov_security_ip4/ip6; MACs of a port with equal lists share it */
};

/* Keys of iov_security_ip4 and iov_security_ip6 (LPM tries, value __u8 1). prefix_length counts the 32 bits of element.
 * Ingress: source in a listed network. Egress uses the same tries with element | IOV_SECURITY_EGRESS. */
#define IOV_SECURITY_EGRESS 0x80000000u
struct iov_security_ip4_key {
	__u32 prefix_length;
	__u32 element;
	__be32 ip;
};
struct iov_security_ip6_key {
	__u32 prefix_length;
	__u32 element;
	__u8 ip[16];
};

/*
 * Members of a multicast group. Map iov_groups, hash. The head chunk has generation 0 and chunk 0 and names the generation
 * of the chunks that follow, so that one store of the head replaces a group of any size at once.
 */
enum iov_group_scope {
	IOV_GROUP_LOCAL = 0,    /* members: ports */
	IOV_GROUP_REMOTE = 1,   /* members: tunnels */
};
struct iov_group_key {
	__u16 datapath;
	__u16 group;            /* OVN's multicast group key, 0x8000..0xffff */
	__u16 generation;
	__u8 chunk;
	__u8 scope;             /* enum iov_group_scope */
};
struct iov_group {
	__u16 generation;       /* of the following chunks (head only) */
	__u16 chunks;           /* in all, head included (head only) */
	__u32 count;            /* members in this chunk */
	__u32 members[IOV_GROUP_CHUNK];
};

/* iov_tunnel.flags */
enum iov_tunnel_flag {
	IOV_TUNNEL_VALID = 1 << 0,
	IOV_TUNNEL_RESOLVED = 1 << 1,   /* ifindex and the MACs of the header are right: redirect at once */
	IOV_TUNNEL_GENEVE = 1 << 2,     /* else VXLAN */
	IOV_TUNNEL_IP6 = 1 << 3,        /* the underlay is IPv6 */
	IOV_TUNNEL_CSUM = 1 << 4,       /* the other end wants an outer UDP checksum (SB Encap.options:csum) */
	IOV_TUNNEL_TOS_INHERIT = 1 << 5,/* the outer DSCP is the inner one (ovn-encap-tos=inherit); ECN is always (RFC 6040) */
	IOV_TUNNEL_WAY = 1 << 6,        /* a further next hop of another row (its `other`), no tunnel of its own */
	IOV_TUNNEL_FRAGMENTS = 1 << 7,  /* no DF in the header: routers may fragment, so each packet gets an identification of its own */
	IOV_TUNNEL_EITHER = 1 << 8,     /* both ends have both encapsulations: what comes may be of either */
};

/*
 * A way to another chassis: the outer header, prepared. Map iov_tunnels, array, key: tunnel number.
 * header: Ethernet 14, IPv4 20 or IPv6 40, UDP 8, VXLAN 8 or Geneve 8 + OVN option 8 (ovn-architecture(7), Tunnel
 * Encapsulations). The program fills in lengths, the IPv4 checksum (header holds the valid checksum of a total length of 0),
 * the UDP checksum, the source port from the flow hash, and the keys: all but the IPv4 checksum are 0 here, and so is what
 * is behind the header.
 */
struct iov_tunnel {
	__u32 flags;            /* enum iov_tunnel_flag */
	__u32 ifindex;          /* underlay device */
	__u32 mtu;              /* of the way there: largest outer IP packet, bytes */
	__u32 fixed_sum;        /* one's complement sum, folded, of what the UDP checksum covers and no packet changes: the outer
				 * addresses, the protocol (RFC 768, RFC 8200 8.1), UDP and tunnel header as they are in `header`;
				 * 16-bit words in host memory order */
	__u16 header_length;    /* 50 or 58; over IPv6 70 or 78 */
	__u16 share;            /* equal-cost routes: flows whose outer source port, its lower 14 bits, is below go by this row,
				 * the others by the row `other`. 0: all by this one. Unicast only; floods go by the first row */
	__u32 other;            /* tunnel number; counters stay with the first row */
	__u8 header[80];
	__u8 local_ip[16];      /* of the outer header; IPv4 as IPv4-mapped IPv6 (RFC 4291 2.5.5.2). For people and the agent */
	__u8 remote_ip[16];
};

/* Keys of iov_tunnel_sources and iov_tunnel_sources6 (hashes, value __u32 tunnel): who may send to us. */
struct iov_tunnel_source {
	__be32 remote_ip;
	__be32 local_ip;
};
struct iov_tunnel_source6 {
	__u8 remote_ip[16];
	__u8 local_ip[16];
};

/* Per-CPU counters of a tunnel (iov_tunnel_counters). rx: what came from the other chassis; tx: what went to it. Bytes without
 * the outer header. */
struct iov_tunnel_count {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 rx_drops;         /* from this chassis, dropped: malformed, or for nobody here */
	__u64 tx_drops;         /* for this chassis, dropped: no next hop, too big, no room */
	__u64 last_rx;          /* CLOCK_MONOTONIC_COARSE, ns: when the last good one came; 0: never */
};

/* Per-CPU counters of a port (iov_port_counters). rx: what came from the machine; tx: what went to it. */
struct iov_counters {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
};

/* Key of iov_port_drops (per-CPU hash, value __u64 packets). */
struct iov_port_drop_key {
	__u32 port;
	__u32 reason;           /* enum iov_drop */
};

/* Value of iov_port_drops: how many, and what the last one was. */
struct iov_port_drop {
	__u64 packets;
	__u64 last;             /* CLOCK_MONOTONIC, ns */
	__u8 eth_dst[6];
	__u8 eth_src[6];
	__be16 eth_type;        /* 0: dropped before it was parsed, all below is 0 */
	__u16 vlan_tci;
	__be32 ip_src[4];       /* as in struct iov_packet, valid as flags say */
	__be32 ip_dst[4];
	__u32 flags;            /* enum iov_packet_flag */
	__be16 sport;
	__be16 dport;
	__u32 length;           /* of the frame, bytes */
	__u8 ip_proto;
	__u8 pad[3];
};

/* Rate limit of a port. Map iov_rates, hash, key: port. Its bucket is in iov_buckets (array, key: port). */
struct iov_rate {
	__u64 bytes_per_second;
	__u64 burst;            /* bytes */
};
struct iov_bucket {
	__u64 full_at;          /* CLOCK_MONOTONIC, ns: when it will have filled up again. All zero: full */
	struct bpf_spin_lock lock;
	__u32 pad;
};

/* Key of iov_virtual_ips (hash, value __u32: tunnel key of the virtual port): what a parent may announce. IPv4 addresses as
 * IPv4-mapped IPv6 (RFC 4291 2.5.5.2). */
struct iov_virtual_key {
	__u32 port;             /* the parent */
	__u8 ip[16];
};

/* What the programs tell the agent, in the ring buffer iov_events. Lost when that is full: traffic repeats it. */
enum iov_event_kind {
	IOV_EVENT_MAC = 1,      /* a source MAC at a port with IOV_PORT_LEARN: mac */
	IOV_EVENT_VIRTUAL = 2,  /* a parent announced a virtual port's address: key is that of the virtual port */
	IOV_EVENT_RARP = 3,     /* the machine of a port with IOV_PORT_INACTIVE sent a RARP */
	IOV_EVENT_IGMP = 4,     /* struct iov_mcast_event, in a switch with IOV_DATAPATH_SNOOP */
	IOV_EVENT_MLD = 5,      /* the same */
	IOV_EVENT_PATH_MTU = 6, /* struct iov_path_mtu_event */
};
struct iov_event {
	__u32 kind;             /* enum iov_event_kind */
	__u32 port;             /* where the packet came from */
	__u32 datapath;
	__u16 port_key;         /* of that port */
	__u16 key;
	__u8 mac[6];
	__u8 pad[2];
};

/* An IGMP or MLD message, from its type on, with a valid checksum (or longer than IOV_MCAST_MESSAGE, and cut there). What is in
 * the ring buffer ends with the message. */
struct iov_mcast_event {
	__u32 kind;             /* enum iov_event_kind */
	__u32 port;             /* where the packet came from */
	__u32 datapath;
	__u16 port_key;         /* of that port */
	__u16 length;           /* of the message, bytes; never 0 */
	__u8 message[IOV_MCAST_MESSAGE];
};

/* A router on the way to another chassis says what fits (RFC 1191, RFC 8201), less than iov_tunnel.mtu: not told again once that is
 * lowered. */
struct iov_path_mtu_event {
	__u32 kind;             /* enum iov_event_kind */
	__u32 tunnel;
	__u32 mtu;              /* largest outer IP packet, bytes; of IPv4 576 at least, of IPv6 1280 */
	__u32 pad;
	__u8 remote_ip[16];     /* of the tunnel, as there: its number may be another's by now */
	__u8 router_ip[16];     /* who says so; IPv4 as IPv4-mapped IPv6 */
};

/*
 * The way of a traced packet, in the per-CPU array iov_trace. A second load of the modules over the same maps, with the
 * constant iov_tracing = 1, notes here what it would do instead of cloning, counting and telling. It is for test runs only.
 */
enum iov_trace_kind {
	IOV_TRACE_MODULE = 1,   /* a program begins: value is its enum iov_slot; IOV_SLOT_COUNT: entry, IOV_SLOT_COUNT + 1: uplink */
	IOV_TRACE_DROP = 2,     /* value: enum iov_drop; port: where it is counted, 0: nowhere */
	IOV_TRACE_DELIVER = 3,  /* to a local port, the packet itself: port */
	IOV_TRACE_COPY = 4,     /* to a local port, a copy: port */
	IOV_TRACE_TUNNEL = 5,   /* into a tunnel, the packet itself: value */
	IOV_TRACE_TUNNEL_COPY = 6, /* into a tunnel, a copy: value; the keys are as in key */
	IOV_TRACE_EVENT = 7,    /* an event would be told: value is its kind */
	IOV_TRACE_PASS = 8,     /* left to the host */
};
struct iov_trace_event {
	__u32 kind;             /* enum iov_trace_kind */
	__u32 value;
	__u32 port;
	__u32 key;              /* datapath in the upper 16 bits, egress key in the lower */
};
struct iov_trace {
	__u32 count;            /* of events; more than IOV_TRACE_EVENTS: the rest was not noted */
	__u32 pad;
	struct iov_trace_event events[IOV_TRACE_EVENTS];
};

#endif
