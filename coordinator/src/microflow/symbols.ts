/** Fields of a frame, and their widths in bits. rarp.* are those of arp.*, as in OVN. */
export const fieldWidths = {
  'eth.src': 48,
  'eth.dst': 48,
  'eth.type': 16,
  'vlan.tci': 16,
  'ip.proto': 8,
  'ip.dscp': 6,
  'ip.ecn': 2,
  'ip.ttl': 8,
  'ip.frag': 2,
  'ip4.src': 32,
  'ip4.dst': 32,
  'ip6.src': 128,
  'ip6.dst': 128,
  'ip6.label': 20,
  'icmp4.type': 8,
  'icmp4.code': 8,
  'icmp6.type': 8,
  'icmp6.code': 8,
  'arp.op': 16,
  'arp.spa': 32,
  'arp.sha': 48,
  'arp.tpa': 32,
  'arp.tha': 48,
  'nd.target': 128,
  'nd.sll': 48,
  'nd.tll': 48,
  'tcp.src': 16,
  'tcp.dst': 16,
  'tcp.flags': 12,
  'udp.src': 16,
  'udp.dst': 16,
  'sctp.src': 16,
  'sctp.dst': 16,
} as const;

export type Field = keyof typeof fieldWidths;

/** A name that can be compared: bits of a field, and what must be true of the packet for it to have the field. */
export interface NamedBits {
  field: Field;
  low: number;
  width: number;
  prerequisite?: string;
}

const prerequisites: Readonly<Record<string, string>> = {
  'ip.': 'ip',
  'ip4.': 'ip4',
  'ip6.': 'ip6',
  'icmp4.': 'icmp4',
  'icmp6.': 'icmp6',
  'arp.': 'arp',
  'nd.target': 'nd',
  'nd.sll': 'nd_ns',
  'nd.tll': 'nd_na',
  'tcp.': 'tcp',
  'udp.': 'udp',
  'sctp.': 'sctp',
};

/** Every name that can be compared (ovn-sb(5), Logical_Flow, Symbols). */
export const symbols: ReadonlyMap<string, NamedBits> = new Map<string, NamedBits>([
  ...Object.entries(fieldWidths).map(([name, width]): [string, NamedBits] => {
    const prerequisite = Object.entries(prerequisites).find(([prefix]) => name.startsWith(prefix))?.[1];
    return [name, { field: name as Field, low: 0, width, prerequisite }];
  }),
  ...(['op', 'spa', 'sha', 'tpa', 'tha'] as const).map((name): [string, NamedBits] => {
    const field: Field = `arp.${name}`;
    return [`rarp.${name}`, { field, low: 0, width: fieldWidths[field], prerequisite: 'rarp' }];
  }),
  ['eth.mcast', { field: 'eth.dst', low: 40, width: 1 }],
  ['vlan.pcp', { field: 'vlan.tci', low: 13, width: 3, prerequisite: 'vlan.present' }],
  ['vlan.vid', { field: 'vlan.tci', low: 0, width: 12, prerequisite: 'vlan.present' }],
]);

/** Names that stand for an expression (ovn-sb(5), Logical_Flow, Predicates). */
export const predicates: ReadonlyMap<string, string> = new Map([
  ['eth.bcast', 'eth.dst == ff:ff:ff:ff:ff:ff'],
  ['eth.mcastv6', 'eth.dst[32..47] == 0x3333'],
  ['vlan.present', 'vlan.tci[12]'],
  ['ip4', 'eth.type == 0x800'],
  ['ip6', 'eth.type == 0x86dd'],
  ['ip', 'ip4 || ip6'],
  ['ip4.src_mcast', 'ip4.src[28..31] == 0xe'],
  ['ip4.mcast', 'eth.mcast && ip4.dst[28..31] == 0xe'],
  ['icmp4', 'ip4 && ip.proto == 1'],
  ['igmp', 'ip4 && ip.proto == 2'],
  ['ip6.mcast_rsvd', 'ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0'],
  ['ip6.mcast_all_nodes', 'ip6.dst == ff01::1 || ip6.dst == ff02::1'],
  ['ip6.mcast_all_rtrs', 'ip6.dst == ff01::2 || ip6.dst == ff02::2 || ip6.dst == ff05::2'],
  ['ip6.mcast_sol_node', 'ip6.dst == ff02::1:ff00:0/104'],
  [
    'ip6.mcast_flood',
    'eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node)',
  ],
  ['ip6.mcast', 'eth.mcastv6 && ip6.dst[120..127] == 0xff'],
  ['icmp6', 'ip6 && ip.proto == 58'],
  ['icmp', 'icmp4 || icmp6'],
  ['ip.is_frag', 'ip.frag[0]'],
  ['ip.later_frag', 'ip.frag[1]'],
  ['ip.first_frag', 'ip.is_frag && !ip.later_frag'],
  ['arp', 'eth.type == 0x806'],
  ['rarp', 'eth.type == 0x8035'],
  ['nd', '(icmp6.type == 135 || icmp6.type == 136) && icmp6.code == 0 && ip.ttl == 255'],
  ['nd_ns', 'icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255'],
  ['nd_na', 'icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255'],
  ['nd_rs', 'icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255'],
  ['nd_ra', 'icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255'],
  ['mldv1', 'ip6.src == fe80::/10 && (icmp6.type == 130 || icmp6.type == 131 || icmp6.type == 132)'],
  ['mldv2', 'ip6.dst == ff02::16 && icmp6.type == 143'],
  ['tcp', 'ip.proto == 6'],
  ['udp', 'ip.proto == 17'],
  ['sctp', 'ip.proto == 132'],
]);

/** Names of OVN's language that are no part of a frame. */
export function isNotOfAFrame(name: string): boolean {
  return /^(outport|x{0,2}reg\d+|flags(\..*)?|ct([._].*)?|pkt\.mark|metadata|icmp[46]\.frag_mtu|is_chassis_resident)$/.test(
    name,
  );
}
