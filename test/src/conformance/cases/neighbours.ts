import { ether } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, type Host, host, nobody, solicited } from '../host.js';
import { answered, type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { advertise, arpFrame, ethertype, solicit } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const off = host(0x0d);
const away = host(0x0e);
const open = host(0x1c);
const extra = { ...host(0x1d), ip4: '10.0.9.9', ip6: 'fd00:9::9' };

const test = (name: string, frame: Buffer, expected: Expected, from = 'a'): Case => ({
  name,
  from,
  frame,
  expected,
});
const ask = (who: Host, tpa: string, dst = broadcast) => arpFrame({ sha: who.mac, spa: who.ip4, tpa, dst });
const told = (who: Host, owner: string, ip: string) =>
  answered(arpFrame({ op: 2, sha: owner, spa: ip, tha: who.mac, tpa: who.ip4, dst: who.mac }));
/** The NA in the name of `owner`: solicited, override, not a router. */
const shown = (who: Host, owner: Host, to = who.ip6) =>
  answered(advertise({ ...owner }, owner.ip6, { to: { ...who, ip6: to } }));

/** ARP and ND: what OVN answers itself. */
export const neighbours: Scenario = {
  setup: {
    name: 'nb',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      b: { hv: 1, addresses: [all(b)] },
      c: {
        hv: 2,
        addresses: [
          `${c.mac} ${c.ip4} 10.0.8.8 ${c.ip6} fd00:8::8`,
          `${extra.mac} ${extra.ip4} ${extra.ip6}`,
        ],
      },
      off: { hv: 2, addresses: [all(off)], enabled: false },
      away: { hv: 2, addresses: [all(away)], plugged: false },
      open: { hv: 2, addresses: [all(open), 'unknown'] },
    },
  },
  cases: [
    test('ARP for a neighbour on the same hypervisor', ask(a, b.ip4), told(a, b.mac, b.ip4)),
    test('ARP for a neighbour on the other hypervisor', ask(a, c.ip4), told(a, c.mac, c.ip4)),
    test('ARP for its second address', ask(a, '10.0.8.8'), told(a, c.mac, '10.0.8.8')),
    test('ARP for the address of its second MAC', ask(a, extra.ip4), told(a, extra.mac, extra.ip4)),
    test('ARP in a unicast frame', ask(a, c.ip4, c.mac), told(a, c.mac, c.ip4)),
    test('ARP in a unicast frame to nobody', ask(a, c.ip4, nobody), told(a, c.mac, c.ip4)),
    test('ARP in a multicast frame', ask(a, c.ip4, '01:00:5e:00:00:01'), told(a, c.mac, c.ip4)),
    test('ARP for a port that is down', ask(a, away.ip4), told(a, away.mac, away.ip4)),
    test('ARP for a disabled port', ask(a, off.ip4), told(a, off.mac, off.ip4)),
    test('ARP for an address nobody has', ask(a, '10.0.0.99'), everyone),
    test('ARP for an address nobody has, in a unicast frame', ask(a, '10.0.0.99', b.mac), reaches('b')),
    test('gratuitous ARP', ask(a, a.ip4), everyone),
    test(
      'gratuitous ARP of the second MAC',
      arpFrame({ sha: extra.mac, spa: extra.ip4, tpa: extra.ip4 }),
      everyone,
      'c',
    ),
    test('ARP for the own other address', ask(c, extra.ip4), everyone, 'c'),
    test('gratuitous ARP reply', arpFrame({ op: 2, sha: a.mac, spa: a.ip4, tpa: a.ip4 }), everyone),
    test('ARP for a port with unknown', ask(a, open.ip4), everyone),
    test('ARP from a port with unknown', ask(open, a.ip4), told(open, a.mac, a.ip4), 'open'),
    test(
      'ARP probe (0.0.0.0) for somebody’s address',
      arpFrame({ sha: a.mac, spa: '0.0.0.0', tpa: b.ip4 }),
      answered(arpFrame({ op: 2, sha: b.mac, spa: b.ip4, tha: a.mac, tpa: '0.0.0.0', dst: a.mac })),
    ),
    test('ARP probe for the own address', arpFrame({ sha: a.mac, spa: '0.0.0.0', tpa: a.ip4 }), everyone),
    test(
      'ARP whose sender MAC is not the frame’s',
      arpFrame({ src: a.mac, sha: nobody, spa: a.ip4, tpa: b.ip4 }),
      answered(arpFrame({ op: 2, src: b.mac, sha: b.mac, spa: b.ip4, tha: nobody, tpa: a.ip4, dst: a.mac })),
    ),
    test(
      'ARP from somebody else’s address',
      arpFrame({ sha: a.mac, spa: c.ip4, tpa: b.ip4 }),
      answered(arpFrame({ op: 2, sha: b.mac, spa: b.ip4, tha: a.mac, tpa: c.ip4, dst: a.mac })),
    ),
    test(
      'ARP with a filled target MAC',
      arpFrame({ sha: a.mac, spa: a.ip4, tha: b.mac, tpa: b.ip4 }),
      told(a, b.mac, b.ip4),
    ),
    test(
      'ARP reply to a neighbour',
      arpFrame({ op: 2, sha: a.mac, spa: a.ip4, tha: c.mac, tpa: c.ip4, dst: c.mac }),
      reaches('c'),
    ),
    test(
      'ARP with operation 3 (reverse request)',
      arpFrame({ op: 3, sha: a.mac, spa: a.ip4, tpa: b.ip4 }),
      everyone,
    ),
    test(
      'ARP with operation 0',
      arpFrame({ op: 0, sha: a.mac, spa: a.ip4, tpa: b.ip4, dst: c.mac }),
      reaches('c'),
    ),
    test('ARP of another hardware type', patched(ask(a, b.ip4), 14, 0, 6), everyone),
    test('ARP for another protocol', patched(ask(a, b.ip4), 16, 0x86, 0xdd), everyone),
    test('ARP with another address length', patched(ask(a, b.ip4), 18, 8), everyone),
    test('ARP cut in the middle', ask(a, b.ip4).subarray(0, 34), everyone),
    test('ARP without padding', ask(a, b.ip4).subarray(0, 42), told(a, b.mac, b.ip4)),
    test('ARP from the other hypervisor', ask(c, a.ip4), told(c, a.mac, a.ip4), 'c'),
    test('ARP from a disabled port', ask(off, a.ip4), dropped('port_disabled'), 'off'),

    test('NS for a neighbour on the same hypervisor', solicit(a, b.ip6), shown(a, b)),
    test('NS for a neighbour on the other hypervisor', solicit(a, c.ip6), shown(a, c)),
    test('NS for its second address', solicit(a, 'fd00:8::8'), shown(a, { ...c, ip6: 'fd00:8::8' })),
    test('NS for the address of its second MAC', solicit(a, extra.ip6), shown(a, extra)),
    test('NS for a port that is down', solicit(a, away.ip6), shown(a, away)),
    test('NS for a disabled port', solicit(a, off.ip6), shown(a, off)),
    test('NS from the link-local address', solicit(a, b.ip6, { from: a.lla }), shown(a, b, a.lla)),
    test('NS to the target’s unicast address', solicit(a, c.ip6, { to: c.ip6, dst: c.mac }), shown(a, c)),
    test('NS without a source option', solicit(a, c.ip6, { sll: null }), shown(a, c)),
    test('NS with another source option', solicit(a, c.ip6, { sll: nobody }), shown(a, c)),
    test(
      'NS in a frame to another solicited-node MAC',
      solicit(a, c.ip6, { dst: solicited('fd00::77').mac }),
      shown(a, c),
    ),
    test(
      'NS to another address than target or solicited-node',
      solicit(a, c.ip6, { to: 'ff02::1', dst: '33:33:00:00:00:01' }),
      everyone,
    ),
    test('NS to another unicast address', solicit(a, c.ip6, { to: b.ip6, dst: b.mac }), reaches('b')),
    test('NS for an address nobody has', solicit(a, 'fd00::99'), everyone),
    test('NS for a link-local address', solicit(a, b.lla), everyone),
    test('NS for the own address', solicit(a, a.ip6), everyone),
    test('NS for a port with unknown', solicit(a, open.ip6), everyone),
    test('DAD for the own address', solicit(a, a.ip6, { from: '::', sll: null }), everyone),
    test('DAD for an address nobody has', solicit(a, 'fd00::99', { from: '::', sll: null }), everyone),
    test('NS with hop limit 64', solicit(a, b.ip6, { hops: 64 }), everyone),
    test('NS with code 1', solicit(a, b.ip6, { code: 1 }), everyone),
    test('NA to a neighbour', advertise(a, a.ip6, { to: c }), reaches('c')),
    test('NA in the name of another', advertise(a, b.ip6, { to: c }), reaches('c')),
    test(
      'an ethertype that ARP is not',
      ether({ src: a.mac, dst: broadcast, type: ethertype.rarp }, ask(a, b.ip4).subarray(14)),
      everyone,
    ),
  ],
};

/** The frame with some bytes changed. */
function patched(frame: Buffer, offset: number, ...bytes: number[]): Buffer {
  const copy = Buffer.from(frame);
  copy.set(bytes, offset);
  return copy;
}
