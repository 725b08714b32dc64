import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { Client, Replica } from '@iovisor-ovn/ovsdb-client';
import test from 'ava';
import type { Open_vSwitchTables } from '../gen/vswitch.js';
import { enterPrivateNetns, ip, ipBatch } from '../netlink/testsupport/privateNetns.js';
import { Hypervisor } from './testsupport/hypervisor.js';

test.before(() => enterPrivateNetns());

const plug = (hv: Hypervisor, tap: string, id: string) =>
  hv.db.vsctl(`add-port br-int ${tap} -- set Interface ${tap} external_ids:iface-id=${id}`);

test.serial('a fresh database gets br-int as ovn-controller would make it', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  await hv.db.vsctl('--no-wait wait-until Interface br-int ofport=65534');
  const bridge = (column: string) => hv.db.get('Bridge', 'br-int', column);
  t.is(await bridge('fail_mode'), 'secure');
  t.is(await bridge('datapath_type'), 'system');
  t.is(await bridge('other_config:disable-in-band'), '"true"');
  t.regex(await bridge('external_ids:ovn-startup-ts'), /^"\d{13}"$/);
  t.regex(await bridge('datapath_id'), /^"0000[0-9a-f]{12}"$/);
  t.is(await hv.db.get('Interface', 'br-int', 'type'), 'internal');
  t.is(await hv.db.get('Open_vSwitch', '.', 'iface_types'), '[geneve, internal, patch, system, tap, vxlan]');
  t.is(await hv.db.get('Open_vSwitch', '.', 'datapath_types'), '[netdev, system]');
  t.deepEqual(hv.problems(), []);
  const uuid = await bridge('_uuid');
  await hv.db.vsctl('del-br br-int');
  await hv.db.vsctl('wait-until Interface br-int ofport=65534');
  t.not(await bridge('_uuid'), uuid, 'it comes back when somebody deletes it');
});

test.serial('add-port of a tap: ovs-vsctl returns without --no-wait, and the port is plugged', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add ta1 mode tap');
  ip('link set ta1 address 02:00:00:00:0a:01');
  const { stderr } = await plug(hv, 'ta1', 'port1');
  t.is(stderr, '');
  // When ovs-vsctl returns, all of the effect is in the database.
  t.is(await hv.db.get('Interface', 'ta1', 'ofport'), '1');
  t.is(await hv.db.get('Interface', 'ta1', 'error'), '[]');
  t.is(await hv.db.get('Interface', 'ta1', 'mac_in_use'), '"02:00:00:00:0a:01"');
  t.is(await hv.db.get('Interface', 'ta1', 'admin_state'), 'up');
  t.is(await hv.db.get('Interface', 'ta1', 'link_state'), 'down');
  const plugged = hv.taps.plugged.get('port1')!;
  t.is(await hv.db.get('Interface', 'ta1', 'ifindex'), String(plugged.ifindex));
  t.deepEqual(plugged, {
    uuid: await hv.db.get('Interface', 'ta1', '_uuid'),
    name: 'ta1',
    ifindex: plugged.ifindex,
    shownIfindex: plugged.ifindex,
    ifaceId: 'port1',
    ifaceIdVer: undefined,
    encapIp: undefined,
    mac: '02:00:00:00:0a:01',
  });
  t.deepEqual([...hv.taps.devices], [[plugged.ifindex, 'ta1']]);

  // Its state follows the device.
  ip('link set ta1 down');
  await hv.db.vsctl('wait-until Interface ta1 admin_state=down');
  ip('link set ta1 mtu 1400');
  await hv.db.vsctl('wait-until Interface ta1 mtu=1400');
  await hv.db.vsctl('set Interface ta1 mtu_request=1300');
  t.is(await hv.db.get('Interface', 'ta1', 'mtu'), '1300');
  t.is(await hv.db.get('Interface', 'ta1', 'admin_state'), 'down', 'who set it down is not fought');

  await hv.db.vsctl('del-port ta1');
  t.is(hv.taps.plugged.size, 0);
  t.is(hv.taps.devices.size, 0);
  ip('link del ta1');
});

test.serial('add-br and ports of another bridge are answered too, and are not plugged here', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tb1 mode tap');
  await hv.db.vsctl('add-br br-ex');
  t.is(await hv.db.get('Interface', 'br-ex', 'ofport'), '65534');
  const { stderr } = await hv.db.vsctl('add-port br-ex tb1 -- set Interface tb1 external_ids:iface-id=x');
  t.is(stderr, '');
  t.is(await hv.db.get('Interface', 'tb1', 'ofport'), '1');
  t.is(hv.taps.devices.size, 0);
  t.is(hv.taps.plugged.size, 0);
  await hv.db.vsctl('add-port br-int pa -- set Interface pa type=patch options:peer=pb');
  t.is(await hv.db.get('Interface', 'pa', 'ofport'), '1');
  t.is(hv.taps.devices.size, 0, 'a patch port has no device');
  ip('link del tb1');
});

test.serial('a device without iface-id is among the devices, not among the plugged ports', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tc1 mode tap');
  await hv.db.vsctl('add-port br-int tc1');
  t.deepEqual([...hv.taps.devices.values()], ['tc1']);
  t.is(hv.taps.plugged.size, 0);
  await hv.db.vsctl('set Interface tc1 external_ids:iface-id=c external_ids:iface-id-ver=7');
  t.like(hv.taps.plugged.get('c'), { name: 'tc1', ifaceIdVer: '7' });
  await hv.db.vsctl('set Interface tc1 external_ids:iface-id=d external_ids:encap-ip=192.0.2.7');
  t.deepEqual([...hv.taps.plugged.keys()], ['d']);
  t.is(hv.taps.plugged.get('d')?.encapIp, '192.0.2.7');
  await hv.db.vsctl('remove Interface tc1 external_ids iface-id');
  t.is(hv.taps.plugged.size, 0);
  t.deepEqual([...hv.taps.devices.values()], ['tc1']);
  ip('link del tc1');
  await hv.until(() => hv.taps.devices.size === 0);
});

test.serial(
  'a missing device: ovs-vsctl returns 0 with a warning; it heals when the device appears',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    const { stderr } = await plug(hv, 'td1', 'd');
    const error = 'could not open network device td1 (No such device)';
    t.true(stderr.includes(`Error detected while setting up 'td1': ${error}`), stderr);
    t.is(await hv.db.get('Interface', 'td1', 'ofport'), '-1');
    t.is(await hv.db.get('Interface', 'td1', 'error'), JSON.stringify(error));
    t.deepEqual(hv.problems(), [`td1 name: ${error}; not plugged until that changes`]);
    t.is(hv.taps.problems[0]?.where, 'Open_vSwitch (hv1)');
    t.is(hv.taps.plugged.size, 0);
    ip('tuntap add td1 mode tap');
    await hv.until(() => hv.taps.plugged.has('d'));
    await hv.db.vsctl('wait-until Interface td1 ofport=1 error=[]');
    t.deepEqual(hv.problems(), []);
    ip('link del td1');
    await hv.until(() => !hv.taps.plugged.has('d'));
    await hv.db.vsctl('wait-until Interface td1 ofport=-1 ifindex=[] mac_in_use=[] mtu=[] admin_state=[]');
  },
);

test.serial(
  'a tap made anew under its name is plugged with its new ifindex and keeps its number',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    for (const tap of ['te1', 'te2']) ip(`tuntap add ${tap} mode tap`);
    await plug(hv, 'te1', 'e1');
    await plug(hv, 'te2', 'e2');
    const before = hv.taps.plugged.get('e1')!.ifindex;
    ip('link del te1');
    ip('tuntap add te1 mode tap');
    await hv.until(() => (hv.taps.plugged.get('e1')?.ifindex ?? before) !== before);
    const now = hv.taps.plugged.get('e1')!.ifindex;
    await hv.db.vsctl(`wait-until Interface te1 ifindex=${now} ofport=1 admin_state=up`);
    t.false(hv.taps.devices.has(before));
    t.is(hv.taps.devices.get(now), 'te1');
    // A device that takes the name of one that is plugged.
    ip('link set te1 name te9');
    await hv.until(() => !hv.taps.plugged.has('e1'));
    ip('link set te2 down');
    ip('link set te2 name te1');
    await hv.until(() => hv.taps.plugged.get('e1')?.name === 'te1' && !hv.taps.plugged.has('e2'));
    ip('link del te1');
    ip('link del te9');
  },
);

test.serial('numbers: kept over an agent restart, requests honoured, never two of one', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const taps = ['tf1', 'tf2', 'tf3', 'tf4'];
  for (const tap of taps) ip(`tuntap add ${tap} mode tap`);
  await plug(hv, 'tf1', 'f1');
  await hv.db.vsctl('add-port br-int tf2 -- set Interface tf2 ofport_request=40');
  await hv.db.vsctl('add-port br-int tf3 -- set Interface tf3 ofport_request=40');
  const numbers = async () => {
    const all = taps.slice(0, 3).map((tap) => hv.db.get('Interface', tap, 'ofport'));
    return (await Promise.all(all)).map(Number);
  };
  t.deepEqual(await numbers(), [1, 40, 41]);
  await hv.db.vsctl('set Interface tf1 ofport_request=7');
  t.deepEqual(await numbers(), [7, 40, 41]);
  ip('link set tf1 down');
  await hv.taps.stop();
  // While the agent is away the taps are used up to the highest, and one number is spoilt.
  await hv.db.vsctl('--no-wait remove Interface tf1 ofport_request 7');
  await hv.db.vsctl('--no-wait add-port br-int tf4');
  await hv.startTaps();
  await hv.db.vsctl('wait-until Interface tf4 ofport>0');
  t.deepEqual(await numbers(), [7, 40, 41]);
  t.is(await hv.db.get('Interface', 'tf4', 'ofport'), '42');
  t.is(await hv.db.get('Interface', 'tf1', 'admin_state'), 'down', 'a restart does not touch devices');
  for (const tap of taps) ip(`link del ${tap}`);
});

test.serial('two with one iface-id: the first keeps it, also over a restart, until it goes', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  for (const tap of ['tg1', 'tg2']) ip(`tuntap add ${tap} mode tap`);
  await plug(hv, 'tg1', 'g');
  await plug(hv, 'tg2', 'g');
  const problem =
    'tg2 external_ids:iface-id: iface-id "g" belongs to Interface tg1 already; tg2 is not plugged as that port';
  t.is(hv.taps.plugged.get('g')?.name, 'tg1');
  t.deepEqual(hv.problems(), [problem]);
  t.is(hv.taps.devices.size, 2);
  await hv.taps.stop();
  await hv.startTaps();
  t.is(hv.taps.plugged.get('g')?.name, 'tg1');
  t.deepEqual(hv.problems(), [problem]);
  await hv.db.vsctl('del-port tg1');
  t.is(hv.taps.plugged.get('g')?.name, 'tg2');
  t.deepEqual(hv.problems(), []);
  for (const tap of ['tg1', 'tg2']) ip(`link del ${tap}`);
});

test.serial('ovn-installed is set and removed as told, on what is plugged', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  for (const tap of ['th1', 'th2']) ip(`tuntap add ${tap} mode tap`);
  await plug(hv, 'th1', 'h1');
  await plug(hv, 'th2', 'h2');
  hv.taps.setInstalled(new Set(['h1', 'unknown']));
  await hv.db.vsctl('wait-until Interface th1 external_ids:ovn-installed=true');
  const stamp = await hv.db.get('Interface', 'th1', 'external_ids:ovn-installed-ts');
  t.true(Math.abs(Number(JSON.parse(stamp)) - Date.now()) < 60_000);
  hv.taps.setInstalled(new Set(['h1', 'h2']));
  await hv.db.vsctl('wait-until Interface th2 external_ids:ovn-installed=true');
  t.is(await hv.db.get('Interface', 'th1', 'external_ids:ovn-installed-ts'), stamp, 'not stamped again');

  // A restart keeps it until something else is said.
  await hv.taps.stop();
  await hv.startTaps();
  await hv.db.vsctl('set Interface th1 external_ids:a=b');
  t.is(await hv.db.get('Interface', 'th1', 'external_ids:ovn-installed-ts'), stamp);
  hv.taps.setInstalled(new Set(['h1']));
  await hv.db.vsctl('wait-until Interface th2 external_ids={iface-id=h2}');

  // Another logical port on the same device does not forward yet.
  await hv.db.vsctl('set Interface th1 external_ids:iface-id=h3');
  t.is(await hv.db.get('Interface', 'th1', 'external_ids'), '{a=b, iface-id=h3}');
  hv.taps.setInstalled(new Set(['h3']));
  await hv.db.vsctl('wait-until Interface th1 external_ids:ovn-installed=true');

  // A tap that goes takes it along, and the next of its name has to be spoken of again.
  ip('link del th1');
  await hv.db.vsctl('wait-until Interface th1 external_ids={a=b,iface-id=h3}');
  hv.taps.setInstalled(new Set());
  ip('tuntap add th1 mode tap');
  await hv.until(() => hv.taps.plugged.has('h3'));
  await hv.db.vsctl('wait-until Interface th1 ofport>0');
  t.is(await hv.db.get('Interface', 'th1', 'external_ids'), '{a=b, iface-id=h3}');
  hv.taps.setInstalled(new Set(['h3']));
  await hv.db.vsctl('wait-until Interface th1 external_ids:ovn-installed=true');
  for (const tap of ['th1', 'th2']) ip(`link del ${tap}`);
});

test.serial('nb_cfg is written to the bridge', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  hv.taps.setNbCfg({ number: 41n, since: 1 });
  hv.taps.setNbCfg({ number: 42n, since: 1700000000000 });
  await hv.db.vsctl('wait-until Bridge br-int external_ids:ovn-nb-cfg=42');
  t.is(await hv.db.get('Bridge', 'br-int', 'external_ids:ovn-nb-cfg-ts'), '"1700000000000"');
});

test.serial(
  'a database killed and started again: nothing changes, and what is not on disk comes back',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    for (const tap of ['ti1', 'ti2']) ip(`tuntap add ${tap} mode tap`);
    await plug(hv, 'ti1', 'i1');
    hv.taps.setInstalled(new Set(['i1']));
    await hv.db.vsctl('wait-until Interface ti1 external_ids:ovn-installed=true');
    const plugged = hv.taps.plugged.get('i1')!;
    hv.events.length = 0;
    await hv.db.kill();
    await hv.until(() => !hv.taps.connected);
    t.is(hv.taps.plugged.get('i1'), plugged);
    t.truthy(hv.taps.chassisConfig);
    await hv.until(() => hv.problems().some((text) => /is away/.test(text)));
    await hv.db.start();
    await hv.until(() => hv.taps.connected);
    await hv.db.vsctl(`wait-until Interface ti1 ifindex=${plugged.ifindex} admin_state=up ofport=1`);
    t.is(hv.taps.plugged.get('i1'), plugged);
    t.false(hv.events.includes('plugged'));
    t.false(hv.events.includes('devices'));
    await hv.until(() => hv.taps.problems.length === 0);
    t.is(await hv.db.get('Interface', 'ti1', 'external_ids:ovn-installed'), '"true"');
    const { stderr } = await plug(hv, 'ti2', 'i2');
    t.is(stderr, '');

    // A tap that vanishes while the database is away is released at once.
    await hv.db.kill();
    await hv.until(() => !hv.taps.connected);
    ip('link del ti2');
    await hv.until(() => !hv.taps.plugged.has('i2'));
    await hv.db.start();
    await hv.db.vsctl('wait-until Interface ti2 ofport=-1');
    ip('link del ti1');
  },
);

test.serial('a wiped database: the ports are unplugged, and it is set up again', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tj1 mode tap');
  await plug(hv, 'tj1', 'j1');
  await hv.db.kill();
  hv.db.wipe();
  await hv.until(() => !hv.taps.connected);
  t.is(hv.taps.plugged.size, 1);
  await hv.db.start();
  await hv.until(() => hv.taps.connected && hv.taps.plugged.size === 0);
  t.is(hv.taps.devices.size, 0);
  t.is(hv.taps.chassisConfig, undefined);
  t.true(hv.problems().some((text) => /ovs-vsctl init/.test(text)));
  await hv.set('system-id=hv1 ovn-encap-type=vxlan ovn-encap-ip=192.0.2.1');
  await hv.db.vsctl('wait-until Bridge br-int fail_mode=secure');
  t.is((await plug(hv, 'tj1', 'j1')).stderr, '');
  t.is(hv.taps.plugged.get('j1')?.name, 'tj1');
  t.deepEqual(hv.problems(), []);
  ip('link del tj1');
});

test.serial('the database comes later than the agent', async (t) => {
  const hv = new Hypervisor();
  t.teardown(() => hv.stop());
  const started = hv.startTaps();
  await hv.until(() => hv.problems().some((text) => /is away/.test(text)));
  await hv.db.start();
  await started;
  t.true(hv.taps.connected);
});

test.serial(
  'stock ovs-vswitchd on the same database: it is said, and taken over when that ends',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    ip('tuntap add tk1 mode tap');
    await hv.db.vsctl('wait-until Bridge br-int fail_mode=secure');
    await hv.taps.stop();
    const vswitchd = await hv.db.startVswitchd();
    await hv.startTaps();
    await hv.until(() => hv.problems().some((text) => /holds the lock ovs_vswitchd/.test(text)));
    await hv.db.vsctl('--no-wait add-port br-int tk1 -- set Interface tk1 external_ids:iface-id=k');
    await hv.until(() => hv.taps.plugged.has('k'));
    vswitchd.kill('SIGKILL');
    await hv.until(() => hv.taps.problems.length === 0);
    const { stderr } = await hv.db.vsctl('set Interface tk1 external_ids:a=b');
    t.is(stderr, '');
    t.is(await hv.db.get('Interface', 'tk1', 'ofport'), '1');
    ip('link del tk1');
  },
);

test.serial('a bridge that cannot be made does not keep ovs-vsctl waiting', async (t) => {
  const hv = await Hypervisor.start(
    'system-id=hv1 ovn-encap-type=vxlan ovn-encap-ip=192.0.2.1 ovn-bridge=br-a',
  );
  t.teardown(() => hv.stop());
  await hv.db.vsctl('wait-until Bridge br-a fail_mode=secure');
  // The name is taken by a port of another bridge.
  await hv.db.vsctl('add-port br-a br-b');
  await hv.db.vsctl('set Open_vSwitch . external_ids:ovn-bridge=br-b');
  await hv.db.vsctl('set Open_vSwitch . external_ids:x=y');
  t.true(hv.log.lines.some((line) => /refuses a change/.test(line)));
  await hv.db.vsctl('--no-wait del-port br-b');
  await hv.db.vsctl('wait-until Bridge br-b fail_mode=secure');
});

test.serial('a server that talks garbage: the ports stay, and it heals', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tm1 mode tap');
  await plug(hv, 'tm1', 'm1');
  const plugged = hv.taps.plugged.get('m1');
  await hv.db.kill();
  await hv.until(() => !hv.taps.connected);
  rmSync(hv.db.socket, { force: true });
  const garbage = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('{"id":0,"result":[[[[}}} I am no OVSDB\n');
  }).listen(hv.db.socket);
  await once(garbage, 'connection');
  await hv.until(() => hv.problems().some((text) => /is away: (?!connect)/.test(text)));
  t.is(hv.taps.plugged.get('m1'), plugged);
  garbage.close();
  await hv.db.start();
  await hv.until(() => hv.taps.connected && hv.taps.problems.length === 0);
  t.is(hv.taps.plugged.get('m1'), plugged);
  t.is((await hv.db.vsctl('set Interface tm1 external_ids:a=b')).stderr, '');
  ip('link del tm1');
});

test.serial('a database of another version: what it lacks is a problem, the rest works', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tr1 mode tap');
  await hv.db.kill();
  hv.db.wipe({ table: 'Interface', column: 'mtu_request' });
  await hv.db.start();
  await hv.set('system-id=hv1 ovn-encap-type=vxlan ovn-encap-ip=192.0.2.1');
  await hv.db.vsctl('wait-until Bridge br-int fail_mode=secure');
  t.is((await plug(hv, 'tr1', 'r1')).stderr, '');
  t.is(hv.taps.plugged.get('r1')?.name, 'tr1');
  t.deepEqual(hv.problems(), [' mtu_request: the database has no column Interface.mtu_request']);
  await hv.db.kill();
  hv.db.wipe();
  await hv.db.start();
  await hv.set('system-id=hv1 ovn-encap-type=vxlan ovn-encap-ip=192.0.2.1');
  await hv.until(() => hv.taps.connected && hv.taps.problems.length === 0);
  t.pass();
  ip('link del tr1');
});

test.serial('counters follow the device', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('link add tn1 type veth peer name tn2');
  await plug(hv, 'tn1', 'n1');
  ip('link set tn1 up');
  // Its duplicate address detection sends.
  ip('link set tn2 up');
  await hv.db.vsctl('wait-until Interface tn1 statistics:rx_packets>0 statistics:rx_bytes>0');
  t.is(await hv.db.get('Interface', 'tn1', 'statistics:rx_errors'), '0');
  ip('link del tn1');
});

test.serial('counters of many devices are written some at a time', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const taps = Array.from({ length: 300 }, (_, at) => `ts${at}`);
  // In a group, since removing one by one takes long.
  ipBatch(taps.flatMap((tap) => [`tuntap add ${tap} mode tap`, `link set ${tap} group 77`]));
  await hv.db.vsctl(taps.map((tap) => `add-port br-int ${tap}`).join(' -- '));
  const client = new Client({ remotes: hv.db.remote, database: 'Open_vSwitch' });
  const replica = new Replica<Pick<Open_vSwitchTables, 'Interface'>>(client, {
    tables: { Interface: { columns: ['name', 'statistics'] } },
  });
  t.teardown(() => client.close());
  client.start();
  replica.start();
  await replica.ready;
  const rows = () => [...replica.table('Interface')].filter(({ statistics }) => statistics.size > 0).length;
  t.is(rows(), 0);
  const batches: number[] = [];
  while (rows() < 301) {
    const [batch] = (await once(replica, 'change')) as [readonly unknown[]];
    batches.push(batch.length);
  }
  t.is(
    batches.reduce((sum, size) => sum + size),
    301,
    'each once',
  );
  t.true(Math.max(...batches) <= 256, `${batches}`);
  await hv.db.vsctl(taps.map((tap) => `del-port ${tap}`).join(' -- '));
  ip('link del group 77');
});

test.serial('a hundred taps in one transaction, and removed in one', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const taps = Array.from({ length: 100 }, (_, at) => `to${at}`);
  ipBatch(taps.map((tap) => `tuntap add ${tap} mode tap`));
  const words = taps.map(
    (tap) => `add-port br-int ${tap} -- set Interface ${tap} external_ids:iface-id=${tap}`,
  );
  t.is((await hv.db.vsctl(words.join(' -- '))).stderr, '');
  t.is(hv.taps.plugged.size, 100);
  const numbers = (await hv.db.vsctl('--bare --columns=ofport list Interface')).stdout.split(/\s+/);
  t.deepEqual(
    numbers.map(Number).sort((a, b) => a - b),
    [...taps.map((_, at) => at + 1), 65534],
  );
  await hv.db.vsctl(taps.map((tap) => `del-port ${tap}`).join(' -- '));
  t.is(hv.taps.devices.size, 0);
});

test.serial('types that have no device here: refused like stock does, and explained', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const add = (name: string, type: string) =>
    hv.db.vsctl(`add-port br-int ${name} -- set Interface ${name} type=${type}`);
  t.regex((await add('tp1', 'dpdkvhostuser')).stderr, /Address family not supported by protocol/);
  t.regex((await add('tp2', 'vhost-user')).stderr, /could not open network device tp2 \(/);
  t.deepEqual(hv.problems(), [
    'tp1 type: could not open network device tp1 (Address family not supported by protocol); not plugged until that changes',
    'tp2 type: could not open network device tp2 (Address family not supported by protocol); not plugged until that changes',
  ]);
  t.regex((await add('a-name-longer-than-the-kernel-takes', 'system')).stderr, /No such device/);
  await hv.db.vsctl('del-port tp1 -- del-port tp2 -- del-port a-name-longer-than-the-kernel-takes');
  t.deepEqual(hv.problems(), []);
});

test.serial('an MTU the device does not take is a problem until it is withdrawn', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add tq1 mode tap');
  await plug(hv, 'tq1', 'q1');
  await hv.db.vsctl('set Interface tq1 mtu_request=10000000');
  t.regex(hv.problems().join(), /^tq1 mtu_request: set MTU 10000000 of device \d+: /);
  t.true(hv.taps.plugged.has('q1'));
  await hv.db.vsctl('remove Interface tq1 mtu_request 10000000');
  t.deepEqual(hv.problems(), []);
  ip('link del tq1');
});
