import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { enterPrivateNetns, ip } from '../netlink/testsupport/privateNetns.js';
import { Host } from './testsupport/host.js';
import { Hypervisor } from './testsupport/hypervisor.js';
import { LocalOvsdb } from './testsupport/localOvsdb.js';

test.before(() => enterPrivateNetns());

/** Columns of Interface that say what became of the row. */
const INTERFACE = [
  'ofport',
  'error',
  'admin_state',
  'link_state',
  'link_speed',
  'duplex',
  'mtu',
  'mac_in_use',
];

/** What the same ovs-vsctl commands bring about in a database, whoever answers there. */
async function story(db: LocalOvsdb): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  const tell = async (table: string, record: string, columns: readonly string[]) => {
    // ovs-vswitchd tells what became of a device a little later than it answers ovs-vsctl.
    if (['nic1', 'in1', 'br-ex'].includes(record) && table === 'Interface')
      await db.vsctl(`wait-until Interface ${record} mac_in_use!=[] mtu!=[] link_speed!=[]`);
    for (const column of columns) told[`${record} ${column}`] = await db.get(table, record, column);
    // Which number is given to who asks for none is anyone's choice.
    const number = Number(told[`${record} ofport`]);
    if (record !== 'nic1' && number > 0 && number < 65534) told[`${record} ofport`] = 'a number';
  };
  const run = async (words: string) => {
    const { stderr } = await db.vsctl(words);
    // Where the log is, each says in its own way.
    told[words] = stderr.replace(/ {2}See ovs-vswitchd log.*/s, '');
  };
  await run('--may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev fail_mode=standalone');
  await run('--may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev');
  await run('add-port br-ex nic1 -- set Interface nic1 ofport_request=17');
  await run('add-port br-ex in1 -- set Interface in1 type=internal mac="02:00:00:00:00:33"');
  await run('add-port br-ex gone');
  await run('add-port br-ex pa -- set Interface pa type=patch options:peer=pb');
  await run('add-port br-ex no-peer -- set Interface no-peer type=patch');
  await run('add-port br-ex odd -- set Interface odd type=odd');
  await tell(
    'Interface',
    'br-ex',
    INTERFACE.filter((column) => !['admin_state', 'link_state'].includes(column)),
  );
  await tell('Interface', 'nic1', INTERFACE);
  await tell('Interface', 'in1', INTERFACE);
  await tell('Interface', 'gone', INTERFACE);
  await tell('Interface', 'pa', ['ofport', 'ifindex', 'admin_state', 'link_state', 'mtu', 'link_speed']);
  await tell('Interface', 'no-peer', INTERFACE);
  await tell('Interface', 'odd', ['ofport', 'mac_in_use']);
  await tell('Bridge', 'br-ex', ['datapath_id', 'datapath_version', 'status', 'fail_mode']);
  await run('del-port pa');
  await run('set Interface nic1 mtu_request=1400');
  for (const name of ['nic1', 'br-ex']) await db.vsctl(`wait-until Interface ${name} mtu=1400`);
  await tell('Interface', 'nic1', ['mtu']);
  await tell('Interface', 'br-ex', ['mtu']);
  await run(
    '--if-exists del-port br-ex nic1 -- add-port br-ex nic1 -- set Interface nic1 external_ids:iface-id=x',
  );
  await tell('Interface', 'nic1', ['error', 'mtu', 'mac_in_use']);
  await db.vsctl('wait-until Interface nic1 statistics:rx_packets>=0');
  told.statistics = (await db.get('Interface', 'nic1', 'statistics')).replace(/=\d+/g, '');
  const [next, current] = await Promise.all(
    ['next_cfg', 'cur_cfg'].map((column) => db.get('Open_vSwitch', '.', column)),
  );
  told.answered = String(next === current);
  await run('set-controller br-ex tcp:127.0.0.1:6653 -- del-controller br-ex');
  await run('del-br br-ex');
  return told;
}

function nic(t: { teardown(f: () => void): void }): void {
  const host = new Host('nic1', '10.0.0.1/24');
  ip('link set nic1 address 00:11:22:33:44:55');
  t.teardown(() => host.remove());
}

test.serial('ovs-vsctl is answered as by stock ovs-vswitchd', async (t) => {
  nic(t);
  const stock = new LocalOvsdb();
  await stock.start();
  await stock.vsctl('--no-wait init');
  await stock.startVswitchd();
  const expected = await story(stock);
  await stock.stop();
  ip('link set nic1 mtu 1500');
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const ours = await story(hv.db);
  t.deepEqual(ours, expected);
});

test.serial('taps that the user space data path of a dead ovs-vswitchd leaves are replaced', async (t) => {
  for (const left of ip('-br link').match(/^br-\S+/gm) ?? []) ip(`link del ${left}`);
  const hv = await Hypervisor.start(undefined, async (db) => {
    await db.startVswitchd();
    for (const bridge of ['br-int', 'br-ex'])
      await db.vsctl(`add-br ${bridge} -- set Bridge ${bridge} datapath_type=netdev`);
    await db.vsctl('add-port br-int in1 -- set Interface in1 type=internal external_ids:iface-id=id-in1');
    await db.vsctl('add-port br-ex in2 -- set Interface in2 type=internal');
    ip('address add 192.0.2.9/24 dev br-ex');
    await db.killVswitchd();
    for (const name of ['br-int', 'br-ex', 'in1', 'in2']) t.regex(ip(`-d link show ${name}`), /tun type tap/);
  });
  t.teardown(() => hv.stop());
  await hv.linked('in2', ({ kind }) => kind === 'veth');
  for (const bridge of ['br-int', 'br-ex']) t.regex(ip(`-d link show ${bridge}`), /^\d+: .*\n.*\n +bridge /m);
  await hv.until(() => hv.taps.plugged.get('id-in1') !== undefined);
  t.is(hv.taps.devices.get(hv.taps.plugged.get('id-in1')!.ifindex), 'iovi-in1');
  t.deepEqual(hv.problems(), []);
  // Who looks for the addresses of the host finds what became of them.
  t.true(hv.log.lines.some((line) => line.includes('192.0.2.9/24')));
  await hv.db.vsctl('del-br br-ex -- del-br br-int');
});

/** Opens a tap and keeps it until its input ends. */
const HOLD = `
import fcntl, struct, sys
tap = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH', sys.argv[1].encode(), 0x1002))
print('open', flush=True)
sys.stdin.read()
`;

test.serial('other taps of the name of a bridge stay, and it is said what they are', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  for (const name of ['br-a', 'br-b']) ip(`tuntap add ${name} mode tap`);
  t.teardown(() => ip('link del br-a'));
  const holder = spawn('python3', ['-c', HOLD, 'br-b'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => holder.kill());
  await once(holder.stdout, 'data');
  await hv.db.vsctl('add-br br-a');
  await hv.db.vsctl('add-br br-b -- set Bridge br-b datapath_type=netdev');
  await hv.until(() => hv.problems().length === 4);
  const text = hv.problems().join('\n');
  t.regex(text, /br-a name: there is a device br-a that is no bridge \(tun\).*a tap that nobody has open/);
  t.regex(text, /br-b name: there is a device br-b that is no bridge \(tun\).*a process has it open/);
  for (const name of ['br-a', 'br-b']) t.regex(ip(`-d link show ${name}`), /tun type tap/);
  // It is the end of the process that makes it one that was left.
  ip('link set br-b up');
  holder.stdin.end();
  await hv.linked('br-b', ({ kind }) => kind === 'bridge');
  await hv.db.vsctl('del-br br-b -- del-br br-a');
});
