import { ether, ipv4, tcp, udp } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, host, nobody } from '../host.js';
import { type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { ethertype, message6, ping4, udp4, udp6 } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const off = host(0x0d);
const away = host(0x0e);
const two = host(0x0f);
const second = host(0x1f);

const typed = (type: number, dst: string, src = a.mac) => ether({ src, dst, type }, Buffer.alloc(46, 0x5a));
const test = (name: string, frame: Buffer, expected: Expected, from = 'a'): Case => ({
  name,
  from,
  frame,
  expected,
});
const ends = (from: typeof a, to: typeof a) => ({ src: from.mac, dst: to.mac, from: from.ip4, to: to.ip4 });
const ends6 = (from: typeof a, to: typeof a) => ({ src: from.mac, dst: to.mac, from: from.ip6, to: to.ip6 });
const large = (length: number) =>
  ether(
    { src: a.mac, dst: c.mac, type: ethertype.ip4 },
    ipv4({ src: a.ip4, dst: c.ip4, proto: 17 }, udp(1, 2, Buffer.alloc(length - 28, 0x77))),
  );

/** No port security: where frames go. */
export const layer2: Scenario = {
  setup: {
    name: 'l2',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      b: { hv: 1, addresses: [all(b)] },
      c: { hv: 2, addresses: [all(c)] },
      off: { hv: 1, addresses: [all(off)], enabled: false },
      off2: { hv: 2, addresses: [all(host(0x2d))], enabled: false },
      away: { hv: 2, addresses: [all(away)], plugged: false },
      two: { hv: 2, addresses: [all(two), `${second.mac} ${second.ip4}`] },
      none: { hv: 1 },
    },
  },
  cases: [
    test('IPv4 to a neighbour on the same hypervisor', udp4(ends(a, b)), reaches('b')),
    test('IPv4 to a neighbour on the other hypervisor', udp4(ends(a, c)), reaches('c')),
    test('and back', udp4(ends(c, a)), reaches('a'), 'c'),
    test('ping', ping4(ends(a, c)), reaches('c')),
    test('IPv6, same hypervisor', udp6(ends6(a, b)), reaches('b')),
    test('IPv6, other hypervisor', udp6(ends6(a, c)), reaches('c')),
    test('ICMPv6 echo', message6(ends6(a, c), 128), reaches('c')),
    test(
      'TCP',
      ether(
        { src: a.mac, dst: c.mac, type: 0x0800 },
        ipv4({ src: a.ip4, dst: c.ip4, proto: 6 }, tcp(80, 81)),
      ),
      reaches('c'),
    ),
    test('an unknown ethertype, same hypervisor', typed(0x88b5, b.mac), reaches('b')),
    test('an unknown ethertype, other hypervisor', typed(0x88b5, c.mac), reaches('c')),
    test('RARP', typed(ethertype.rarp, broadcast), everyone),
    test('PPPoE discovery', typed(0x8863, broadcast), everyone),
    test('MPLS', typed(0x8847, c.mac), reaches('c')),
    test('802.3 with a length in place of the type', typed(46, c.mac), reaches('c')),
    test('ethertype 0', typed(0, c.mac), reaches('c')),
    test('the largest IPv4 packet, other hypervisor', large(1500), reaches('c')),
    test('the second MAC of a port, other hypervisor', udp4(ends(a, second)), reaches('two')),
    test('the first MAC of that port', udp4(ends(a, two)), reaches('two')),
    test(
      'an IP address that is somebody else’s: only the MAC counts',
      udp4({ ...ends(a, c), to: b.ip4 }),
      reaches('c'),
    ),
    test('broadcast IPv4', udp4({ ...ends(a, c), dst: broadcast, to: '10.0.0.255' }), everyone),
    test('broadcast from the other hypervisor', typed(0x88b5, broadcast, c.mac), everyone, 'c'),
    test('IPv4 multicast', udp4({ ...ends(a, c), dst: '01:00:5e:00:00:05', to: '224.0.0.5' }), everyone),
    test('IPv6 multicast', udp6({ ...ends6(a, c), dst: '33:33:00:00:00:01', to: 'ff02::1' }), everyone),
    test(
      'IPv6 multicast from the other hypervisor',
      udp6({ ...ends6(c, a), dst: '33:33:00:00:00:01', to: 'ff02::1' }),
      everyone,
      'c',
    ),
    test('any other multicast MAC', typed(0x88b5, '01:02:03:04:05:06'), everyone),
    test('LLDP to its reserved MAC', typed(ethertype.lldp, '01:80:c2:00:00:0e'), everyone),
    test('STP to its reserved MAC', typed(38, '01:80:c2:00:00:00'), everyone),
    test('802.3x pause', typed(0x8808, '01:80:c2:00:00:01'), everyone),
    test('LACP', typed(0x8809, '01:80:c2:00:00:02'), everyone),
    test('broadcast with somebody else’s source MAC', typed(0x88b5, broadcast, b.mac), everyone),
    test('unicast with somebody else’s source MAC', udp4({ ...ends(b, c) }), reaches('c')),
    test('unicast with a source MAC that nobody has', udp4({ ...ends(a, c), src: nobody }), reaches('c')),
    test('the source MAC 00:00:00:00:00:00', typed(0x88b5, c.mac, '00:00:00:00:00:00'), reaches('c')),
    test('source and destination MAC equal, of another port', typed(0x88b5, c.mac, c.mac), reaches('c')),
    test('a multicast source MAC', typed(0x88b5, c.mac, '03:00:00:00:00:0a'), dropped('multicast_source')),
    test('a broadcast source MAC', typed(0x88b5, broadcast, broadcast), dropped('multicast_source')),
    test('the own MAC as destination', typed(0x88b5, a.mac), dropped('same_port')),
    test(
      'the own second MAC as destination',
      typed(0x88b5, second.mac, two.mac),
      dropped('same_port'),
      'two',
    ),
    test('a MAC that nobody has', typed(0x88b5, nobody), dropped('unknown_destination')),
    test(
      'IPv4 to a MAC that nobody has',
      udp4({ ...ends(a, c), dst: nobody }),
      dropped('unknown_destination'),
    ),
    test('the MAC 00:00:00:00:00:00', typed(0x88b5, '00:00:00:00:00:00'), dropped('unknown_destination')),
    test('a port that is plugged in nowhere', udp4(ends(a, away)), dropped('destination_unbound')),
    test('a disabled port, same hypervisor', udp4(ends(a, off)), dropped('port_disabled')),
    test('a disabled port, other hypervisor', udp4(ends(a, host(0x2d))), dropped('port_disabled')),
    test('from a disabled port, unicast', udp4(ends(off, a)), dropped('port_disabled'), 'off'),
    test(
      'from a disabled port, broadcast',
      typed(0x88b5, broadcast, off.mac),
      dropped('port_disabled'),
      'off',
    ),
    test(
      'from a disabled port to a disabled port',
      udp4(ends(off, host(0x2d))),
      dropped('port_disabled'),
      'off',
    ),
    test('from a port without addresses', udp4({ ...ends(a, c), src: nobody }), reaches('c'), 'none'),
    test('from a port without addresses, broadcast', typed(0x88b5, broadcast, nobody), everyone, 'none'),
    test('an 802.1Q tag', ether({ src: a.mac, dst: b.mac, type: 0x88b5, vlan: 5 }), dropped('vlan_tagged')),
    test(
      'an 802.1Q tag, broadcast',
      ether({ src: a.mac, dst: broadcast, type: 0x88b5, vlan: 5 }),
      dropped('vlan_tagged'),
    ),
    test(
      'VLAN 0 (priority only)',
      ether({ src: a.mac, dst: b.mac, type: 0x88b5, vlan: 0x6000 }),
      dropped('vlan_tagged'),
    ),
    test(
      'VLAN 0, priority 0',
      ether({ src: a.mac, dst: b.mac, type: 0x88b5, vlan: 0 }),
      dropped('vlan_tagged'),
    ),
    test(
      'an 802.1ad tag',
      ether({ src: a.mac, dst: c.mac, type: 0x88b5, vlan: 5, tpid: 0x88a8 }),
      dropped('vlan_tagged'),
    ),
    test(
      'a fragment of IPv4',
      ether(
        { src: a.mac, dst: c.mac, type: 0x0800 },
        ipv4({ src: a.ip4, dst: c.ip4, proto: 17, fragment: 0x2001 }, Buffer.alloc(32, 7)),
      ),
      reaches('c'),
    ),
    test(
      'IPv4 with options',
      ether(
        { src: a.mac, dst: c.mac, type: 0x0800 },
        ipv4({ src: a.ip4, dst: c.ip4, proto: 17, options: Buffer.alloc(8, 1) }, udp(1, 2)),
      ),
      reaches('c'),
    ),
  ],
};
