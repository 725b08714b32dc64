import { all, broadcast, host } from '../host.js';
import { waitFor } from '../prepare.js';
import { dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, test, typed } from './cases.js';
import { udp4 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const f = host(0x61);
const g = host(0x62);
const s = host(0x63);
const kid = host(0x64);

/** FDB has the MAC at the port with this tunnel key. */
const learned = (from: string, who: typeof a, key: number) =>
  waitFor(from, typed(who.mac, a.mac), 'FDB', [`mac="${who.mac}"`, `port_key=${key}`]);

/** Ports with `unknown` and without port security: what sends there is looked for there from then on. */
export const learning: Scenario = {
  setup: {
    name: 'fd',
    ports: {
      u1: { hv: 1, addresses: ['unknown'], options: { 'requested-tnl-key': '101' } },
      u2: { hv: 2, addresses: ['unknown'], options: { 'requested-tnl-key': '102' } },
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      s: { hv: 1, addresses: ['unknown'], portSecurity: [all(s)] },
    },
  },
  cases: [
    test('the first packet is flooded', 'a', udp4(ends(a, f)), reaches('u1', 'u2')),
    test('from the other hypervisor', 'c', udp4(ends(c, f)), reaches('u1', 'u2')),
    {
      ...test('later ones are not', 'a', udp4(ends(a, f)), reaches('u1')),
      prepare: learned('u1', f, 101),
    },
    test('nor from the other hypervisor', 'c', udp4(ends(c, f)), reaches('u1')),
    test('nor from another unknown port', 'u2', udp4(ends(g, f)), reaches('u1')),
    test('nor from where it is', 'u1', typed(f.mac, f.mac), dropped('same_port')),
    test('broadcasts go everywhere', 'a', typed(a.mac, broadcast), everyone),
    test('another MAC is flooded', 'a', udp4(ends(a, kid)), reaches('u1', 'u2')),
    {
      ...test('after a move', 'a', udp4(ends(a, f)), reaches('u2')),
      prepare: learned('u2', f, 102),
    },
    test('after a move, from the other hypervisor', 'c', udp4(ends(c, f)), reaches('u2')),
    test('after a move, from where it was', 'u1', typed(kid.mac, f.mac), reaches('u2')),
    {
      ...test('a configured MAC wins', 'a', udp4(ends(a, c)), reaches('c')),
      prepare: learned('u1', c, 101),
    },
    test(
      'a machine with a learned MAC as source is not learned',
      'a',
      typed(host(0x65).mac, c.mac),
      reaches('c'),
    ),
    test('and is flooded', 'c', typed(c.mac, host(0x65).mac), reaches('u1', 'u2')),
    test('port security: its own MAC', 's', typed(s.mac, a.mac), dropped('portsec_in_ethertype')),
    test('port security: its own MAC and address', 's', udp4(ends(s, a)), reaches('a')),
    test('port security: not learned, so flooded', 'a', udp4(ends(a, s)), reaches('s', 'u1', 'u2')),
  ],
};
