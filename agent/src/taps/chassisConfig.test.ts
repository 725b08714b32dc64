import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { enterPrivateNetns } from '../netlink/testsupport/privateNetns.js';
import { IFACE_TYPES } from './interfaceKind.js';
import { Hypervisor } from './testsupport/hypervisor.js';
import { registerByStock } from './testsupport/stockChassis.js';

test.before(() => enterPrivateNetns());

// ovn-controller adds what it can do itself; of our chassis the coordinator says that.
const FEATURES = ['ct-no-masked-label', 'mac-binding-timestamp', 'ovn-ct-lb-related', 'port-up-notif'];

const published = async (t: import('ava').ExecutionContext, settings: string, override?: string) => {
  const hv = new Hypervisor();
  t.teardown(() => hv.stop());
  await hv.db.start();
  await hv.set(settings);
  if (override !== undefined) writeFileSync(join(hv.db.directory, 'system-id-override'), override);
  await hv.db.vsctl(`--no-wait set Open_vSwitch . iface_types=[${IFACE_TYPES.join(',')}]`);
  const stock = await registerByStock(hv.db);
  await hv.startTaps();
  await hv.until(() => hv.taps.chassisConfig?.otherConfig['datapath-type'] !== '');
  const { name, hostname, otherConfig, transportZones, encaps } = hv.taps.chassisConfig!;
  const ours = {
    name,
    hostname,
    otherConfig,
    transportZones,
    encaps: encaps.map(({ type, ip, csum }) => `${type} ${ip} ${csum}`).sort(),
  };
  for (const feature of FEATURES) t.is(stock.otherConfig[feature], 'true');
  const rest = Object.entries(stock.otherConfig).filter(([key]) => !FEATURES.includes(key));
  return { ours, stock: { ...stock, otherConfig: Object.fromEntries(rest) } };
};

test.serial('chassis published as by stock ovn-controller: defaults', async (t) => {
  const { ours, stock } = await published(t, 'system-id=hv1 ovn-encap-type=geneve ovn-encap-ip=127.0.0.1');
  t.deepEqual(ours, stock);
});

test.serial(
  'chassis published as by stock ovn-controller: everything set, some of it per chassis',
  async (t) => {
    const settings = [
      'system-id=hv1',
      'hostname=nobody',
      'hostname-hv1=node1',
      'ovn-encap-type=geneve,vxlan',
      'ovn-encap-ip=127.0.0.1,127.0.0.2',
      'ovn-encap-csum=false',
      'ovn-bridge-datapath-type=netdev',
      'ovn-bridge-mappings=physnet1:br-ex',
      'ovn-chassis-mac-mappings=physnet1:aa:bb:cc:dd:ee:ff',
      'ovn-cms-options=a',
      'ovn-cms-options-hv1=enable-chassis-as-gw',
      'ovn-cms-options-hv2=b',
      'ovn-transport-zones=b,,a,b',
      'ovn-monitor-all=yes',
      'ovn-is-interconn=True',
      'ovn-enable-lflow-cache=false',
      'ovn-limit-lflow-cache=7',
      'ovn-memlimit-lflow-cache-kb=8',
      'ovn-trim-limit-lflow-cache=9',
      'ovn-trim-wmark-perc-lflow-cache=10',
      'ovn-trim-timeout-ms=11',
    ];
    const { ours, stock } = await published(t, settings.join(' '));
    t.deepEqual(ours, stock);
  },
);

test.serial('a change of the settings is an event, a change of anything else is none', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  await hv.db.vsctl('wait-until Bridge br-int datapath_type=system');
  await hv.until(() => hv.taps.chassisConfig?.otherConfig['datapath-type'] === 'system');
  hv.events.length = 0;
  await hv.db.vsctl('set Open_vSwitch . external_ids:unrelated=1');
  t.deepEqual(hv.events, []);
  await hv.db.vsctl('set Open_vSwitch . external_ids:iovisor-coordinator=192.0.2.9:6650');
  t.deepEqual(hv.events, ['config']);
  t.is(hv.taps.coordinator, '192.0.2.9:6650');
  await hv.db.vsctl('set Open_vSwitch . external_ids:ovn-encap-ip=bad');
  t.is(hv.taps.chassisConfig, undefined);
  t.is(hv.taps.problems.length, 2);
  t.is(hv.taps.problems[0]?.column, 'external_ids:ovn-encap-ip');
  await hv.db.vsctl('set Open_vSwitch . external_ids:ovn-encap-ip=192.0.2.1');
  t.truthy(hv.taps.chassisConfig);
  t.deepEqual(hv.problems(), []);
  await hv.db.vsctl('remove Open_vSwitch . external_ids system-id');
  t.is(hv.taps.chassisConfig, undefined);
  t.is(hv.taps.problems[0]?.column, 'external_ids:system-id');
});

test.serial(
  'an integration bridge without a type becomes one of type system, as by ovn-controller',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    await hv.db.vsctl('wait-until Bridge br-int datapath_type=system');
    await hv.db.vsctl('set Bridge br-int datapath_type=netdev');
    await hv.until(() => hv.taps.chassisConfig?.otherConfig['datapath-type'] === 'netdev');
    await hv.db.vsctl('set Bridge br-int datapath_type=""');
    await hv.db.vsctl('wait-until Bridge br-int datapath_type=system');
    await hv.until(() => hv.taps.chassisConfig?.otherConfig['datapath-type'] === 'system');
    await hv.db.vsctl('set Open_vSwitch . external_ids:ovn-bridge-datapath-type=netdev');
    await hv.db.vsctl('wait-until Bridge br-int datapath_type=netdev');
    await hv.db.vsctl('set Bridge br-int datapath_type=system');
    await hv.db.vsctl('wait-until Bridge br-int datapath_type=netdev');
    t.pass();
  },
);

test.serial('ovn-bridge names another bridge: the taps of that one are plugged', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  await hv.db.vsctl('wait-until Bridge br-int fail_mode=secure');
  await hv.db.vsctl('add-br br-other -- set Bridge br-other fail_mode=standalone');
  await hv.db.vsctl('add-port br-other lo -- set Interface lo external_ids:iface-id=p');
  t.is(hv.taps.plugged.size, 0);
  await hv.db.vsctl('set Open_vSwitch . external_ids:ovn-bridge-hv1=br-other');
  t.is(hv.taps.plugged.get('p')?.name, 'lo');
  await hv.db.vsctl('wait-until Bridge br-other fail_mode=secure');
  await hv.db.vsctl('remove Open_vSwitch . external_ids ovn-bridge-hv1');
  t.is(hv.taps.plugged.size, 0);
});

test.serial(
  'the name in the file system-id-override wins, also in keys of one chassis, as with stock',
  async (t) => {
    const settings =
      'system-id=hv2 ovn-encap-type=geneve ovn-encap-ip=127.0.0.1 ovn-cms-options-hv1=a ovn-cms-options=b';
    const { ours, stock } = await published(t, settings, 'hv1\nhv3\n');
    t.deepEqual(ours, stock);
    t.is(ours.otherConfig['ovn-cms-options'], 'a');
  },
);
