import test from 'ava';
import { enterPrivateNetns, ip } from '../netlink/testsupport/privateNetns.js';
import { Host } from './testsupport/host.js';
import { Hypervisor } from './testsupport/hypervisor.js';

test.before(() => enterPrivateNetns());

const MAPPED =
  'system-id=hv1 ovn-encap-type=geneve ovn-encap-ip=192.0.2.1 ovn-bridge-mappings=physnet1:br-ex';

/** Names of all devices but those of machines. */
const devices = () =>
  ip('-br link')
    .split('\n')
    .map((line) => line.split(/[\s@]/)[0]!)
    .filter((name) => name !== '' && name !== 'lo')
    .sort();

test.serial(
  'a bridge switches between its ports and the host, and comes and goes with its row',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    const [one, two] = [new Host('nic1', '10.0.0.1/24'), new Host('nic2', '10.0.0.2/24')];
    t.teardown(() => [one, two].map((host) => host.remove()));
    ip('link set nic1 address 00:11:22:33:44:55');
    ip('link set nic2 address 00:11:22:33:44:44');
    t.is((await hv.db.vsctl('add-br br-ex')).stderr, '');
    const own = await hv.db.get('Interface', 'br-ex', 'mac_in_use');
    t.is(await hv.db.get('Interface', 'br-ex', 'admin_state'), 'up');
    t.is(await hv.db.get('Bridge', 'br-ex', 'datapath_id'), `"0000${JSON.parse(own).replaceAll(':', '')}"`);
    // ovs-vswitchd takes the least address of the ports that is not locally administered.
    t.is((await hv.db.vsctl('add-port br-ex nic1')).stderr, '');
    await hv.db.vsctl('wait-until Interface br-ex mac_in_use="00:11:22:33:44:55"');
    t.is((await hv.db.vsctl('add-port br-ex nic2')).stderr, '');
    await hv.db.vsctl('wait-until Bridge br-ex datapath_id=0000001122334444');
    t.is(await hv.db.get('Interface', 'nic2', 'ofport'), '2');
    ip('address add 10.0.0.9/24 dev br-ex');
    t.true(one.pings('10.0.0.2'), 'from port to port');
    t.true(one.pings('10.0.0.9'), 'and to the host');
    ip('link set nic1 mtu 1400');
    await hv.db.vsctl('wait-until Interface br-ex mtu=1400');
    ip('link set nic1 mtu 1500');
    await hv.db.vsctl('set Bridge br-ex other_config:hwaddr="02:00:00:00:00:99"');
    await hv.db.vsctl('wait-until Interface br-ex mac_in_use="02:00:00:00:00:99"');

    // A restart: nothing is lost.
    const pings = await one.startPings('10.0.0.2');
    await hv.taps.stop();
    await hv.startTaps();
    await hv.db.vsctl('set Interface nic1 external_ids:a=b');
    t.is(await pings.stop(), 0);

    // A port that somebody pulls out is put in again.
    ip('link set nic1 nomaster');
    await hv.db.vsctl('wait-until Interface nic1 ofport=1');
    await hv.linked('nic1', ({ master }) => master !== undefined);
    t.true(one.pings('10.0.0.2'));

    await hv.db.vsctl('del-port nic1');
    t.false(one.pings('10.0.0.2', 1));
    await hv.db.vsctl('del-br br-ex');
    t.deepEqual(devices(), ['br-int', 'nic1', 'nic2']);
    // In one transaction, as os-vif does it.
    await hv.db.vsctl('--may-exist add-br br-ex -- add-port br-ex nic1 -- add-port br-ex nic2');
    await hv.db.vsctl('--if-exists del-port br-ex nic1 -- add-port br-ex nic1');
    t.true(one.pings('10.0.0.2'));
    t.deepEqual(hv.problems(), []);
    await hv.db.vsctl('del-br br-ex');
  },
);

test.serial('physical networks follow ovn-bridge-mappings and carry frames', async (t) => {
  const hv = await Hypervisor.start(MAPPED);
  t.teardown(() => hv.stop());
  const host = new Host('nic1', '10.0.0.1/24');
  t.teardown(() => host.remove());
  const missing = ". external_ids:ovn-bridge-mappings: Bridge 'br-ex' not found for network 'physnet1'";
  t.deepEqual(hv.problems(), [missing]);
  t.is(hv.taps.networks.size, 0);
  await hv.db.vsctl('add-br br-ex -- add-port br-ex nic1');
  t.deepEqual([...hv.taps.networks.keys()], ['physnet1']);
  t.deepEqual(
    hv.events.filter((event) => event === 'networks'),
    ['networks'],
  );
  t.deepEqual(hv.problems(), []);
  t.is(hv.taps.devices.size, 0, 'they are no devices of the integration bridge');
  const ifindex = hv.taps.networks.get('physnet1')!;
  t.regex(ip('link show iovn-physnet1'), new RegExp(`^${ifindex}: .* state UP `));
  t.is(ip('-6 -o address show dev iovn-physnet1'), '', 'nothing is sent by the host there');
  // Instead of the data plane, the host answers.
  ip('address add 10.0.0.9/24 dev iovn-physnet1');
  t.true(host.pings('10.0.0.9'));
  const pings = await host.startPings('10.0.0.9');
  await hv.taps.stop();
  await hv.startTaps();
  t.is(hv.taps.networks.get('physnet1'), ifindex);
  await hv.db.vsctl('set Interface nic1 external_ids:a=b');
  t.is(await pings.stop(), 0);

  // Several, of this chassis only, with a name that no device can have.
  await hv.set('ovn-bridge-mappings-hv1=physnet1:br-ex,a-network-with-a-long-name:br-two');
  await hv.db.vsctl('add-br br-two');
  t.deepEqual([...hv.taps.networks.keys()], ['physnet1', 'a-network-with-a-long-name']);
  t.is(hv.taps.networks.get('physnet1'), ifindex);
  await hv.db.vsctl('del-br br-ex');
  t.deepEqual([...hv.taps.networks.keys()], ['a-network-with-a-long-name']);
  t.false(devices().includes('iovn-physnet1'));
  // Somebody removes the bridge's device: it comes back, with everything that belongs to it.
  ip('link del br-two');
  await hv.until(() => hv.taps.networks.has('a-network-with-a-long-name'));
  await hv.linked('br-two', ({ up }) => up);
  await hv.db.vsctl(
    'remove Open_vSwitch . external_ids ovn-bridge-mappings-hv1 -- remove Open_vSwitch . external_ids ovn-bridge-mappings',
  );
  t.is(hv.taps.networks.size, 0);
  t.deepEqual(devices(), ['br-int', 'br-two', 'nic1']);
  await hv.set('ovn-bridge-mappings=wrong,p:br-two');
  await hv.db.vsctl('set Open_vSwitch . external_ids:x=y');
  t.deepEqual(hv.problems(), [
    '. external_ids:ovn-bridge-mappings: "wrong" is no mapping (NETWORK:BRIDGE); this and what follows it is ignored',
  ]);
  await hv.db.vsctl('del-br br-two');
});

test.serial(
  'a network with a name longer than an alias: its devices are known as ours and go with it',
  async (t) => {
    const network = `nétwork${'x'.repeat(300)}`;
    const hv = await Hypervisor.start(MAPPED.replace('physnet1', network));
    t.teardown(() => hv.stop());
    await hv.db.vsctl('add-br br-ex');
    t.deepEqual(hv.problems(), []);
    t.deepEqual([...hv.taps.networks.keys()], [network]);
    await hv.db.vsctl('del-br br-ex');
    t.deepEqual(devices(), ['br-int']);
  },
);

test.serial('what is not ours is adopted or left alone, and survives its row', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('link add br-old type bridge');
  ip('link add br-veth type veth peer name other');
  ip('tuntap add nic1 mode tap');
  ip('tuntap add nic2 mode tap');
  await hv.db.vsctl('add-br br-old -- add-port br-old nic1');
  await hv.linked('nic1', ({ master }) => master !== undefined);
  t.is(await hv.db.get('Interface', 'br-old', 'error'), '[]');
  const before = ip('-o link show br-veth');
  const { stderr } = await hv.db.vsctl('add-br br-veth -- add-port br-veth nic2');
  t.regex(stderr, /could not add network device br-veth to ofproto \(File exists\)/);
  t.is(await hv.db.get('Interface', 'br-veth', 'ofport'), '-1');
  t.true(
    hv
      .problems()
      .some((text) => /br-veth name: there is a device br-veth that is no bridge \(veth\)/.test(text)),
  );
  t.is(ip('-o link show br-veth'), before);
  // A device that is in a bridge of somebody else.
  ip('link add br-foe type bridge');
  ip('link set nic2 master br-foe');
  const busy = await hv.db.vsctl('del-br br-veth -- add-port br-old nic2');
  t.regex(busy.stderr, /could not add network device nic2 to ofproto \(Device or resource busy\)/);
  ip('link del br-foe');
  await hv.db.vsctl('wait-until Interface nic2 ofport>0');
  await hv.linked('nic2', ({ master }) => master !== undefined);
  await hv.db.vsctl('del-br br-old');
  await hv.linked('nic1', ({ master }) => master === undefined);
  t.deepEqual(devices(), ['br-int', 'br-old', 'br-veth', 'nic1', 'nic2', 'other']);
  for (const name of ['br-old', 'br-veth', 'nic1', 'nic2']) ip(`link del ${name}`);
});

test.serial('what went while no agent ran is cleared away', async (t) => {
  const hv = await Hypervisor.start(MAPPED);
  t.teardown(() => hv.stop());
  await hv.db.vsctl('add-br br-ex -- add-port br-ex in1 -- set Interface in1 type=internal');
  await hv.taps.stop();
  await hv.db.vsctl('--no-wait del-br br-ex');
  t.deepEqual(devices(), ['br-ex', 'br-int', 'in1', 'iovi-in1', 'iovn-physnet1', 'iovu-physnet1']);
  await hv.startTaps();
  await hv.db.vsctl('set Open_vSwitch . external_ids:x=y');
  t.deepEqual(devices(), ['br-int']);
});

test.serial('patch ports join two bridges', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const [one, two] = [new Host('nic1', '10.0.0.1/24'), new Host('nic2', '10.0.0.2/24')];
  t.teardown(() => [one, two].map((host) => host.remove()));
  await hv.db.vsctl('add-br br-a -- add-port br-a nic1 -- add-br br-b -- add-port br-b nic2');
  const patch = (bridge: string, name: string, peer: string) =>
    hv.db.vsctl(`add-port ${bridge} ${name} -- set Interface ${name} type=patch options:peer=${peer}`);
  t.is((await patch('br-a', 'patch-a-to-b', 'patch-b-to-a')).stderr, '', 'its peer comes later');
  t.is(
    await hv.db.get('Interface', 'patch-a-to-b', 'error'),
    `"No usable peer 'patch-b-to-a' exists in 'system' datapath."`,
  );
  t.is((await patch('br-b', 'patch-b-to-a', 'patch-a-to-b')).stderr, '');
  t.is(await hv.db.get('Interface', 'patch-a-to-b', 'error'), '[]');
  t.true(one.pings('10.0.0.2'));
  t.deepEqual(hv.problems(), []);
  // Somebody removes it: it comes back.
  const [patch1] = devices().filter((name) => name.startsWith('iovp'));
  const before = Number(/^(\d+):/.exec(ip(`-o link show ${patch1}`))?.[1]);
  ip(`link del ${patch1}`);
  await hv.linked(
    patch1!,
    ({ ifindex, master, lowerUp }) => ifindex !== before && master !== undefined && lowerUp,
  );
  t.true(one.pings('10.0.0.2'));
  await hv.db.vsctl('del-port patch-b-to-a');
  t.false(one.pings('10.0.0.2', 1));
  t.regex(
    (await hv.db.vsctl('add-port br-a p -- set Interface p type=patch')).stderr,
    /requires valid 'peer'/,
  );
  await hv.db.vsctl('del-br br-a -- del-br br-b');
  t.deepEqual(devices(), ['br-int', 'nic1', 'nic2']);
});

test.serial(
  'a bond carries its traffic by one port, which is another when that loses its carrier',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    const [one, two] = [new Host('nic1', '10.0.0.1/24'), new Host('nic2', '10.0.0.1/24')];
    t.teardown(() => [one, two].map((host) => host.remove()));
    await hv.db.vsctl('add-br br-ex');
    t.is((await hv.db.vsctl('add-bond br-ex bond0 nic2 nic1')).stderr, '');
    t.is(await hv.db.get('Interface', 'nic2', 'error'), '[]');
    t.true(hv.problems().some((text) => /^bond0 interfaces: bonds are active-backup here/.test(text)));
    await hv.linked('nic1', ({ master }) => master !== undefined);
    await hv.linked('nic2', ({ master }) => master === undefined);
    one.namespace('link set eth0 down');
    await hv.linked('nic2', ({ master }) => master !== undefined);
    await hv.linked('nic1', ({ master }) => master === undefined);
    await hv.db.vsctl('del-br br-ex');
    await hv.linked('nic2', ({ master }) => master === undefined);
  },
);

test.serial('what is not supported is answered and said', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add nic1 mode tap');
  await hv.db.vsctl('add-br br-ex -- add-port br-ex nic1');
  await hv.db.vsctl('set-fail-mode br-ex secure');
  await hv.db.vsctl('set-controller br-ex tcp:127.0.0.1:6653');
  await hv.db.vsctl('set-manager ptcp:0:127.0.0.1');
  await hv.db.vsctl('--id=@m create Mirror name=m0 select-all=true -- set Bridge br-ex mirrors=@m');
  await hv.db.vsctl('--id=@q create QoS type=linux-htb -- set Port nic1 qos=@q');
  await hv.db.vsctl('set Bridge br-ex stp_enable=true');
  const expected = ['controller', 'fail_mode', 'mirrors', 'qos', 'stp_enable'];
  t.deepEqual(hv.taps.problems.map(({ column }) => column).sort(), expected);
  await hv.db.vsctl(
    'del-manager -- del-controller br-ex -- clear Bridge br-ex mirrors -- clear Port nic1 qos',
  );
  await hv.db.vsctl('set Bridge br-ex stp_enable=false -- del-fail-mode br-ex');
  t.deepEqual(hv.problems(), []);
  // A VLAN that cannot be kept apart is not let in.
  await hv.db.vsctl('set Port nic1 tag=7');
  const filters = ip('-d link show br-ex').includes('vlan_filtering 1');
  if (!filters) t.regex(await hv.db.get('Interface', 'nic1', 'error'), /CONFIG_BRIDGE_VLAN_FILTERING/);
  if (!filters) await hv.linked('nic1', ({ master }) => master === undefined);
  else await hv.linked('nic1', ({ master }) => master !== undefined);
  await hv.db.vsctl('del-br br-ex');
  ip('link del nic1');
});
