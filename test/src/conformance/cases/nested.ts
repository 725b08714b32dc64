import { all, broadcast, host, nobody } from '../host.js';
import { answered, becomes, dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, ends6, tagged, test, typed } from './cases.js';
import { arpFrame, udp4, udp6 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const p = host(0x10);
const k = [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17].map(host);
const [k1, k2, k3, safe, off, u] = k as [typeof a, typeof a, typeof a, typeof a, typeof a, typeof a];

const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

/** Containers behind VLAN tags on the tap of a machine, in the machine's own switch. */
export const nested: Scenario = {
  setup: {
    name: 'ne',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      p: { hv: 1, addresses: [all(p)], portSecurity: [all(p)] },
      k1: { hv: 1, parent: 'p', tag: 11, addresses: [all(k1)] },
      k2: { hv: 1, parent: 'p', tag: 12, addresses: [all(k2)] },
      safe: { hv: 1, parent: 'p', tag: 13, addresses: [all(safe)], portSecurity: [all(safe)] },
      off: { hv: 1, parent: 'p', tag: 14, addresses: [all(off)], enabled: false },
      u: { hv: 1, parent: 'p', tag: 4095, addresses: ['unknown'] },
      q: { hv: 2, addresses: [all(host(0x20))] },
      k3: { hv: 2, parent: 'q', tag: 11, addresses: [all(k3)] },
    },
  },
  cases: [
    test('from a kid to a machine', 'k1', udp4(ends(k1, a)), reaches('a')),
    test('from a kid to the other hypervisor', 'k1', udp4(ends(k1, c)), reaches('c')),
    test('from a kid to a kid of the other hypervisor', 'k1', udp4(ends(k1, k3)), reaches('k3')),
    test('from a kid to its neighbour on the same tap', 'k1', udp4(ends(k1, k2)), reaches('k2')),
    test('IPv6 between kids on one tap', 'k1', udp6(ends6(k1, k2)), reaches('k2')),
    test('an unknown ethertype between kids on one tap', 'k1', typed(k1.mac, k2.mac), reaches('k2')),
    test('from a kid to its own parent', 'k1', udp4(ends(k1, p)), reaches('p')),
    test('from the parent to its kid', 'p', udp4(ends(p, k1)), reaches('k1')),
    test('from the parent to a machine', 'p', udp4(ends(p, a)), reaches('a')),
    test('from the parent to the other hypervisor', 'p', udp4(ends(p, c)), reaches('c')),
    test('from a machine to a kid', 'a', udp4(ends(a, k1)), reaches('k1')),
    test('from a machine to the parent', 'a', udp4(ends(a, p)), reaches('p')),
    test('from the other hypervisor to a kid', 'c', udp4(ends(c, k1)), reaches('k1')),
    test('from a machine to a kid of the other hypervisor', 'a', udp4(ends(a, k3)), reaches('k3')),
    test('a broadcast reaches parents and kids', 'a', typed(a.mac, broadcast), everyone),
    test('a broadcast from the other hypervisor', 'c', typed(c.mac, broadcast), everyone),
    test('a broadcast of a kid', 'k1', typed(k1.mac, broadcast), everyone),
    test('a broadcast of the parent', 'p', udp4({ ...ends(p, a), dst: broadcast }), everyone),
    test('a multicast of a kid', 'k1', typed(k1.mac, '33:33:00:00:00:01'), everyone),
    test('to nobody: to the kid with unknown', 'a', typed(a.mac, nobody), reaches('u')),
    test('a kid to nobody', 'k1', typed(k1.mac, nobody), reaches('u')),
    test('the highest tag', 'u', typed(u.mac, a.mac), reaches('a')),
    test('a tag that no kid has', 'p', tagged(typed(p.mac, a.mac), 99), dropped()),
    test('a broadcast with a tag that no kid has', 'p', tagged(typed(p.mac, broadcast), 99), dropped()),
    test('VLAN 0 on the tap', 'p', tagged(typed(p.mac, a.mac), 0), dropped()),
    test('VLAN 0 with a priority', 'p', tagged(typed(p.mac, a.mac), 0xa000), dropped()),
    test(
      'a kid’s tag with a priority',
      'p',
      tagged(typed(k1.mac, a.mac), 0xa00b),
      becomes(typed(k1.mac, a.mac), 'a'),
    ),
    test(
      'a kid’s tag as 802.1ad',
      'p',
      tagged(typed(k1.mac, a.mac), 11, 0x88a8),
      becomes(typed(k1.mac, a.mac), 'a'),
    ),
    test('two tags', 'k1', tagged(typed(k1.mac, a.mac), 5), dropped('vlan_tagged')),
    test('a tag of the kid on another tap', 'a', tagged(typed(a.mac, c.mac), 11), dropped()),
    test('a kid to its own MAC', 'k1', typed(k1.mac, k1.mac), dropped('same_port')),
    test('a multicast source of a kid', 'k1', typed('03:00:00:00:00:0a', a.mac), dropped('multicast_source')),
    test('ARP of a kid for a machine', 'k1', request(k1, a), answered(reply(a, k1))),
    test('ARP of a kid for its neighbour', 'k1', request(k1, k2), answered(reply(k2, k1))),
    test('ARP of a kid for its parent', 'k1', request(k1, p), answered(reply(p, k1))),
    test('ARP of a machine for a kid', 'a', request(a, k1), answered(reply(k1, a))),
    test('ARP of a kid for nobody', 'k1', request(k1, host(0x77)), everyone),
    test('port security of a kid: own address', 'safe', udp4(ends(safe, a)), reaches('a')),
    test(
      'port security of a kid: foreign address',
      'safe',
      udp4({ ...ends(safe, a), from: k1.ip4 }),
      dropped('portsec_in_ip4'),
    ),
    test('port security of a kid: foreign MAC', 'safe', typed(k1.mac, a.mac), dropped('portsec_in_mac')),
    test(
      'port security towards a kid',
      'a',
      udp4({ ...ends(a, safe), to: k1.ip4 }),
      dropped('portsec_out_ip4'),
    ),
    test(
      'port security of the parent',
      'p',
      udp4({ ...ends(p, a), from: k1.ip4 }),
      dropped('portsec_in_ip4'),
    ),
    test('from a disabled kid', 'off', udp4(ends(off, a)), dropped('port_disabled')),
    test('to a disabled kid', 'a', udp4(ends(a, off)), dropped('port_disabled')),
  ],
};

const s = [0x31, 0x32, 0x33, 0x34].map(host) as [typeof a, typeof a, typeof a, typeof a];

/** Subports of a trunk: kids of the same machines in another switch. */
export const subports: Scenario = {
  setup: {
    name: 'su',
    ports: {
      a: { hv: 1, addresses: [all(s[0])] },
      c: { hv: 2, addresses: [all(s[1])] },
      k1: { hv: 1, parent: 'ne-p', tag: 21, addresses: [all(s[2])] },
      k3: { hv: 2, parent: 'ne-q', tag: 21, addresses: [all(s[3])] },
    },
  },
  cases: [
    test('from a subport to a machine', 'k1', udp4(ends(s[2], s[0])), reaches('a')),
    test('from a subport to a subport of the other hypervisor', 'k1', udp4(ends(s[2], s[3])), reaches('k3')),
    test('from a machine of the other hypervisor', 'c', udp4(ends(s[1], s[2])), reaches('k1')),
    test('a broadcast stays in its switch', 'k1', typed(s[2].mac, broadcast), everyone),
    test('a broadcast to subports', 'a', typed(s[0].mac, broadcast), everyone),
    test('the parent is in another switch', 'k1', typed(s[2].mac, p.mac), dropped('unknown_destination')),
  ],
};
