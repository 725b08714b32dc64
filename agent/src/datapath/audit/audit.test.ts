import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { BpfLink, BpfMap } from '@iovisor-ovn/libbpf';
import { type Resource, ResourceType } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { chassisIntent, portIntent, switchIntent } from '../../testsupport/intents.js';
import { SECURITY_EGRESS } from '../abi.js';
import type { Datapath } from '../datapath.js';
import { type ConfigMap, u32 } from '../entry.js';
import { all, Kernel, more, without } from '../testsupport/kernel.js';

const mac = (n: number) => `0a:00:00:00:00:${n.toString(16).padStart(2, '0')}`;

function intents(): Resource[] {
  const security = [`${mac(1)} 10.0.0.0/24 fd00::/64`, `${mac(9)} 10.0.0.9`];
  return [
    switchIntent('s', 5),
    chassisIntent('hv2', ['vxlan', '192.0.2.2']),
    portIntent('a', 's', 1, {
      local: true,
      addresses: [`${mac(1)} 10.0.0.1 fd00::1`],
      portSecurity: security,
    }),
    portIntent('b', 's', 2, {
      local: true,
      addresses: [`${mac(2)} 10.0.0.2`],
      qosMaxRate: 1_000_000n,
    }),
    ...Array.from({ length: 100 }, (_, n) =>
      portIntent(`r${n}`, 's', 10 + n, { chassis: 'hv2', addresses: [`${mac(10 + n)} 10.0.1.${n}`] }),
    ),
  ];
}

async function configured(t: ExecutionContext): Promise<{ kernel: Kernel; datapath: Datapath }> {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const [a, b] = [await kernel.machine(mac(1), '10.0.0.1/24'), await kernel.machine(mac(2), '10.0.0.2/24')];
  await kernel.plug({ a, b });
  datapath.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  t.is((await datapath.audit()).error.slice(0, 14), 'no coordinator', 'nothing to compare with yet');
  const { refusals } = await datapath.apply(all(...intents()));
  t.deepEqual(refusals, []);
  await datapath.attachments.settled();
  return { kernel, datapath };
}

const texts = (audit: Awaited<ReturnType<Datapath['audit']>>) =>
  audit.differences.map(({ where, key, wanted, found, unit }) => [where, key, wanted, found, unit].join('|'));

/** Some entry of each configuration map that has one. */
const TAMPERED: readonly ConfigMap[] = [
  'iov_ifindex',
  'iov_ports',
  'iov_datapaths',
  'iov_fdb',
  'iov_arp',
  'iov_nd',
  'iov_groups',
  'iov_security',
  'iov_security_ip4',
  'iov_security_ip6',
  'iov_rates',
  'iov_tunnel_dests',
  'iov_tunnel_locals',
];

test('what somebody changes, deletes or adds in a map is found, with whose it is, and repaired', async (t) => {
  const { kernel, datapath } = await configured(t);
  const before = await datapath.audit();
  t.log(`${before.milliseconds} ms`);
  t.deepEqual(texts(before), []);
  t.true(before.entries > 200, `${before.entries}`);
  t.is(before.rounds, 1);
  const written = datapath.writer.counters.updates;
  const tampered = TAMPERED.map((name) => {
    const map = BpfMap.openPinned(join(kernel.versioned, 'maps', name));
    t.teardown(() => map.close());
    const [key, value] = [...map.entries()].find(([, bytes]) => bytes.some((byte) => byte !== 0))!;
    return { name, map, key, value };
  });
  for (const { map, key, value } of tampered) {
    const other = Buffer.from(value);
    other[other.length - 1]! ^= 1;
    map.update(key, other);
  }
  const changed = await datapath.audit();
  t.deepEqual(
    changed.differences.map(({ where, wanted, found }) => [where, wanted !== found && found !== '']).sort(),
    TAMPERED.map((name) => [name, true]).sort(),
    `${texts(changed)}`,
  );
  t.is(datapath.writer.counters.updates, written, 'an audit writes nothing');
  for (const { map, key, value } of tampered) {
    if (map.type === 'array') map.update(key, Buffer.alloc(value.length));
    else map.delete(key);
  }
  const deleted = await datapath.audit(true);
  t.deepEqual(
    deleted.differences.map(({ where, found }) => [where, found]).sort(),
    TAMPERED.map((name) => [name, '']).sort(),
  );
  t.is(deleted.repaired, TAMPERED.length);
  for (const { name, map, key, value } of tampered) t.deepEqual(map.lookup(key), value, `${name} repaired`);
  const extra = Buffer.alloc(12);
  extra.writeUInt32LE(64);
  extra.writeUInt32LE(SECURITY_EGRESS + 77, 4);
  kernel.read('iov_security_ip4', (map) => map.update(extra, Buffer.from([1])));
  kernel.read('iov_tunnels', (map) => map.update(u32(77), Buffer.alloc(map.valueSize, 1)));
  const added = await datapath.audit(true);
  t.deepEqual(added.differences.map(({ where, wanted }) => [where, wanted]).sort(), [
    ['iov_security_ip4', ''],
    ['iov_tunnels', ''],
  ]);
  t.deepEqual(texts(await datapath.audit()), []);
});

test('a program taken off a tap, or another in its place, and pins that are gone or lead elsewhere are found and repaired', async (t) => {
  const { kernel, datapath } = await configured(t);
  const [ifindex] = [...datapath.attachments.list('entry')];
  const pin = join(kernel.versioned, 'links', `entry-${ifindex}`);
  const link = BpfLink.openPinned(pin);
  const { entry, uplink } = datapath.loaded.modules;
  link.update(uplink);
  const other = await datapath.audit();
  t.deepEqual(
    other.differences.map(({ kind, wanted, found }) => [kind, wanted, found]),
    [['attachment', `program ${entry.id}`, `program ${uplink.id}`]],
  );
  link.detach();
  link.close();
  const detached = await datapath.audit(true);
  t.deepEqual(
    detached.differences.map(({ kind, key, found }) => [kind, key, found]),
    [['attachment', 'entry program', '']],
  );
  t.deepEqual(texts(await datapath.audit()), []);
  // Who is killed now would take the link with it.
  unlinkSync(pin);
  const lost = await datapath.audit(true);
  t.deepEqual(
    lost.differences.map(({ kind, key, wanted, found }) => [kind, key, wanted, found]),
    [['pin', 'entry link', 'pinned', '']],
  );
  t.true(existsSync(pin));
  t.deepEqual(texts(await datapath.audit()), []);
  const maps = (name: string) => join(kernel.versioned, 'maps', name);
  unlinkSync(maps('iov_fdb'));
  unlinkSync(maps('iov_ports'));
  datapath.loaded.maps.iov_arp.pin(maps('iov_ports'));
  const unpinned = await datapath.audit(true);
  t.deepEqual(unpinned.differences.map(({ kind, where }) => [kind, where]).sort(), [
    ['pin', maps('iov_fdb')],
    ['pin', maps('iov_ports')],
  ]);
  const { iov_programs } = datapath.loaded.maps;
  iov_programs.updateFd(u32(1), entry);
  const chained = await datapath.audit();
  t.deepEqual(
    chained.differences.map(({ where, key }) => `${where} ${key}`),
    ['iov_programs slot 1'],
  );
});

test('under a stream of changes there is no false alarm, and what is wrong is found all the same', async (t) => {
  const { kernel, datapath } = await configured(t);
  let stop = false;
  let changes = 0;
  const churn = (async () => {
    for (let n = 0; !stop; n = (n + 1) % 50) {
      const id = `r${n}`;
      await datapath.apply(without({ type: ResourceType.LOGICAL_PORT, id }));
      await datapath.apply(
        more(portIntent(id, 's', 10 + n, { chassis: 'hv2', addresses: [`${mac(10 + n)} 10.0.1.${n}`] })),
      );
      changes += 2;
      await setImmediate();
    }
  })();
  t.teardown(() => {
    stop = true;
  });
  let audits = 0;
  for (; audits < 8; audits++) t.deepEqual(texts(await datapath.audit()), []);
  kernel.read('iov_nd', (map) => map.delete([...map.keys()][0]!));
  const tampered = await datapath.audit();
  t.deepEqual(
    tampered.differences.map(({ where }) => where),
    ['iov_nd'],
  );
  stop = true;
  await churn;
  t.log(`${audits} audits during ${changes} changes`);
  t.true(changes > audits);
});
