/**
 * Numbers of linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_bridge.h, linux/if_addr.h and linux/neighbour.h. They are part of the
 * kernel's user ABI and never change.
 */
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
export const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
export const SIOCETHTOOL = 0x8946;
export const NETLINK_ROUTE = 0;
export const SOL_SOCKET = 1;
export const SO_ATTACH_FILTER = 26;
export const SO_MARK = 36;
export const SO_RCVBUF = 8;
export const SO_RCVBUFFORCE = 33;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const MSG_DONTWAIT = 0x40;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an error message: attributes with an explanation follow. */
export const NLM_F_ACK_TLVS = 0x200;
export const NLMSGERR_ATTR_MSG = 1;
export const NLA_TYPE_MASK = 0x3fff;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_DELTFILTER = 45;
export const RTM_NEWPREFIX = 52;
export const RTM_NEWSTATS = 92;
export const RTM_GETSTATS = 94;
export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_NEWVLAN = 112;
export const RTM_DELVLAN = 113;
export const RTM_GETVLAN = 114;

/** Groups whose messages change what this room knows: links, neighbours, addresses, routes, rules, next hops. */
export const GROUPS = [
  1, // RTNLGRP_LINK
  3, // RTNLGRP_NEIGH
  4, // RTNLGRP_TC
  5, // RTNLGRP_IPV4_IFADDR
  7, // RTNLGRP_IPV4_ROUTE
  8, // RTNLGRP_IPV4_RULE
  9, // RTNLGRP_IPV6_IFADDR
  11, // RTNLGRP_IPV6_ROUTE
  19, // RTNLGRP_IPV6_RULE
  32, // RTNLGRP_NEXTHOP
] as const;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_IFALIAS = 20;
export const IFLA_LINKINFO = 18;
export const IFLA_AF_SPEC = 26;
export const IFLA_GROUP = 27;
export const IFLA_EXT_MASK = 29;
/** One octet: whether there is a carrier, also while the device is down. */
export const IFLA_CARRIER = 33;
export const IFLA_LINK_NETNSID = 37;
/** The request is about a device of another namespace, known here by that number. */
export const IFLA_TARGET_NETNSID = 46;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_INFO_SLAVE_DATA = 5;
export const VETH_INFO_PEER = 1;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** No link-local address of the kernel's making. */
export const IN6_ADDR_GEN_MODE_NONE = 1;
/** Leaves the counters out of RTM_GETLINK answers, which halves them. */
export const RTEXT_FILTER_SKIP_STATS = 1 << 3;
export const IFF_UP = 0x1;
export const IFF_PROMISC = 0x100;
export const IFF_LOWER_UP = 0x10000;

/** linux/if_link.h: of a bridge. */
export const IFLA_BR_STP_STATE = 5;
export const IFLA_BR_VLAN_FILTERING = 7;
export const IFLA_BR_MCAST_SNOOPING = 23;
export const IFLA_BR_VLAN_DEFAULT_PVID = 39;
/** linux/if_link.h: of a tun or tap; an octet each. */
export const IFLA_TUN_TYPE = 3;
export const IFLA_TUN_PERSIST = 6;
/** linux/if_tun.h: it has frames, not packets. */
export const IFF_TAP = 2;
/** Of a port of a bridge. */
export const IFLA_BRPORT_FLUSH = 24;
/** linux/if_bridge.h: VLANs of a bridge or of its ports. */
export const BRIDGE_VLANDB_ENTRY = 1;
export const BRIDGE_VLANDB_ENTRY_INFO = 1;
export const BRIDGE_VLANDB_ENTRY_RANGE = 2;
export const BRIDGE_VLAN_INFO_PVID = 1 << 1;
export const BRIDGE_VLAN_INFO_UNTAGGED = 1 << 2;

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;

export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_MARK = 16;
export const RTA_VIA = 18;
export const RTAX_MTU = 2;
export const RTN_BLACKHOLE = 6;
export const RTN_PROHIBIT = 8;
/** Answer with the route itself, not with what it comes to for one packet. */
export const RTM_F_FIB_MATCH = 0x2000;
export const RTNH_F_DEAD = 1;

export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NTF_USE = 0x1;

export const IFLA_STATS_LINK_64 = 1;

export const EIO = 5;
export const EAGAIN = 11;
export const EOPNOTSUPP = 95;
export const ENOENT = 2;
export const ENODEV = 19;
