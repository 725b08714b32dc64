import { iov_drop } from './gen/abi.js';

/** A reason why packets are dropped; its counter is entry `value` of the map iov_drops. */
export interface DropReason {
  value: number;
  /** As in metrics and `iovctl`: `portsec_in_ip4`. */
  name: string;
  /** One sentence for an operator. */
  description: string;
}

type Name = Exclude<keyof typeof iov_drop, 'IOV_DROP_NONE' | 'IOV_DROP_COUNT'>;

const descriptions: Record<Name, string> = {
  IOV_DROP_NO_PORT: 'No logical port is configured on the interface, or not yet.',
  IOV_DROP_PORT_DISABLED: 'The logical port of the sender or of the receiver is disabled (enabled=false).',
  IOV_DROP_PORT_FAIL_CLOSED:
    'The logical port asks for a feature that is not supported and whose absence would open something.',
  IOV_DROP_MALFORMED: 'The frame is shorter than its headers say, or they contradict each other.',
  IOV_DROP_VLAN_TAGGED: 'The frame has a VLAN tag and the logical switch does not set vlan-passthru.',
  IOV_DROP_MULTICAST_SOURCE: 'The source MAC address is a multicast address.',
  IOV_DROP_PORTSEC_IN_MAC: 'Port security does not allow the sender this source MAC address.',
  IOV_DROP_PORTSEC_IN_IP4: 'Port security does not allow the sender this source IPv4 address.',
  IOV_DROP_PORTSEC_IN_IP6: 'Port security does not allow the sender this source IPv6 address.',
  IOV_DROP_PORTSEC_IN_ARP: 'Port security does not allow the sender these addresses in an ARP header.',
  IOV_DROP_PORTSEC_IN_ND:
    'Port security does not allow the sender this link-layer address or target in neighbour discovery.',
  IOV_DROP_PORTSEC_IN_ETHERTYPE:
    'Neither IP nor ARP, from a MAC address that port security restricts to IP addresses.',
  IOV_DROP_PORTSEC_OUT_MAC: 'Port security does not allow the receiver this destination MAC address.',
  IOV_DROP_PORTSEC_OUT_IP4: 'Port security does not allow the receiver this destination IPv4 address.',
  IOV_DROP_PORTSEC_OUT_IP6: 'Port security does not allow the receiver this destination IPv6 address.',
  IOV_DROP_UNKNOWN_DESTINATION:
    'No port of the logical switch has the destination MAC address, and none takes unknown ones.',
  IOV_DROP_DESTINATION_UNBOUND: 'The destination port exists but is bound to no chassis.',
  IOV_DROP_SAME_PORT: 'The frame would go back out of the port it came from.',
  IOV_DROP_EMPTY_GROUP: 'A frame to many, and nobody else is there to get it.',
  IOV_DROP_TUNNEL_MALFORMED: 'A tunnel packet is truncated, fragmented or not what its headers claim.',
  IOV_DROP_TUNNEL_SOURCE: 'A tunnel packet came from an address that belongs to no chassis.',
  IOV_DROP_TUNNEL_KEY:
    'A tunnel packet names no port or group of this chassis, or its keys do not fit the tunnel.',
  IOV_DROP_TUNNEL_UNRESOLVED: 'There is no route or next hop to the other chassis.',
  IOV_DROP_TUNNEL_MTU: 'With its tunnel header the packet does not fit the MTU of the underlay.',
  IOV_DROP_TUNNEL_ENCAP_FAILED: 'The kernel refused to make room for the tunnel header.',
  IOV_DROP_NO_MODULE: 'A slot of the chain is empty, or a group has too many members: an internal error.',
  IOV_DROP_NO_MEMORY: 'The kernel had no memory for a copy, or a device was down.',
  IOV_DROP_UNKNOWN_VLAN: 'The VLAN of the frame belongs to no logical port of the interface.',
  IOV_DROP_INACTIVE: 'The port waits for a RARP of its machine (activation-strategy=rarp).',
  IOV_DROP_LOCALPORT:
    'To or from a localport over a tunnel or the physical network: it stays on its chassis.',
  IOV_DROP_RATE: 'The sender is over its rate limit (options:qos_max_rate).',
  IOV_DROP_MCAST_UNREGISTERED:
    'IP multicast to an address that nobody joined, in a switch with mcast_snoop that does not flood it.',
  IOV_DROP_MCAST_MESSAGE:
    'An IGMP or MLD report, which goes to multicast routers only, and the switch knows of none.',
  IOV_DROP_TUNNEL_CHECKSUM: 'The UDP checksum of a tunnel packet is wrong.',
  IOV_DROP_TUNNEL_ECN:
    'A tunnel packet was marked congested (ECN) on its way, and what it carries comes from an end that knows no ECN.',
  IOV_DROP_TUNNEL_TYPE:
    'A tunnel packet came by VXLAN from a chassis that Geneve is spoken with, or the other way round.',
  IOV_DROP_TUNNEL_FRAGMENT:
    'A tunnel packet was fragmented on its way; fragments are not put together (ovn-encap-df_default=false at its sender).',
};

/** Every reason, by value. */
export const dropReasons: readonly DropReason[] = Object.entries(descriptions)
  .map(([name, description]) => ({
    value: iov_drop[name as Name],
    name: name.slice('IOV_DROP_'.length).toLowerCase(),
    description,
  }))
  .sort((a, b) => a.value - b.value);
