import { all, broadcast, host, nobody } from '../host.js';
import { answered, dropped, everyone, nothing, reaches, type Scenario } from '../table.js';
import { ends, ends6, tagged, test, typed } from './cases.js';
import { arpFrame, udp4, udp6 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const out = host(0x0e);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

/** One hypervisor joins a physical network to the switch; the others reach it through the tunnel. */
function gateway(name: string, hv: 1 | 2, tag?: number): Scenario {
  return {
    setup: {
      name,
      ports: {
        a: { hv: 1, addresses: [all(a)] },
        c: { hv: 2, addresses: [all(c)] },
        gw: {
          hv,
          type: 'l2gateway',
          network: 'physnet2',
          options: { 'l2gateway-chassis': `hv${hv}` },
          addresses: ['unknown'],
          ...(tag === undefined ? {} : { tag }),
        },
      },
    },
    cases: [
      test('from hypervisor 1 to the network', 'a', udp4(ends(a, out)), reaches('gw')),
      test('from hypervisor 2 to the network', 'c', udp4(ends(c, out)), reaches('gw')),
      test('between machines: the tunnel', 'a', udp4(ends(a, c)), reaches('c')),
      test('from the network to hypervisor 1', 'gw', udp4(ends(out, a)), reaches('a')),
      test('from the network to hypervisor 2', 'gw', udp4(ends(out, c)), reaches('c')),
      test('IPv6 from the network', 'gw', udp6(ends6(out, c)), reaches('c')),
      test('a broadcast of hypervisor 1', 'a', typed(a.mac, broadcast), everyone),
      test('a broadcast of hypervisor 2', 'c', typed(c.mac, broadcast), everyone),
      test('a broadcast from the network', 'gw', typed(out.mac, broadcast), everyone),
      test('a multicast from the network', 'gw', typed(out.mac, '33:33:00:00:00:01'), everyone),
      test('from the network to nobody', 'gw', typed(out.mac, nobody), nothing),
      test('a foreign tag from the network', 'gw', tagged(typed(out.mac, a.mac), 77), nothing),
      test('ARP of a machine for a host on the network', 'a', request(a, out), everyone),
      test('ARP of a machine for a machine', 'a', request(a, c), answered(reply(c, a))),
      test('ARP from the network for a machine', 'gw', request(out, a), answered(reply(a, out))),
      test(
        'ARP from the network for a machine of hypervisor 2',
        'gw',
        request(out, c),
        answered(reply(c, out)),
      ),
      test(
        'a multicast source MAC from the network',
        'gw',
        typed('03:00:00:00:00:0a', a.mac),
        dropped('multicast_source'),
      ),
    ],
  };
}

export const l2gateway = gateway('gw', 1);
export const l2gatewayTagged = gateway('gwt', 2, 30);
