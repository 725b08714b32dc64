import { once } from 'node:events';
import { ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import {
  type iov_counters,
  iov_countersCodec,
  iov_dest_kind,
  iov_destCodec,
  iov_fdb_keyCodec,
  iov_port_flag,
} from './abi.js';
import { CONFIG_MAPS, u32 } from './entry.js';
import { all, Kernel, more, without } from './testsupport/kernel.js';

const A = '0a:00:00:00:00:01';
const B = '0a:00:00:00:00:02';
const bytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');

const twoPorts = (security?: string[]) => [
  switchIntent('s', 5),
  portIntent('a', 's', 1, { local: true, addresses: [`${A} 10.0.0.1`], portSecurity: security }),
  portIntent('b', 's', 2, { local: true, addresses: [`${B} 10.0.0.2`] }),
];

test('intents become map entries; machines reach each other; a removed port leaves nothing', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const [a, b] = [await kernel.machine(A, '10.0.0.1/24'), await kernel.machine(B, '10.0.0.2/24')];
  t.false(a.pings('10.0.0.2', 1));
  await kernel.plug({ a, b });
  t.false(a.pings('10.0.0.2', 1), 'fail closed: no intent yet');
  const { refusals } = await datapath.apply(all(...twoPorts()));
  t.deepEqual(refusals, []);
  t.deepEqual([...datapath.forwarding.keys()].sort(), ['a', 'b']);
  t.true(a.pings('10.0.0.2'));
  const { ifindex } = await kernel.link(a);
  t.like(kernel.port(1), { ifindex, datapath: 1, port_key: 1 });
  t.true((kernel.port(1).flags & iov_port_flag.IOV_PORT_PEER) !== 0);
  t.true(datapath.counters.ofPort(1).rx_packets > 0n);

  const epoch = kernel.epoch(1);
  await datapath.apply(without({ type: ResourceType.LOGICAL_PORT, id: 'a' }));
  t.is(kernel.epoch(1), epoch + 2, 'before the removals and behind that of iov_fdb');
  t.is(kernel.port(1).flags, 0);
  t.false(a.pings('10.0.0.2', 1));
  t.deepEqual(
    kernel.contents(...CONFIG_MAPS).filter((line) => line.includes('0a0000000001')),
    [],
  );
  t.is(datapath.counters.ofPort(1).rx_packets, 0n, 'the number may go to another port');
  const counters = kernel.read('iov_port_counters', (map) =>
    map.lookupPerCpu(u32(1))!.map((cpu) => iov_countersCodec.decode(cpu)),
  );
  t.true(counters.every(({ rx_packets }: iov_counters) => rx_packets === 0n));
});

test('a restart writes nothing, keeps numbers and loses no packet', async (t) => {
  const kernel = await Kernel.open(t);
  const security = [`${A} 10.0.0.0/24 fd00::/64`, '0a:00:00:00:00:09 10.0.0.9'];
  const intents = [
    ...twoPorts(security),
    chassisIntent('hv2', ['vxlan', '192.0.2.2']),
    portIntent('c', 's', 3, { chassis: 'hv2', addresses: ['0a:00:00:00:00:03 10.0.0.3'] }),
  ];
  const first = await kernel.start();
  first.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  const [a, b] = [await kernel.machine(A, '10.0.0.1/24'), await kernel.machine(B, '10.0.0.2/24')];
  await kernel.plug({ a, b });
  // Numbers that depend on history: a leaves and comes back behind b.
  await first.apply(all(...intents));
  await first.apply(without({ type: ResourceType.LOGICAL_PORT, id: 'a' }));
  await first.apply(more(portIntent('d', 's', 4, { local: true })));
  await first.apply(more(intents[1]!));
  const before = kernel.contents(...CONFIG_MAPS);
  const programs = [first.loaded.modules.entry.id];
  t.true(a.pings('10.0.0.2', 1));

  const traffic = await a.startPings('10.0.0.2');
  const again = await kernel.start();
  t.deepEqual(kernel.contents(...CONFIG_MAPS), before, 'as found, before the coordinator spoke');
  again.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  await kernel.plug({ a, b });
  await again.apply(all(portIntent('d', 's', 4, { local: true }), ...[...intents].reverse()));
  t.deepEqual(await traffic.stop(), { lost: 0 });
  t.deepEqual(again.writer.counters, { updates: 0, deletes: 0 });
  t.deepEqual(kernel.contents(...CONFIG_MAPS), before);
  t.false(programs.includes(again.loaded.modules.entry.id), 'new programs');
  t.true(a.pings('10.0.0.2'));
});

test('what the switch remembers of a port that an agent had removed when it was killed ends before its number is given away', async (t) => {
  const kernel = await Kernel.open(t);
  const first = await kernel.start();
  await first.apply(all(...twoPorts()));
  await first.apply(without({ type: ResourceType.LOGICAL_PORT, id: 'a' }));
  await kernel.stop();
  const epoch = kernel.epoch(1);
  const other = [
    switchIntent('o', 6),
    portIntent('c', 'o', 1, { local: true, addresses: [`${A} 10.0.0.1`] }),
  ];
  const again = await kernel.start();
  await again.apply(all(twoPorts()[0]!, twoPorts()[2]!, ...other));
  t.is(kernel.port(1).datapath, 2, 'the number is another’s');
  t.true(kernel.epoch(1) > epoch);
});

test('what is in the maps and wanted by nobody is swept away, what is damaged is mended', async (t) => {
  const kernel = await Kernel.open(t);
  const first = await kernel.start();
  await first.apply(all(...twoPorts([`${A} 10.0.0.0/24`, `${B} 10.0.0.2`])));
  const before = kernel.contents(...CONFIG_MAPS);
  await kernel.stop();
  for (const name of CONFIG_MAPS) {
    kernel.read(name, (map) => {
      const key =
        map.type === 'array' || name === 'iov_ifindex_overflow' ? u32(77) : Buffer.alloc(map.keySize, 32);
      if (map.type === 'lpm_trie') key.writeUInt32LE(40);
      map.update(key, Buffer.alloc(map.valueSize, 1));
    });
  }
  const damaged = iov_fdb_keyCodec.encode({ datapath: 1, mac: bytes(A) });
  kernel.read('iov_fdb', (map) => map.update(damaged, Buffer.alloc(8, 9)));
  const again = await kernel.start();
  await again.apply(all(...twoPorts([`${A} 10.0.0.0/24`, `${B} 10.0.0.2`])));
  t.deepEqual(kernel.contents(...CONFIG_MAPS), before);
  // And once more within one life: a full commit of a new session.
  kernel.read('iov_fdb', (map) => map.update(damaged, Buffer.alloc(8, 9)));
  await again.apply(all());
  t.deepEqual(kernel.contents(...CONFIG_MAPS), before);
});

test('a resource that does not fit is refused by name, the others are applied, and it heals', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto', { iov_fdb: 2 });
  const mac = (n: number) => `0a:00:00:00:00:0${n}`;
  const ports = ['a', 'b', 'c'].map((id, n) =>
    portIntent(id, 's', n + 1, { local: true, addresses: [`${mac(n)} 10.0.0.${n}`] }),
  );
  const { refusals } = await datapath.apply(all(switchIntent('s', 5), ...ports));
  t.is(refusals.length, 1);
  t.is(refusals[0]!.resource!.type, ResourceType.LOGICAL_PORT);
  t.regex(refusals[0]!.message, /E2BIG|at most 2/);
  t.is(kernel.contents('iov_fdb').length, 2);
  t.is(kernel.contents('iov_arp').length, 3);
  const other = ['a', 'b', 'c'].find((id) => id !== refusals[0]!.resource!.id)!;
  const healed = once(datapath, 'healed');
  await datapath.apply(without({ type: ResourceType.LOGICAL_PORT, id: other }));
  await datapath.apply(more());
  t.deepEqual(datapath.refusals, []);
  const { resource, version } = refusals[0]!;
  t.deepEqual(await healed, [[{ ...resource, version }]], 'the coordinator is to hear of it');
  t.is(kernel.contents('iov_fdb').length, 2);
});

test('a port whose address list does not fit fails closed', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto', { iov_security_ip4: 3 });
  const security = [`${A} 10.0.0.1 10.0.0.2 10.0.0.3`];
  const { refusals } = await datapath.apply(all(...twoPorts(security)));
  t.deepEqual(
    refusals.map(({ resource }) => resource!.id),
    ['a'],
  );
  t.true((kernel.port(1).flags & iov_port_flag.IOV_PORT_FAIL_CLOSED) !== 0);
  const { refusals: none } = await datapath.apply(more(twoPorts([`${A} 10.0.0.1`])[1]!));
  t.deepEqual(none, []);
  t.is(kernel.port(1).flags & iov_port_flag.IOV_PORT_FAIL_CLOSED, 0);
});

test('nonsense from a coordinator is refused, and what was there stays', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  await datapath.apply(all(...twoPorts()));
  const bad = portIntent('a', 's', 1, { local: true });
  if (bad.body?.$case === 'logicalPort')
    bad.body.value.addresses = [{ mac: Buffer.alloc(5), ips: [], vrrp: [] }];
  const { refusals } = await datapath.apply(
    more(bad, portIntent('x', 'nowhere', 1), { id: 'y', version: 1n, body: undefined }),
  );
  t.deepEqual(refusals.map(({ resource }) => resource!.id).sort(), ['a', 'x', 'y']);
  const key = iov_fdb_keyCodec.encode({ datapath: 1, mac: bytes(A) });
  const dest = kernel.read('iov_fdb', (map) => iov_destCodec.decode(map.lookup(key)!));
  t.is(dest.kind, iov_dest_kind.IOV_DEST_UNBOUND);
});

test('no packet is lost while port security is replaced by one that allows the same', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const [a, b] = [await kernel.machine(A, '10.0.0.1/24'), await kernel.machine(B, '10.0.0.2/24')];
  await kernel.plug({ a, b });
  const forms = [
    [`${A} 10.0.0.1`],
    [`${A} 10.0.0.0/24`],
    [`${A} 10.0.0.1`, '0a:00:00:00:00:07 10.0.0.7'],
    [A],
    [`${A} 10.0.0.1/24 10.0.0.8`],
  ];
  await datapath.apply(all(...twoPorts(forms[0])));
  t.true(a.pings('10.0.0.2', 1));
  const traffic = await a.startPings('10.0.0.2');
  for (let round = 0; round < 500; round++)
    await datapath.apply(more(twoPorts(forms[round % forms.length])[1]!));
  t.deepEqual(await traffic.stop(), { lost: 0 });
  // Only the last form is left.
  t.is(kernel.contents('iov_security').length, 1);
  t.is(kernel.contents('iov_security_ip4').length, 5);
});

test('a group of hundreds of members changes at once and leaves no old chunks', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const ids = Array.from({ length: 200 }, (_, index) => `p${index}`);
  const ports = ids.map((id, index) => portIntent(id, 's', index + 1, { chassis: `hv${index}` }));
  const chassis = ids.map((_, index) => chassisIntent(`hv${index}`, ['vxlan', `198.51.100.${index + 1}`]));
  datapath.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  await datapath.apply(all(switchIntent('s', 5), ...ports, ...chassis));
  t.is(kernel.contents('iov_groups').length, 2 * 4, 'flood and flood_l2, four chunks each');
  await datapath.apply(without({ type: ResourceType.LOGICAL_PORT, id: 'p0' }));
  t.is(kernel.contents('iov_groups').length, 2 * 4);
  await datapath.apply(without(...ids.map((id) => ({ type: ResourceType.LOGICAL_PORT, id }))));
  t.is(kernel.contents('iov_groups').length, 0);
});
