import { all, broadcast, host } from '../host.js';
import { everyone, reaches, type Scenario } from '../table.js';
import { ends, ends6, test, typed } from './cases.js';
import { udp4, udp6 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const group = { dst: '01:00:5e:01:02:03', to: '239.1.2.3' };
const local = { dst: '01:00:5e:00:00:05', to: '224.0.0.5' };
const ports = {
  a: { hv: 1, addresses: [all(a)] },
  b: { hv: 1, addresses: [all(host(0x0b))] },
  c: { hv: 2, addresses: [all(c)] },
  f: { hv: 1, addresses: [all(host(0x0d))], options: { mcast_flood: 'true' } },
  g: { hv: 2, addresses: [all(host(0x0e))], options: { mcast_flood: 'true' } },
} as const;

/** other_config:mcast_snoop, with groups that nobody has joined. */
export const multicast: Scenario = {
  setup: {
    name: 'mc',
    otherConfig: { mcast_snoop: 'true', mcast_querier: 'false', mcast_flood_unregistered: 'false' },
    ports,
  },
  cases: [
    test(
      'a group that nobody joined: to mcast_flood ports',
      'a',
      udp4({ ...ends(a, c), ...group }),
      reaches('f', 'g'),
    ),
    test('from the other hypervisor', 'c', udp4({ ...ends(c, a), ...group }), reaches('f', 'g')),
    test('a link-local group: to all', 'a', udp4({ ...ends(a, c), ...local }), everyone),
    test(
      'IPv6, a group that nobody joined',
      'a',
      udp6({ ...ends6(a, c), dst: '33:33:00:00:12:34', to: 'ff0e::1234' }),
      reaches('f', 'g'),
    ),
    test('IPv6, all nodes', 'a', udp6({ ...ends6(a, c), dst: '33:33:00:00:00:01', to: 'ff02::1' }), everyone),
    test('a multicast MAC without IP', 'a', typed(a.mac, '01:00:5e:01:02:03'), everyone),
    test('a broadcast', 'a', typed(a.mac, broadcast), everyone),
  ],
};

/** The same with mcast_flood_unregistered. */
export const multicastFlooded: Scenario = {
  setup: {
    name: 'mcf',
    otherConfig: { mcast_snoop: 'true', mcast_querier: 'false', mcast_flood_unregistered: 'true' },
    ports,
  },
  cases: [
    test('a group that nobody joined: to all', 'a', udp4({ ...ends(a, c), ...group }), everyone),
    test('a link-local group: to all', 'a', udp4({ ...ends(a, c), ...local }), everyone),
  ],
};
