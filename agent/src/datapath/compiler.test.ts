import type { Resource } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import {
  address,
  chassisIntent,
  groupIntent,
  learnedIntent,
  type PortIntent,
  portIntent,
  switchIntent,
} from '../testsupport/intents.js';
import {
  iov_arp_keyCodec,
  iov_datapathCodec,
  iov_dest_kind,
  iov_destCodec,
  iov_fdb_keyCodec,
  iov_port_flag,
  iov_portCodec,
  iov_tunnel_flag,
  iov_tunnelCodec,
} from './abi.js';
import type { TunnelWay } from './compile/tunnelFacts.js';
import { rowAddressText } from './compile/underlay.js';
import { Bench } from './testsupport/bench.js';

const MAC = '0a:00:00:00:00:01';
const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');

test('a local port: its struct, its interface, its tunnel key, its addresses', (t) => {
  const bench = new Bench();
  bench.put(switchIntent('s', 5), portIntent('a', 's', 9, { local: true, addresses: [`${MAC} 10.0.0.1`] }));
  bench.plug('a', { ifindex: 70000, peer: true });
  bench.compile();

  const port = iov_portCodec.decode(bench.entry('iov_ports', 1)!);
  t.is(port.ifindex, 70000);
  t.is(port.port_key, 9);
  t.is(port.datapath, 1);
  t.is(
    port.flags,
    iov_port_flag.IOV_PORT_VALID | iov_port_flag.IOV_PORT_ENABLED | iov_port_flag.IOV_PORT_PEER,
  );
  t.deepEqual(bench.keys('iov_ifindex'), ['70000%65536→1']);
  const fdb = bench.get('iov_fdb', iov_fdb_keyCodec.encode({ datapath: 1, mac: mac(MAC) }));
  t.like(iov_destCodec.decode(fdb!), { kind: iov_dest_kind.IOV_DEST_LOCAL, index: 1, egress_key: 9 });
  t.truthy(bench.get('iov_arp', iov_arp_keyCodec.encode({ datapath: 1, ip: 0x0a000001 })));
  t.is(bench.tunnelDest(5, 9)?.kind, iov_dest_kind.IOV_DEST_LOCAL);
});

test('a local port without a device keeps its number and is known, but unbound', (t) => {
  const bench = new Bench();
  bench.put(switchIntent('s', 5), portIntent('a', 's', 9, { local: true, addresses: [`${MAC} 10.0.0.1`] }));
  bench.compile();
  const port = iov_portCodec.decode(bench.entry('iov_ports', 1)!);
  t.is(port.flags & iov_port_flag.IOV_PORT_VALID, 0);
  t.is(bench.fdb(1, mac(MAC))?.kind, iov_dest_kind.IOV_DEST_UNBOUND);
  t.is(bench.tunnelDest(5, 9), undefined);
  t.false(bench.compiler.isComplete('a'));
  bench.plug('a', { ifindex: 3, peer: false });
  bench.compile();
  t.is(bench.fdb(1, mac(MAC))?.kind, iov_dest_kind.IOV_DEST_LOCAL);
  t.true(bench.compiler.isComplete('a'));
});

test('neither an unknown port nor one that must not be answered for has neighbour entries', (t) => {
  const bench = new Bench();
  const addresses = [`${MAC} 10.0.0.1 fd00::1`];
  bench.put(switchIntent('s', 5), portIntent('a', 's', 1, { addresses, unknown: true }));
  bench.put(portIntent('b', 's', 2, { addresses, up: false }));
  bench.compile();
  t.is(bench.count('iov_arp') + bench.count('iov_nd'), 0);
  bench.put(portIntent('a', 's', 1, { addresses }));
  bench.compile();
  t.is(bench.count('iov_arp'), 1);
  t.is(bench.count('iov_nd'), 1);
});

test('a remote port leads into the tunnel to its chassis, once there is one', (t) => {
  const bench = new Bench();
  bench.put(
    switchIntent('s', 5),
    portIntent('a', 's', 9, { chassis: 'hv2', addresses: [`${MAC} 10.0.0.1`] }),
  );
  bench.compile();
  t.like(bench.fdb(1, mac(MAC)), { kind: iov_dest_kind.IOV_DEST_REMOTE, index: 0 });
  bench.compiler.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  bench.put(chassisIntent('hv2', ['geneve', '192.0.2.2'], ['vxlan', '192.0.2.2']));
  bench.compile();
  t.like(bench.fdb(1, mac(MAC)), { kind: iov_dest_kind.IOV_DEST_REMOTE, index: 1, egress_key: 9 });
  const tunnel = iov_tunnelCodec.decode(bench.entry('iov_tunnels', 1)!);
  t.is(tunnel.flags, iov_tunnel_flag.IOV_TUNNEL_VALID | iov_tunnel_flag.IOV_TUNNEL_RESOLVED);
  t.is(rowAddressText(tunnel.remote_ip), '192.0.2.2');
  t.is(bench.count('iov_tunnel_sources'), 1);
  t.is(bench.count('iov_tunnel_locals'), 1);
  t.deepEqual(bench.members(1, 0x8000, 'remote'), [1]);
});

test('geneve wins over vxlan where both sides have both; no type in common is refused and harms nobody', (t) => {
  const bench = new Bench();
  bench.compiler.setLocalEncaps(['vxlan', 'geneve'].map((type) => ({ type, ip: '192.0.2.1', csum: false })));
  bench.put(
    chassisIntent('both', ['vxlan', '192.0.2.2'], ['geneve', '192.0.2.2']),
    chassisIntent('stt', ['stt', '192.0.2.3']),
  );
  bench.compile();
  t.truthy(iov_tunnelCodec.decode(bench.entry('iov_tunnels', 1)!).flags & iov_tunnel_flag.IOV_TUNNEL_GENEVE);
  // What comes may be of either then, and only then.
  bench.put(
    chassisIntent('geneve', ['geneve', '192.0.2.4']),
    chassisIntent('vxlan', ['vxlan', '192.0.2.5']),
    chassisIntent('elsewhere', ['geneve', '192.0.2.6'], ['vxlan', '192.0.2.7']),
  );
  bench.settle();
  t.deepEqual(rows(bench), [
    '1 192.0.2.1 > 192.0.2.2 GENEVE,EITHER',
    '2 192.0.2.1 > 192.0.2.4 GENEVE',
    '3 192.0.2.1 > 192.0.2.5',
    '4 192.0.2.1 > 192.0.2.6 GENEVE',
  ]);
  bench.compiler.setLocalEncaps([{ type: 'geneve', ip: '192.0.2.1', csum: false }]);
  bench.settle();
  t.is(rows(bench)[0], '1 192.0.2.1 > 192.0.2.2 GENEVE');
  bench.remove(ResourceType.REMOTE_CHASSIS, 'vxlan');
  t.deepEqual(
    [...bench.compiler.refusals.values()].map(({ ref }) => ref.id),
    ['stt'],
  );
  t.regex([...bench.compiler.refusals.values()][0]!.message, /stt 192\.0\.2\.3/);
});

/** The tunnels in the claims: number, addresses, flags. */
function rows(bench: Bench): string[] {
  return [1, 2, 3, 4, 5].flatMap((number) => {
    const value = bench.entry('iov_tunnels', number);
    if (value === undefined) return [];
    const { local_ip, remote_ip, flags } = iov_tunnelCodec.decode(value);
    const names = Object.entries(iov_tunnel_flag).flatMap(([name, bit]) =>
      typeof bit === 'number' && flags & bit && !/VALID|RESOLVED/.test(name) ? [name.slice(11)] : [],
    );
    return [`${number} ${rowAddressText(local_ip)} > ${rowAddressText(remote_ip)} ${names.join()}`.trim()];
  });
}

test('one tunnel to each address of the type that both prefer; a port is reached at its own', (t) => {
  const bench = new Bench();
  const encap = (type: string, ip: string, csum = false) => ({ type, ip, csum });
  const ours = ['192.0.2.1', '192.0.2.11', '2001:db8::1'];
  bench.compiler.setLocalEncaps(['geneve', 'vxlan'].flatMap((type) => ours.map((ip) => encap(type, ip))));
  bench.underlay = {
    ...bench.underlay,
    sourceTo: (ip) => (ip === '192.0.2.3' ? '192.0.2.11' : '203.0.113.1'),
  };
  const encaps = [
    encap('geneve', '192.0.2.2', true),
    encap('geneve', '192.0.2.3'),
    encap('geneve', '2001:DB8:0::2'),
    encap('vxlan', '192.0.2.4'),
  ];
  bench.put({
    id: 'hv2',
    version: 1n,
    body: { $case: 'remoteChassis', value: { name: 'hv2', hostname: 'hv2', encaps } },
  });
  bench.put(switchIntent('s', 5));
  const to = (id: string, key: number, ip?: string) =>
    portIntent(id, 's', key, {
      chassis: 'hv2',
      encapIps: ip === undefined ? {} : { hv2: ip },
      addresses: [`0a:00:00:00:00:0${key}`],
    });
  const tunnels = () => [1, 2, 3, 4].map((key) => bench.fdb(1, mac(`0a:00:00:00:00:0${key}`))?.index);
  bench.put(to('a', 1), to('b', 2, '192.0.2.3'), to('c', 3, '2001:db8::2'), to('d', 4, '192.0.2.4'));
  bench.settle();
  t.deepEqual(rows(bench), [
    '1 192.0.2.1 > 192.0.2.2 GENEVE,CSUM',
    '2 192.0.2.11 > 192.0.2.3 GENEVE',
    '3 2001:db8::1 > 2001:db8::2 GENEVE,IP6',
  ]);
  t.deepEqual(bench.compiler.tunnels.get('hv2')?.[2]?.tunnel.localIps, ['2001:db8::1']);
  t.is(bench.count('iov_tunnel_sources'), 4, 'it may send from each of two to each of two');
  t.is(bench.count('iov_tunnel_sources6'), 1);
  t.deepEqual([bench.count('iov_tunnel_locals'), bench.count('iov_tunnel_locals6')], [2, 1]);
  t.deepEqual(tunnels(), [1, 2, 3, 1], 'an address that is no tunnel of ours: the first');
  bench.put(to('b', 2, '2001:db8::2'));
  bench.settle();
  t.deepEqual(tunnels(), [1, 3, 3, 1]);
  bench.compiler.setLocalEncaps([encap('vxlan', '192.0.2.1')], {
    tos: 'inherit',
    setLocalIp: false,
    df: false,
  });
  bench.settle();
  t.deepEqual(rows(bench), ['4 192.0.2.1 > 192.0.2.4 TOS_INHERIT,FRAGMENTS']);
  t.deepEqual(tunnels(), [4, 4, 4, 4]);
  bench.compiler.setLocalEncaps([encap('geneve', '2001:db8::1')], {
    tos: 0xb8,
    setLocalIp: false,
    df: false,
  });
  bench.settle();
  t.is(
    iov_tunnelCodec.decode(bench.entry('iov_tunnels', tunnels()[0]!)!).header.readUInt32BE(14),
    0x6b800000,
  );
});

test('an equal-cost route: a row for each next hop that answers, by weight; numbers are found again', (t) => {
  const bench = new Bench();
  const way = (ifindex: number, weight: number, mac?: string): TunnelWay => ({
    ifindex,
    weight,
    sourceMac: Buffer.from('0a0000000101', 'hex'),
    nextHopMac: mac === undefined ? undefined : Buffer.from(mac, 'hex'),
  });
  const route = (...[first, ...others]: [TunnelWay, ...TunnelWay[]]) => {
    bench.underlay = { ...bench.underlay, pathOf: () => ({ mtu: 1400, ways: [first, ...others] }) };
    bench.compiler.refreshPaths();
    bench.settle();
    const tunnels = [1, 2, 3, 4].flatMap((number) => {
      const value = bench.entry('iov_tunnels', number);
      if (value === undefined) return [];
      const { ifindex, share, other, flags, mtu } = iov_tunnelCodec.decode(value);
      const resolved = flags & iov_tunnel_flag.IOV_TUNNEL_RESOLVED ? 'resolved' : 'unresolved';
      return [`${number}: by ${ifindex} ${resolved}, flows below ${share}, others ${other}, mtu ${mtu}`];
    });
    return tunnels;
  };
  bench.compiler.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  bench.put(chassisIntent('hv2', ['vxlan', '192.0.2.2']));
  bench.settle();
  t.deepEqual(route(way(7, 1, '0a0000000207'), way(8, 1), way(9, 3, '0a0000000209')), [
    '1: by 7 resolved, flows below 4096, others 2, mtu 1400',
    '2: by 9 resolved, flows below 0, others 0, mtu 1400',
  ]);
  t.deepEqual(rows(bench), ['1 192.0.2.1 > 192.0.2.2', '2 192.0.2.1 > 192.0.2.2 WAY']);
  t.deepEqual(rows(bench.restarted()).length, 1, 'a restarted one sees another route: no second row');
  t.deepEqual(route(way(8, 1), way(9, 3)), ['1: by 8 unresolved, flows below 0, others 0, mtu 1400']);
  const again = route(way(7, 1, '0a0000000207'), way(8, 1, '0a0000000208'), way(9, 2, '0a0000000209'));
  t.deepEqual(again, [
    '1: by 7 resolved, flows below 4096, others 2, mtu 1400',
    '2: by 8 resolved, flows below 8192, others 3, mtu 1400',
    '3: by 9 resolved, flows below 0, others 0, mtu 1400',
  ]);
});

test('groups: enabled ports here, one tunnel a chassis; unknown ports make the unknown group', (t) => {
  const bench = new Bench();
  bench.compiler.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  bench.put(switchIntent('s', 5), chassisIntent('hv2', ['vxlan', '192.0.2.2']));
  for (const [index, id] of ['a', 'b', 'c'].entries()) {
    bench.put(portIntent(id, 's', index + 1, { local: true, enabled: id !== 'b' }));
    bench.plug(id, { ifindex: index + 10, peer: false });
  }
  bench.put(portIntent('d', 's', 4, { chassis: 'hv2' }), portIntent('e', 's', 5, { chassis: 'hv2' }));
  bench.compile();
  t.deepEqual(bench.members(1, 0x8000, 'local'), [1, 3]);
  t.deepEqual(bench.members(1, 0x8000, 'remote'), [1]);
  t.is(iov_datapathCodec.decode(bench.entry('iov_datapaths', 1)!).unknown_group, 0);
  bench.put(portIntent('d', 's', 4, { chassis: 'hv2', unknown: true }));
  bench.compile();
  t.is(iov_datapathCodec.decode(bench.entry('iov_datapaths', 1)!).unknown_group, 0x8001);
  t.deepEqual(bench.members(1, 0x8001, 'local'), []);
  t.deepEqual(bench.members(1, 0x8001, 'remote'), [1]);
  bench.remove(ResourceType.LOGICAL_PORT, 'd');
  bench.compile();
  t.deepEqual(bench.members(1, 0x8000, 'remote'), [1], 'hv2 has another one');
  bench.remove(ResourceType.LOGICAL_PORT, 'e');
  bench.compile();
  t.deepEqual(bench.members(1, 0x8000, 'remote'), []);
});

test('a group that lists its members, and one of more than one chunk', (t) => {
  const bench = new Bench();
  const ids = Array.from({ length: 150 }, (_, index) => `p${index}`);
  const groups = [groupIntent('_MC_flood', 0x8000), groupIntent('239.1.1.1', 0x8010, ['p3', 'p5', 'gone'])];
  bench.put(switchIntent('s', 5, { groups }));
  for (const [index, id] of ids.entries()) {
    bench.put(portIntent(id, 's', index + 1, { local: true }));
    bench.plug(id, { ifindex: index + 10, peer: false });
  }
  bench.compile();
  t.deepEqual(bench.members(1, 0x8010, 'local'), [4, 6]);
  t.is(bench.members(1, 0x8000, 'local').length, 150);
  const before = bench.headGeneration(1, 0x8000);
  bench.plug('p149', undefined);
  bench.compile();
  t.is(bench.members(1, 0x8000, 'local').length, 149);
  t.not(bench.headGeneration(1, 0x8000), before, 'the tail changed: it lies under a new generation');
});

test('two ports with one MAC: the same one has it whatever came first', (t) => {
  const ports = ['a', 'b'].map((id, index) =>
    portIntent(id, 's', index + 1, { chassis: '', addresses: [`${MAC} 10.0.0.1`] }),
  );
  for (const order of [ports, [...ports].reverse()]) {
    const bench = new Bench();
    bench.put(switchIntent('s', 5), ...order);
    bench.compile();
    t.is(bench.fdb(1, mac(MAC))?.egress_key, 1);
    bench.remove(ResourceType.LOGICAL_PORT, 'a');
    bench.compile();
    t.is(bench.fdb(1, mac(MAC))?.egress_key, 2);
  }
});

test('interfaces that share a slot: the lowest has it, the others overflow', (t) => {
  const bench = new Bench();
  bench.put(
    switchIntent('s', 5),
    portIntent('a', 's', 1, { local: true }),
    portIntent('b', 's', 2, { local: true }),
  );
  bench.plug('a', { ifindex: 65536 + 7, peer: false });
  bench.compile();
  t.deepEqual(bench.keys('iov_ifindex'), ['65543%65536→1']);
  bench.plug('b', { ifindex: 7, peer: false });
  bench.compile();
  t.deepEqual(bench.keys('iov_ifindex'), ['7%65536→2']);
  t.is(bench.count('iov_ifindex_overflow'), 1);
  bench.plug('b', undefined);
  bench.compile();
  t.deepEqual(bench.keys('iov_ifindex'), ['65543%65536→1']);
  t.is(bench.count('iov_ifindex_overflow'), 0);
});

test('two switches with one tunnel key: the second is refused, its ports too, until the first leaves', (t) => {
  const bench = new Bench();
  bench.put(switchIntent('s1', 5), switchIntent('s2', 5), portIntent('p', 's2', 1, { addresses: [MAC] }));
  bench.compile();
  t.deepEqual([...bench.compiler.refusals.values()].map(({ ref }) => ref.id).sort(), ['p', 's2']);
  bench.remove(ResourceType.LOGICAL_SWITCH, 's1');
  bench.settle();
  t.is(bench.compiler.refusals.size, 0);
  t.is(bench.count('iov_fdb'), 1);
});

test('a number that was given back goes to nobody else before the maps are written', (t) => {
  const bench = new Bench();
  bench.put(switchIntent('s', 5), portIntent('a', 's', 1, { local: true }));
  bench.compile();
  bench.remove(ResourceType.LOGICAL_PORT, 'a');
  bench.put(portIntent('b', 's', 2, { local: true }));
  bench.compile();
  t.truthy(bench.entry('iov_ports', 2));
  t.is(bench.entry('iov_ports', 1), undefined);
  bench.settle();
  bench.put(portIntent('c', 's', 3, { local: true }));
  bench.compile();
  t.truthy(bench.entry('iov_ports', 1));
});

test('without a free number a port is refused, and taken when one is given back', (t) => {
  const bench = new Bench({ ports: 3 });
  bench.put(
    switchIntent('s', 5),
    ...['a', 'b', 'c'].map((id, index) => portIntent(id, 's', index + 1, { local: true })),
  );
  bench.compile();
  t.deepEqual(
    [...bench.compiler.refusals.values()].map(({ ref }) => ref.id),
    ['c'],
  );
  bench.remove(ResourceType.LOGICAL_PORT, 'a');
  bench.settle();
  t.is(bench.compiler.refusals.size, 0);
});

/** A small world in which ports, switches, chassis, taps, networks and learned MACs come, change and go at random. */
function randomStep(random: (limit: number) => number, bench: Bench): void {
  const switches = ['s0', 's1', 's2'];
  const pick = <T>(list: readonly T[]) => list[random(list.length)]!;
  const port = `p${random(8)}`;
  const actions: (() => void)[] = [
    () => {
      // Keys change but do not clash: northd sees to that, and who wins otherwise is a matter of who came first.
      const index = random(3);
      bench.put(switchIntent(switches[index]!, 1 + index * 2 + random(2), { vlanPassthru: random(2) === 0 }));
    },
    () => bench.remove(ResourceType.LOGICAL_SWITCH, pick(switches)),
    () => {
      const index = random(2);
      const ip = `192.0.2.${2 + index * 2 + random(2)}`;
      bench.put(chassisIntent(`hv${2 + index}`, [pick(['vxlan', 'geneve', 'stt']), ip]));
    },
    () => bench.remove(ResourceType.REMOTE_CHASSIS, pick(['hv2', 'hv3'])),
    () =>
      bench.plug(
        port,
        random(3) === 0 ? undefined : { ifindex: pick([7, 65543, 9, 10]), peer: random(2) === 0 },
      ),
    () => bench.wire(pick(['physnet1', 'physnet2']), pick([undefined, 7, 20, 65556])),
    () => bench.put(randomLearned(random, `l${random(4)}`, pick(switches))),
    () => bench.remove(ResourceType.LEARNED_MAC, `l${random(4)}`),
    () => bench.compiler.activate(port),
    () => bench.remove(ResourceType.LOGICAL_PORT, port),
    ...Array.from({ length: 6 }, () => () => bench.put(randomPort(random, port, pick(switches)))),
  ];
  pick(actions)();
}

function randomLearned(random: (limit: number) => number, id: string, switchId: string): Resource {
  return learnedIntent(id, switchId, `0a:00:00:00:00:0${random(4)}`, 1 + random(16));
}

function randomPort(random: (limit: number) => number, id: string, switchId: string): Resource {
  const pick = <T>(list: readonly T[]) => list[random(list.length)]!;
  const addresses = Array.from(
    { length: random(3) },
    () => `0a:00:00:00:00:0${random(4)} 10.0.0.${random(4)} fd00::${random(3)}`,
  );
  const security = pick([
    [],
    [`${MAC} 10.0.0.1`],
    [`${MAC} 10.0.0.0/24`, '0a:00:00:00:00:02 10.0.0.5/24 fd00::/64'],
    [`VRRPv3 ${MAC} 00:00:5e:00:01:00/46 00:00:5e:00:02:05`],
    [MAC, `VRRPv3 ${MAC} 00:00:5e:00:01:04/47 00:00:5e:00:02:05 10.0.0.9 fd00::9`],
  ]);
  const type = pick([
    '',
    '',
    '',
    '',
    'localnet',
    'localnet',
    'l2gateway',
    'localport',
    'virtual',
    'external',
    'router',
  ]);
  const tag = random(3);
  const more: PortIntent = {
    type,
    local: type === 'localnet' || type === 'localport' || random(2) === 0,
    chassis: pick(['', 'hv2', 'hv3']),
    additionalChassis: pick([[], [], [], ['hv2'], ['hv3', 'hv1']]),
    enabled: random(4) > 0,
    unknown: random(4) === 0,
    addresses,
    portSecurityEnabled: random(2) === 0,
    portSecurity: security,
    failClosed: random(6) === 0 ? 'ACL' : '',
    tag,
    tagEthertype: pick([0, 0x8100, 0x88a8]),
    parent: tag > 0 && type === '' ? pick(['', 'p0', 'p1']) : '',
    network: type === 'localnet' || type === 'l2gateway' ? pick(['physnet1', 'physnet2']) : '',
    learn: random(3) === 0,
    virtualAddresses: pick([[], [], [{ portId: 'p2', ip: Buffer.from([10, 0, 0, 9]) }]]),
    qosMaxRate: pick([0n, 0n, 8_000_000n]),
    qosBurst: pick([0n, 10_000_000n]),
    awaitsRarp: random(3) === 0,
  };
  return portIntent(id, switchId, 1 + Number(id.slice(1)) * 2 + random(2), more);
}

test('whatever happened before, the entries are those of a full recompute', (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    let state = seed;
    const random = (limit: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor((state / 2147483648) * limit);
    };
    const bench = new Bench();
    bench.compiler.setLocalEncaps(
      ['vxlan', 'geneve'].map((type) => ({ type, ip: '192.0.2.1', csum: false })),
    );
    for (let step = 0; step < 120; step++) {
      randomStep(random, bench);
      if (random(3) > 0) continue;
      bench.settle();
      const fresh = bench.restarted();
      t.deepEqual(fresh.text(), bench.text(), `seed ${seed}, step ${step}`);
      t.deepEqual([...fresh.compiler.refusals.keys()].sort(), [...bench.compiler.refusals.keys()].sort());
    }
  }
});

test('the addresses of the test helper are as the coordinator sends them', (t) => {
  const { mac: bytes, ips } = address('0a:00:00:00:00:01 10.0.1.5/24 fd00::1');
  t.is(Buffer.from(bytes).toString('hex'), '0a0000000001');
  t.deepEqual(
    ips.map(({ address: ip, prefixLength }) => [ip.length, prefixLength]),
    [
      [4, 24],
      [16, 128],
    ],
  );
});
