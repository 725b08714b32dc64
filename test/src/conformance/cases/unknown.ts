import { ether } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, host, nobody } from '../host.js';
import { type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { udp4 } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const v = host(0x1b);
const guarded = host(0x1c);
const off = host(0x1d);

const test = (name: string, frame: Buffer, expected: Expected, from = 'a'): Case => ({
  name,
  from,
  frame,
  expected,
});
const typed = (dst: string, src = a.mac) => ether({ src, dst, type: 0x88b5 }, Buffer.alloc(46, 0x5a));
const ends = (from: typeof a, to: typeof a) => ({ src: from.mac, dst: to.mac, from: from.ip4, to: to.ip4 });

/** Ports with `unknown` among their addresses. Nothing here sends a MAC that could be learnt. */
export const unknown: Scenario = {
  setup: {
    name: 'un',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      b: { hv: 1, addresses: [all(b)], portSecurity: [b.mac] },
      c: { hv: 2, addresses: [all(c)] },
      u: { hv: 1, addresses: ['unknown'] },
      v: { hv: 2, addresses: [all(v), 'unknown'] },
      g: { hv: 2, addresses: [all(guarded), 'unknown'], portSecurity: [all(guarded)] },
      h: { hv: 1, addresses: ['unknown'], portSecurity: [`${guarded.mac} 10.0.0.77`] },
      off: { hv: 1, addresses: ['unknown'], enabled: false },
    },
  },
  cases: [
    test('unknown unicast: to ports with unknown, on both hypervisors', typed(nobody), reaches('u', 'v')),
    test('unknown unicast IPv4', udp4({ ...ends(a, c), dst: nobody }), reaches('u', 'v')),
    test('unknown unicast from the other hypervisor', typed(nobody, c.mac), reaches('u', 'v'), 'c'),
    test('unknown unicast from a port with unknown', typed(nobody, v.mac), reaches('u'), 'v'),
    test('the MAC 00:00:00:00:00:00', typed('00:00:00:00:00:00'), reaches('u', 'v')),
    test('a known MAC of a port with unknown', typed(v.mac), reaches('v')),
    test('a known MAC of a plain port', typed(c.mac), reaches('c')),
    test('a known MAC of a port with unknown and port security', udp4(ends(a, guarded)), reaches('g')),
    test(
      'the same, with a foreign address',
      udp4({ ...ends(a, guarded), to: '10.0.0.78' }),
      dropped('portsec_out_ip4'),
    ),
    test('broadcast reaches all', typed(broadcast), everyone),
    test('broadcast from a port with unknown', typed(broadcast, v.mac), everyone, 'v'),
    test('from a disabled port with unknown', typed(c.mac, off.mac), dropped('port_disabled'), 'off'),
    test(
      'from a port with unknown and port security, foreign MAC',
      typed(c.mac, nobody),
      dropped('portsec_in_mac'),
      'g',
    ),
    test(
      'from a port with unknown and port security, own MAC and address',
      udp4(ends(guarded, c)),
      reaches('c'),
      'g',
    ),
    test(
      'from a port with unknown and port security to nobody',
      udp4({ ...ends(guarded, c), dst: nobody }),
      reaches('u', 'v'),
      'g',
    ),
    test('from its own MAC to its own MAC', typed(v.mac, v.mac), dropped('same_port'), 'v'),
  ],
};
