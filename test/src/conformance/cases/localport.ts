import { all, broadcast, host, nobody } from '../host.js';
import { answered, dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, test, typed } from './cases.js';
import { arpFrame, udp4 } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const lp = host(0x0d);

/** A localport is on every hypervisor, with the same addresses; nothing of it ever leaves its hypervisor. */
const ports = {
  a: { hv: 1, addresses: [all(a)] },
  b: { hv: 1, addresses: [all(b)], portSecurity: [all(b)] },
  c: { hv: 2, addresses: [all(c)] },
  lp1: { hv: 1, port: 'lp', type: 'localport', addresses: [all(lp)] },
  lp2: { hv: 2, port: 'lp', type: 'localport', addresses: [all(lp)] },
} as const;

const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

export const localport: Scenario = {
  setup: { name: 'lp', ports: { ...ports, u: { hv: 2, addresses: ['unknown'] } } },
  cases: [
    test('a broadcast reaches the localport of its hypervisor only', 'a', typed(a.mac, broadcast), everyone),
    test('the same on the other hypervisor', 'c', typed(c.mac, broadcast), everyone),
    test('to the localport', 'a', udp4(ends(a, lp)), reaches('lp1')),
    test('to the localport on the other hypervisor', 'c', udp4(ends(c, lp)), reaches('lp2')),
    test('from the localport', 'lp1', udp4(ends(lp, a)), reaches('a')),
    test('from the localport of the other hypervisor', 'lp2', udp4(ends(lp, c)), reaches('c')),
    test('from the localport to the other hypervisor', 'lp1', udp4(ends(lp, c)), dropped('localport')),
    test('and the other way round', 'lp2', udp4(ends(lp, a)), dropped('localport')),
    test('a broadcast of the localport stays', 'lp1', typed(lp.mac, broadcast), everyone),
    test('a broadcast of the other one stays', 'lp2', typed(lp.mac, broadcast), everyone),
    test('a multicast of the localport stays', 'lp1', typed(lp.mac, '01:00:5e:00:00:05'), everyone),
    test(
      'from the localport to nobody: the unknown port is elsewhere',
      'lp1',
      typed(lp.mac, nobody),
      dropped(),
    ),
    test(
      'from the localport to nobody: the unknown port is here',
      'lp2',
      typed(lp.mac, nobody),
      reaches('u'),
    ),
    test('to its own MAC', 'lp1', typed(lp.mac, lp.mac), dropped('same_port')),
    test('ARP for the localport', 'a', request(a, lp), answered(reply(lp, a))),
    test('ARP for the localport on the other hypervisor', 'c', request(c, lp), answered(reply(lp, c))),
    test('ARP of the localport', 'lp1', request(lp, a), answered(reply(a, lp))),
    test(
      'ARP of the localport for a machine of the other hypervisor',
      'lp1',
      request(lp, c),
      answered(reply(c, lp)),
    ),
    test('ARP of the localport for nobody', 'lp1', request(lp, host(0x77)), everyone),
    test('from a machine with port security to the localport', 'b', udp4(ends(b, lp)), reaches('lp1')),
    test(
      'from the localport to a foreign address of a machine with port security',
      'lp1',
      udp4({ ...ends(lp, b), to: a.ip4 }),
      dropped('portsec_out_ip4'),
    ),
  ],
};

const out = host(0x0e);

/** The same on a provider network: Neutron's metadata port. */
export const localportAndLocalnet: Scenario = {
  setup: {
    name: 'lpn',
    ports: {
      ...ports,
      ln: { hv: 1, type: 'localnet', network: 'physnet1', tag: 20, addresses: ['unknown'] },
    },
  },
  cases: [
    test(
      'a broadcast of a machine',
      'a',
      typed(a.mac, broadcast),
      reaches('b', 'x', 'lp1', 'c', 'y', 'ln', 'lp2'),
    ),
    test('to the localport', 'a', udp4(ends(a, lp)), reaches('lp1')),
    test('from the localport', 'lp1', udp4(ends(lp, a)), reaches('a')),
    test('from the localport to the other hypervisor', 'lp1', udp4(ends(lp, c)), dropped('localport')),
    test('a broadcast of the localport', 'lp1', typed(lp.mac, broadcast), reaches('a', 'b', 'x')),
    test('from the localport to nobody', 'lp1', typed(lp.mac, nobody), dropped('localport')),
    test('from the localport to a host on the wire', 'lp1', udp4(ends(lp, out)), dropped('localport')),
    test('a broadcast from the wire', 'ln', typed(out.mac, broadcast), everyone),
    test('from the wire to the localport', 'ln', udp4(ends(out, lp)), reaches('lp1', 'lp2')),
    test('ARP from the wire for the localport', 'ln', request(out, lp), everyone),
    test('ARP for the localport', 'a', request(a, lp), answered(reply(lp, a))),
    test(
      'ARP of the localport for a machine of the other hypervisor',
      'lp1',
      request(lp, c),
      answered(reply(c, lp)),
    ),
  ],
};
