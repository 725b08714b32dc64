import { ether } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, host, nobody } from '../host.js';
import { type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { arpFrame, solicit, udp4 } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const s = host(0x0d);

const test = (name: string, frame: Buffer, expected: Expected, from = 'a'): Case => ({
  name,
  from,
  frame,
  expected,
});
const tag = (frame: Buffer, tci: number, tpid = 0x8100): Buffer =>
  Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from([tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff]),
    frame.subarray(12),
  ]);
const ends = (from: typeof a, to: typeof a) => ({ src: from.mac, dst: to.mac, from: from.ip4, to: to.ip4 });
const typed = (dst: string) => ether({ src: a.mac, dst, type: 0x88b5 }, Buffer.alloc(46, 0x5a));

/** A switch with other_config:vlan-passthru=true. */
export const vlan: Scenario = {
  setup: {
    name: 'vl',
    otherConfig: { 'vlan-passthru': 'true' },
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      b: { hv: 1, addresses: [all(b)] },
      c: { hv: 2, addresses: [all(c)] },
      s: { hv: 1, addresses: [all(s)], portSecurity: [all(s)] },
    },
  },
  cases: [
    test('untagged', typed(c.mac), reaches('c')),
    test('tagged, same hypervisor', tag(typed(b.mac), 5), reaches('b')),
    test('tagged, other hypervisor', tag(typed(c.mac), 5), reaches('c')),
    test('tagged IPv4', tag(udp4(ends(a, c)), 5), reaches('c')),
    test('tag with a priority', tag(typed(c.mac), 0xe005), reaches('c')),
    test('VLAN 0', tag(typed(c.mac), 0), reaches('c')),
    test('tagged broadcast', tag(typed(broadcast), 5), everyone),
    test('tagged, to nobody', tag(typed(nobody), 5), dropped('unknown_destination')),
    test('two tags, same hypervisor', tag(tag(typed(b.mac), 5), 6), reaches('b')),
    test('ARP is not answered here', arpFrame({ sha: a.mac, spa: a.ip4, tpa: b.ip4 }), everyone),
    test(
      'tagged ARP is not answered here',
      tag(arpFrame({ sha: a.mac, spa: a.ip4, tpa: b.ip4 }), 5),
      everyone,
    ),
    test('NS is not answered here', solicit(a, b.ip6), everyone),
    test('tagged NS is not answered here', tag(solicit(a, b.ip6), 5), everyone),
    test('two tags, other hypervisor', tag(tag(typed(c.mac), 5), 6), reaches('c')),
    test('tagged, own address under port security', tag(udp4(ends(s, c)), 5), reaches('c'), 's'),
    test(
      'tagged, foreign address under port security',
      tag(udp4({ ...ends(s, c), from: a.ip4 }), 5),
      dropped('portsec_in_ip4'),
      's',
    ),
    test(
      'tagged, to a foreign address under port security',
      tag(udp4({ ...ends(a, s), to: b.ip4 }), 5),
      dropped('portsec_out_ip4'),
    ),
    test('tagged, to its own address under port security', tag(udp4(ends(a, s)), 5), reaches('s')),
    test(
      'a multicast source MAC',
      tag(ether({ src: '03:00:00:00:00:0a', dst: c.mac, type: 0x88b5 }), 5),
      dropped('multicast_source'),
    ),
  ],
};
