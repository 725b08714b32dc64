import { all, broadcast, host, nobody } from '../host.js';
import { becomes, dropped, everyone, nothing, reaches, type Scenario } from '../table.js';
import { ends, ends6, tagged, test, typed } from './cases.js';
import { advertise, arpFrame, solicit, udp4, udp6 } from './packets.js';

const network = 'physnet1';

/** Machines whose numbers nobody else on the network has: two switches on one bridge share its MAC table. */
const machines = (first: number) => ({
  a: host(first),
  b: host(first + 1),
  c: host(first + 2),
  u: host(first + 3),
  s: host(first + 4),
  /** On the physical network. */
  out: host(first + 5),
  away: host(first + 6),
  off: host(first + 7),
});

/** What holds for a flat network and for one behind a VLAN tag; frames at `ln` are without the tag. */
function common(name: string, first: number, tag?: number): Scenario {
  const { a, b, c, u, s, out, away, off } = machines(first);
  const arpFor = (who: typeof a, from = out) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: who.ip4 });
  const unknown = { ...host(0x70), mac: `02:00:00:00:70:${first.toString(16)}` };
  return {
    setup: {
      name,
      ports: {
        a: { hv: 1, addresses: [all(a)] },
        b: { hv: 1, addresses: [all(b)] },
        c: { hv: 2, addresses: [all(c)] },
        s: { hv: 2, addresses: [all(s)], portSecurity: [all(s)] },
        off: { hv: 1, addresses: [all(off)], enabled: false },
        away: { hv: 1, addresses: [all(away)], plugged: false },
        ln: {
          hv: 1,
          type: 'localnet',
          network,
          addresses: ['unknown'],
          ...(tag === undefined ? {} : { tag }),
        },
      },
    },
    cases: [
      test('to a neighbour on the same hypervisor: not on the wire', 'a', udp4(ends(a, b)), reaches('b')),
      test(
        'to a neighbour on the other hypervisor: over the wire',
        'a',
        udp4(ends(a, c)),
        reaches('c', 'ln'),
      ),
      test('and back', 'c', udp4(ends(c, a)), reaches('a', 'ln')),
      test('IPv6 to the other hypervisor', 'a', udp6(ends6(a, c)), reaches('c', 'ln')),
      test('an unknown ethertype to the other hypervisor', 'a', typed(a.mac, c.mac), reaches('c', 'ln')),
      test('a broadcast: to all, once, and on the wire', 'a', typed(a.mac, broadcast), everyone),
      test('a broadcast from the other hypervisor', 'c', typed(c.mac, broadcast), everyone),
      test('a multicast', 'a', typed(a.mac, '01:00:5e:00:00:05'), everyone),
      test(
        'IPv6 multicast',
        'a',
        udp6({ ...ends6(a, c), dst: '33:33:00:00:00:01', to: 'ff02::1' }),
        everyone,
      ),
      test('to a MAC that nobody has: to the wire', 'a', typed(a.mac, unknown.mac), reaches('ln')),
      test('the same from the other hypervisor', 'c', typed(c.mac, unknown.mac), reaches('ln')),
      test('to a host on the wire', 'a', udp4(ends(a, out)), reaches('ln')),
      test('a port that is plugged in nowhere', 'a', udp4(ends(a, away)), reaches('ln')),
      test('from the wire to a machine', 'ln', udp4(ends(out, a)), reaches('a')),
      test('from the wire to a machine of the other hypervisor', 'ln', udp4(ends(out, c)), reaches('c')),
      test('IPv6 from the wire', 'ln', udp6(ends6(out, a)), reaches('a')),
      test('a broadcast from the wire', 'ln', typed(out.mac, broadcast), everyone),
      test('a multicast from the wire', 'ln', typed(out.mac, '33:33:00:00:00:01'), everyone),
      test('from the wire to a MAC that nobody has', 'ln', typed(out.mac, nobody), nothing),
      test(
        'from the wire to a port that is plugged in nowhere',
        'ln',
        typed(out.mac, away.mac),
        dropped('destination_unbound'),
      ),
      test(
        'a multicast source MAC from the wire',
        'ln',
        typed('03:00:00:00:00:0a', a.mac),
        dropped('multicast_source'),
      ),
      test('ARP of a machine for a machine is answered', 'a', arpFor(c, a), {
        answer: arpFrame({ op: 2, sha: c.mac, spa: c.ip4, dst: a.mac, tha: a.mac, tpa: a.ip4 }),
      }),
      test('ARP of a machine for a host on the wire', 'a', arpFor(out, a), everyone),
      test('ARP from the wire for a machine', 'ln', arpFor(a), everyone),
      test('ARP from the wire for a machine of the other hypervisor', 'ln', arpFor(c), everyone),
      test(
        'ARP from the wire in a unicast frame',
        'ln',
        arpFrame({ sha: out.mac, spa: out.ip4, tpa: a.ip4, dst: a.mac }),
        reaches('a'),
      ),
      test('ARP from the wire for an address that nobody has', 'ln', arpFor(host(0x71)), everyone),
      test('gratuitous ARP from the wire', 'ln', arpFor(out), everyone),
      test('ND from the wire for a machine', 'ln', solicit(out, a.ip6), everyone),
      test(
        'the answer of a machine to the wire',
        'a',
        arpFrame({ op: 2, sha: a.mac, spa: a.ip4, dst: out.mac, tha: out.mac, tpa: out.ip4 }),
        reaches('ln'),
      ),
      test('the NA of a machine to the wire', 'a', advertise(a, a.ip6, { to: out }), reaches('ln')),
      test('port security lets out its own address', 's', udp4(ends(s, out)), reaches('ln')),
      test(
        'port security stops a foreign address',
        's',
        udp4({ ...ends(s, out), from: u.ip4 }),
        dropped('portsec_in_ip4'),
      ),
      test('from the wire to an address that port security lists', 'ln', udp4(ends(out, s)), reaches('s')),
      test(
        'from the wire to one that it does not list',
        'ln',
        udp4({ ...ends(out, s), to: u.ip4 }),
        dropped('portsec_out_ip4'),
      ),
      test('from a disabled port', 'off', udp4(ends(off, out)), dropped('port_disabled')),
      test('a broadcast from a disabled port', 'off', typed(off.mac, broadcast), dropped('port_disabled')),
      test('from the wire to a disabled port', 'ln', udp4(ends(out, off)), dropped('port_disabled')),
      test('a tagged frame of a machine', 'a', tagged(typed(a.mac, out.mac), 7), dropped('vlan_tagged')),
    ],
  };
}

/** A provider network without a tag. */
const flat = common('lnf', 0x10);
/** Another on the same bridge, behind VLAN 10. */
const vlan = common('lnt', 0x20, 10);

const fa = machines(0x10);
const va = machines(0x20);

export const localnetFlat: Scenario = {
  ...flat,
  cases: [
    ...flat.cases,
    test('a tag on the wire that no switch has', 'ln', tagged(typed(fa.out.mac, fa.a.mac), 99), nothing),
    test(
      'a broadcast with a tag that no switch has',
      'ln',
      tagged(typed(fa.out.mac, broadcast), 99),
      nothing,
    ),
    test(
      'VLAN 0 on the wire: only a priority',
      'ln',
      tagged(typed(fa.out.mac, fa.a.mac), 0x6000),
      becomes(typed(fa.out.mac, fa.a.mac), 'a'),
    ),
    test('an 802.1ad tag on the wire', 'ln', tagged(typed(fa.out.mac, fa.a.mac), 10, 0x88a8), nothing),
    test('to a machine of the other switch', 'ln', typed(fa.out.mac, va.a.mac), nothing),
  ],
};

export const localnetTagged: Scenario = {
  ...vlan,
  cases: [
    ...vlan.cases,
    test('a priority in the tag on the wire', 'ln', typed(va.out.mac, va.b.mac), reaches('b')),
    test('two tags on the wire', 'ln', tagged(typed(va.out.mac, va.a.mac), 7), dropped('vlan_tagged')),
    test('to a machine of the other switch', 'ln', typed(va.out.mac, fa.a.mac), nothing),
  ],
};
