import { ether, igmp, igmp3, igmpPacket, mld, mld2, mldPacket } from '@iovisor-ovn/iomodules/testing';
import { until } from '../../lab/index.js';
import { all, broadcast, type Host, host } from '../host.js';
import { type Prepare, sent } from '../prepare.js';
import { type Case, dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, ends6, test, typed } from './cases.js';
import { ethertype, udp4, udp6 } from './packets.js';

const a = host(0x0a);
const b = host(0x0b);
const c = host(0x0c);
const group = { dst: '01:00:5e:01:02:03', to: '239.1.2.3' };
const local = { dst: '01:00:5e:00:00:05', to: '224.0.0.5' };
const ports = {
  a: { hv: 1, addresses: [all(a)] },
  b: { hv: 1, addresses: [all(b)] },
  c: { hv: 2, addresses: [all(c)] },
  f: { hv: 1, addresses: [all(host(0x0d))], options: { mcast_flood: 'true' } },
  r: { hv: 2, addresses: [all(host(0x0f))], options: { mcast_flood_reports: 'true' } },
  g: { hv: 2, addresses: [all(host(0x0e))], options: { mcast_flood: 'true' } },
} as const;

/** An IGMP or MLD message of a machine. */
const igmpOf = (who: Host, message: Buffer, { dst, to } = group): Buffer =>
  ether({ src: who.mac, dst, type: ethertype.ip4 }, igmpPacket(who.ip4, to, message));
const mldOf = (who: Host, message: Buffer, to: string): Buffer =>
  ether({ src: who.mac, dst: '33:33:00:00:00:16', type: ethertype.ip6 }, mldPacket(who.lla, to, message));

/** Its last byte is another. */
function broken(frame: Buffer): Buffer {
  const wrong = Buffer.from(frame);
  wrong[wrong.length - 1]! ^= 1;
  return wrong;
}

const reporters = { dst: '01:00:5e:00:00:16', to: '224.0.0.22' };
const hosts = { dst: '01:00:5e:00:00:01', to: '224.0.0.1' };
const routers = { dst: '01:00:5e:00:00:02', to: '224.0.0.2' };
const join2 = (who: Host) => igmpOf(who, igmp(0x16, group.to));
const leave2 = (who: Host) => igmpOf(who, igmp(0x17, group.to), routers);
const record3 = (who: Host, type: number) => igmpOf(who, igmp3([{ type, group: group.to }]), reporters);
const to4 = (who: Host) => udp4({ ...ends(who, c), ...group });
const to6 = (who: Host, to: string, dst = '33:33:00:00:12:34') => udp6({ ...ends6(who, c), dst, to });
const wide = 'ff0e::1234';
const solicitedNode = 'ff02::1:ff00:99';

/** So many rows of IGMP_Group say that somebody joined the address. The frame is sent again until they do. */
const joined =
  (from: string, frame: Buffer, address: string, rows: number): Prepare =>
  async (stage, made) => {
    await until(`${rows} rows of IGMP_Group with ${address}`, async () => {
      await sent(from, frame)(stage, made);
      const found = await stage.lab.central.sbctl(
        '--bare',
        '--columns=_uuid',
        'find',
        'IGMP_Group',
        `address="${address}"`,
        'ports!=[]',
      );
      return found.split('\n').filter((line) => line !== '').length === rows;
    });
    await stage.lab.sync();
  };
const after = (prepare: Prepare, one: Case): Case => ({ ...one, prepare });

/** other_config:mcast_snoop: who joined gets it, and ports with mcast_flood. */
export const multicast: Scenario = {
  setup: {
    name: 'mc',
    otherConfig: { mcast_snoop: 'true', mcast_querier: 'false', mcast_flood_unregistered: 'false' },
    ports,
  },
  cases: [
    test('a group that nobody joined: to mcast_flood ports', 'a', to4(a), reaches('f', 'g')),
    test('from the other hypervisor', 'c', to4(c), reaches('f', 'g')),
    test('a link-local group: to all', 'a', udp4({ ...ends(a, c), ...local }), everyone),
    test('IPv6, a group that nobody joined', 'a', to6(a, wide), reaches('f', 'g')),
    test('IPv6, all nodes', 'a', to6(a, 'ff02::1', '33:33:00:00:00:01'), everyone),
    test('IPv6, a reserved address', 'a', to6(a, 'ff0b::', '33:33:00:00:00:00'), everyone),
    test('IPv6, solicited nodes', 'a', to6(a, solicitedNode, '33:33:ff:00:00:99'), everyone),
    test('a multicast MAC without IP', 'a', typed(a.mac, '01:00:5e:01:02:03'), everyone),
    test('an IPv6 group in a MAC of IPv4', 'a', to6(a, wide, group.dst), everyone),
    test('a broadcast', 'a', typed(a.mac, broadcast), everyone),
    after(
      joined('b', join2(b), group.to, 1),
      test('a group that one joined by IGMPv2', 'a', to4(a), reaches('b', 'f', 'g')),
    ),
    test('from the other hypervisor, to the one that joined', 'c', to4(c), reaches('b', 'f', 'g')),
    test('from the one that joined', 'b', to4(b), reaches('f', 'g')),
    after(
      joined('c', record3(c, 4), group.to, 2),
      test('a group that another joined by IGMPv3', 'a', to4(a), reaches('b', 'c', 'f', 'g')),
    ),
    after(
      joined('b', leave2(b), group.to, 1),
      test('after one left by IGMPv2', 'a', to4(a), reaches('c', 'f', 'g')),
    ),
    after(
      joined('c', record3(c, 3), group.to, 0),
      test('after the other left by IGMPv3', 'a', to4(a), reaches('f', 'g')),
    ),
    after(
      joined('b', mldOf(b, mld(131, wide), wide), wide, 1),
      test('IPv6, a group that one joined by MLDv1', 'a', to6(a, wide), reaches('b', 'f', 'g')),
    ),
    after(
      joined('c', mldOf(c, mld2([{ type: 4, group: wide }]), 'ff02::16'), wide, 2),
      test('IPv6, a group that another joined by MLDv2', 'a', to6(a, wide), reaches('b', 'c', 'f', 'g')),
    ),
    after(
      joined('b', mldOf(b, mld(132, wide), 'ff02::2'), wide, 1),
      test('IPv6, after one left by MLDv1', 'a', to6(a, wide), reaches('c', 'f', 'g')),
    ),
    after(
      joined('c', mldOf(c, mld2([{ type: 4, group: solicitedNode }]), 'ff02::16'), solicitedNode, 1),
      test(
        'IPv6, solicited nodes that joined',
        'a',
        to6(a, solicitedNode, '33:33:ff:00:00:99'),
        reaches('c', 'f', 'g'),
      ),
    ),
    after(
      joined('c', mldOf(c, mld2([{ type: 4, group: 'ff02::2' }]), 'ff02::16'), 'ff02::2', 1),
      test(
        'IPv6, all routers, though somebody joined',
        'a',
        to6(a, 'ff02::2', '33:33:00:00:00:02'),
        everyone,
      ),
    ),
    after(
      joined('b', igmpOf(b, igmp(0x16, local.to), local), local.to, 1),
      test('a link-local group, though somebody joined', 'a', udp4({ ...ends(a, c), ...local }), everyone),
    ),
    test('a report: to mcast_flood_reports ports', 'b', join2(b), reaches('r')),
    test('a leave: the same', 'b', leave2(b), reaches('r')),
    test('an MLD report: the same', 'c', mldOf(c, mld(131, wide), wide), reaches('r')),
    test('a report with a wrong checksum', 'b', broken(join2(b)), dropped('malformed')),
    test('an IGMP message of another kind', 'b', igmpOf(b, igmp(0x13, group.to)), dropped('mcast_message')),
    test('a query: to all', 'a', igmpOf(a, igmp(0x11, '0.0.0.0'), hosts), everyone),
    after(
      joined('a', igmpOf(a, igmp(0x11, '0.0.0.0'), hosts), 'mrouters', 1),
      test('a report: also to the port with a multicast router', 'c', join2(c), reaches('a', 'r')),
    ),
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
