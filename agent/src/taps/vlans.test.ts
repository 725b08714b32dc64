import test from 'ava';
import { Netlink } from '../netlink/index.js';
import { enterPrivateNetns, ip } from '../netlink/testsupport/privateNetns.js';
import { RecordingLog } from '../netlink/testsupport/recordingLog.js';
import { Host } from './testsupport/host.js';
import { Hypervisor } from './testsupport/hypervisor.js';

enterPrivateNetns();

/** Whether this kernel's bridges can keep VLANs apart, and hosts have VLAN devices. */
async function canVlans(): Promise<boolean> {
  const netlink = Netlink.open(new RecordingLog());
  await netlink.start();
  const { vlanFiltering } = netlink.writer.createBridge({ name: 'probe' });
  const { ifindex } = netlink.linkByName('probe')!;
  netlink.writer.remove(ifindex);
  await netlink.writer.removed;
  netlink.close();
  return vlanFiltering;
}

const able = await canVlans();
const serial = able ? test.serial : test.serial.skip;
if (!able)
  test('VLANs of bridges are tested where the kernel has them (CONFIG_BRIDGE_VLAN_FILTERING)', (t) =>
    t.pass());

serial('ports carry the VLANs that their rows say, tagged or not', async (t) => {
  const hv = await Hypervisor.start(
    'system-id=hv1 ovn-encap-type=geneve ovn-encap-ip=192.0.2.1 ovn-bridge-mappings=p:br-ex',
  );
  t.teardown(() => hv.stop());
  const [one, two] = [new Host('nic1', '10.0.0.1/24'), new Host('nic2', '10.0.0.2/24')];
  t.teardown(() => [one, two].map((host) => host.remove()));
  await hv.db.vsctl('add-br br-ex -- add-port br-ex nic1 -- add-port br-ex nic2');
  const vlan = (host: Host, id: number, address: string) => {
    host.namespace(`link add link eth0 name eth0.${id} type vlan id ${id}`);
    host.namespace(`link set eth0.${id} up`);
    host.namespace(`address add ${address} dev eth0.${id}`);
  };
  vlan(one, 7, '10.0.7.1/24');
  vlan(two, 7, '10.0.7.2/24');
  // Trunks, as they come: everything passes, to the host and the physical network's end too.
  t.true(one.pings('10.0.0.2'), 'without a tag');
  t.true(one.pings('10.0.7.2'), 'with a tag');
  ip('address add 10.0.0.9/24 dev br-ex');
  ip('link add link br-ex name br-ex.7 type vlan id 7');
  ip('link set br-ex.7 up');
  ip('address add 10.0.7.9/24 dev br-ex.7');
  t.true(one.pings('10.0.0.9'), 'to the host without a tag');
  t.true(one.pings('10.0.7.9'), 'and with one');
  ip('link add link iovn-p name iovn-p.7 type vlan id 7');
  ip('link set iovn-p.7 up');
  ip('address add 10.0.7.8/24 dev iovn-p.7');
  t.true(one.pings('10.0.7.8'), 'to the data plane');

  // An access port: what it sends is in VLAN 7, and nothing else reaches it.
  await hv.db.vsctl('set Port nic2 tag=7');
  two.namespace('link del eth0.7');
  two.namespace('address add 10.0.7.2/24 dev eth0');
  t.true(one.pings('10.0.7.2'), 'tagged here, without a tag there');
  t.false(one.pings('10.0.0.2', 1), 'another VLAN');
  t.regex(ip('link show dev nic2'), /master br-ex/);

  // The row changes while no agent runs.
  await hv.taps.stop();
  await hv.db.vsctl('--no-wait set Port nic2 tag=8');
  await hv.startTaps();
  await hv.db.vsctl('set Interface nic2 external_ids:a=b');
  t.false(one.pings('10.0.7.2', 1));
  await hv.db.vsctl('set Port nic2 tag=7');
  const pings = await one.startPings('10.0.7.2');
  await hv.taps.stop();
  await hv.startTaps();
  await hv.db.vsctl('set Interface nic2 external_ids:a=c');
  t.is(await pings.stop(), 0, 'a restart loses nothing');
  // The host's own port.
  await hv.db.vsctl('set Port br-ex tag=7');
  ip('link del br-ex.7');
  ip('address add 10.0.7.9/24 dev br-ex');
  t.true(one.pings('10.0.7.9'));
  t.deepEqual(hv.problems(), []);
  await hv.db.vsctl('del-br br-ex');
});

serial('an address in two VLANs is learned in each of them', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  // The same address behind two ports, in different VLANs: a bridge that learns it once sends the answers to the wrong one.
  const hosts = ['nic1', 'nic2', 'nic3'].map((nic, at) => new Host(nic, `10.0.0.${at + 1}/24`));
  t.teardown(() => hosts.map((host) => host.remove()));
  const [one, two, three] = hosts as [Host, Host, Host];
  await hv.db.vsctl(
    'add-br br-ex -- add-port br-ex nic1 tag=5 -- add-port br-ex nic2 tag=6 -- add-port br-ex nic3',
  );
  for (const host of [one, two]) host.namespace('link set eth0 address 02:00:00:00:00:77');
  one.namespace('address add 10.5.0.1/24 dev eth0');
  two.namespace('address add 10.6.0.1/24 dev eth0');
  for (const id of [5, 6]) {
    three.namespace(`link add link eth0 name eth0.${id} type vlan id ${id}`);
    three.namespace(`link set eth0.${id} up`);
    three.namespace(`address add 10.${id}.0.3/24 dev eth0.${id}`);
  }
  const pings = await one.startPings('10.5.0.3');
  t.true(two.pings('10.6.0.3', 20));
  t.is(await pings.stop(), 0);
  await hv.db.vsctl('del-br br-ex');
});
