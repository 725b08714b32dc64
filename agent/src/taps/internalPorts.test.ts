import test from 'ava';
import { enterPrivateNetns, ip } from '../netlink/testsupport/privateNetns.js';
import { Hypervisor } from './testsupport/hypervisor.js';

test.before(() => enterPrivateNetns());

const add = (hv: Hypervisor, name: string, more = '') =>
  hv.db.vsctl(
    `add-port br-int ${name} -- set Interface ${name} type=internal external_ids:iface-id=id-${name}${more}`,
  );
const field = (words: string, name: string) => new RegExp(` ${name} (\\S+)`).exec(ip(words))?.[1];
const indexOf = (words: string) => Number(/^(\d+):/.exec(ip(words))?.[1]);

test.serial('an internal port is a device, down, whose other end the data plane has', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  t.is((await add(hv, 'in1', ' mac="02:00:00:00:00:11" mtu_request=1400')).stderr, '');
  const shown = indexOf('-o link show in1');
  const plug = hv.taps.plugged.get('id-in1')!;
  t.like(plug, { name: 'in1', shownIfindex: shown, mac: '02:00:00:00:00:11' });
  t.is(plug.ifindex, indexOf('-o link show iovi-in1'));
  t.deepEqual([...hv.taps.devices], [[plug.ifindex, 'iovi-in1']]);
  const columns = (...names: string[]) =>
    Promise.all(names.map((name) => hv.db.get('Interface', 'in1', name)));
  t.deepEqual(await columns('ofport', 'error', 'admin_state', 'link_state', 'mtu', 'mac_in_use', 'ifindex'), [
    '1',
    '[]',
    'down',
    'down',
    '1400',
    '"02:00:00:00:00:11"',
    String(shown),
  ]);
  hv.taps.setInstalled(new Set(['id-in1']));
  await hv.db.vsctl('wait-until Interface in1 external_ids:ovn-installed=true');
  ip('link set in1 up');
  await hv.db.vsctl('wait-until Interface in1 admin_state=up link_state=up');
  // What the machine sends, the switch receives.
  await hv.db.vsctl('wait-until Interface in1 statistics:rx_packets>0');

  // A restart finds it again.
  await hv.taps.stop();
  await hv.startTaps();
  t.like(hv.taps.plugged.get('id-in1'), { ifindex: plug.ifindex, shownIfindex: shown });
  t.is(await hv.db.get('Interface', 'in1', 'external_ids:ovn-installed'), '"true"');

  // Gone with its row, with its type, and with its bridge.
  await hv.db.vsctl('del-port in1');
  t.throws(() => ip('link show in1'));
  t.throws(() => ip('link show iovi-in1'));
  await add(hv, 'in1');
  await hv.db.vsctl('set Interface in1 type=system');
  t.throws(() => ip('link show in1'));
  t.regex(await hv.db.get('Interface', 'in1', 'error'), /No such device/);
  await hv.db.vsctl('set Interface in1 type=internal');
  t.is(await hv.db.get('Interface', 'in1', 'error'), '[]');
  await hv.db.vsctl('del-br br-int');
  t.throws(() => ip('link show in1'));
});

test.serial('it may be moved to another namespace, renamed there, and come back', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const name = `internal-${process.pid}`;
  ip(`netns add ${name}`);
  await add(hv, 'in1');
  const { ifindex } = hv.taps.plugged.get('id-in1')!;
  hv.events.length = 0;
  ip(`link set in1 netns ${name}`);
  ip(`-n ${name} link set in1 name eth0 address 02:00:00:00:00:12 mtu 1300 up`);
  await hv.db.vsctl(
    'wait-until Interface in1 mac_in_use="02:00:00:00:00:12" mtu=1300 admin_state=up link_state=up',
  );
  t.is(await hv.db.get('Interface', 'in1', 'ofport'), '1');
  t.is(await hv.db.get('Interface', 'in1', 'ifindex'), String(indexOf(`-n ${name} -o link show eth0`)));
  t.is(hv.taps.plugged.get('id-in1')?.ifindex, ifindex, 'the data plane notices nothing');
  t.false(hv.events.includes('devices'));
  // Address and MTU there are announced to nobody here: they are looked at now and then.
  ip(`-n ${name} link set eth0 mtu 1200`);
  await hv.db.vsctl('wait-until Interface in1 mtu=1200');
  ip(`-n ${name} link set eth0 down`);
  await hv.db.vsctl('wait-until Interface in1 admin_state=down link_state=down');

  // A restart meanwhile, and the way back.
  await hv.taps.stop();
  await hv.startTaps();
  t.like(hv.taps.plugged.get('id-in1'), { ifindex, mac: '02:00:00:00:00:12' });
  ip(`-n ${name} link set eth0 name in1 netns ${process.pid}`);
  await hv.db.vsctl(`wait-until Interface in1 ifindex=${indexOf('-o link show in1')}`);
  ip('link set in1 mtu 1250');
  await hv.db.vsctl('wait-until Interface in1 mtu=1250');

  // It goes with the namespace, and is made anew.
  ip(`link set in1 netns ${name}`);
  await hv.linked('iovi-in1', ({ peerInOtherNetns }) => peerInOtherNetns);
  ip(`netns del ${name}`);
  await hv.until(() => (hv.taps.plugged.get('id-in1')?.ifindex ?? ifindex) !== ifindex);
  t.is(hv.taps.plugged.get('id-in1')?.shownIfindex, indexOf('-o link show in1'));
  const now = hv.taps.plugged.get('id-in1')!.ifindex;
  ip('link del in1');
  await hv.until(() => (hv.taps.plugged.get('id-in1')?.ifindex ?? now) !== now);
  t.notThrows(() => ip('link show in1'));
  t.deepEqual(hv.problems(), []);
  await hv.db.vsctl('del-port in1');
});

test.serial('names of any length, and names no device can have', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const longest = 'fifteen-letters';
  t.is((await add(hv, longest)).stderr, '');
  t.notThrows(() => ip(`link show ${longest}`));
  t.regex(hv.taps.devices.get(hv.taps.plugged.get(`id-${longest}`)!.ifindex)!, /^iovi\.[0-9a-f]{10}$/);
  t.regex((await add(hv, 'sixteen-letters-')).stderr, /No such device/);
  await hv.db.vsctl(`del-port ${longest} -- del-port sixteen-letters-`);
  t.throws(() => ip(`link show ${longest}`));
});

test.serial('a device of that name that is there already is taken and stays', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add in2 mode tap');
  await add(hv, 'in2');
  t.is(hv.taps.plugged.get('id-in2')?.ifindex, indexOf('-o link show in2'));
  await hv.db.vsctl('del-port in2');
  t.notThrows(() => ip('link show in2'));
  ip('link del in2');
});

test.serial('the local port of br-int is a device, too, and down', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  await hv.db.vsctl('wait-until Interface br-int ofport=65534 ifindex>0');
  t.is(field('-o link show br-int', 'state'), 'DOWN');
  t.is(await hv.db.get('Interface', 'br-int', 'admin_state'), 'down');
  t.is(
    await hv.db.get('Interface', 'br-int', 'mac_in_use'),
    await hv.db.get('Bridge', 'br-int', 'other_config:hwaddr'),
  );
  t.is(hv.taps.devices.size, 0);
});

test.serial('five hundred at once', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const names = Array.from({ length: 500 }, (_, at) => `i${at}`);
  const words = names.map((name) => `add-port br-int ${name} -- set Interface ${name} type=internal`);
  t.is((await hv.db.vsctl(words.join(' -- '))).stderr, '');
  t.is(hv.taps.devices.size, 500);
  await hv.db.vsctl(names.map((name) => `del-port ${name}`).join(' -- '));
  t.is(hv.taps.devices.size, 0);
  t.false(ip('-br link').includes('iovi'));
});
