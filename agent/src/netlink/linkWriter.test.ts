import { execFileSync } from 'node:child_process';
import test from 'ava';
import { Netlink } from './netlink.js';
import { enterPrivateNetns, ip } from './testsupport/privateNetns.js';
import { RecordingLog } from './testsupport/recordingLog.js';
import { until } from './testsupport/until.js';

test.before(() => enterPrivateNetns());

async function open(): Promise<Netlink> {
  const netlink = Netlink.open(new RecordingLog());
  await netlink.start();
  return netlink;
}

test.serial('a veth is made with both its ends, marked, and removed', async (t) => {
  const netlink = await open();
  t.teardown(() => netlink.close());
  netlink.writer.createVeth({ name: 'aa', mac: '02:00:00:00:00:0a', mtu: 1400 }, { name: 'bb' });
  const [aa, bb] = [netlink.linkByName('aa')!, netlink.linkByName('bb')!];
  t.like(aa, { kind: 'veth', mac: '02:00:00:00:00:0a', mtu: 1400, peerIfindex: bb.ifindex, up: false });
  t.is(bb.peerIfindex, aa.ifindex);
  netlink.writer.setAlias(bb.ifindex, 'iovisor test');
  t.is(netlink.linkByName('bb')?.alias, 'iovisor test');
  netlink.writer.setMac(aa.ifindex, '02:00:00:00:00:0b');
  t.is(netlink.linkByName('aa')?.mac, '02:00:00:00:00:0b');
  netlink.writer.withoutLinkLocal(aa.ifindex);
  netlink.writer.setUp(aa.ifindex);
  netlink.writer.setUp(bb.ifindex);
  await until(netlink, ['link'], () => netlink.links.get(aa.ifindex)?.lowerUp === true);
  const addresses = ip('-6 -o address show');
  t.false(addresses.includes(' aa '), addresses);
  t.true(addresses.includes(' bb '), addresses);
  t.throws(() => netlink.writer.createVeth({ name: 'cc' }, { name: 'bb' }), { code: 'EEXIST' });
  netlink.writer.remove(bb.ifindex);
  t.is(netlink.linkByName('aa'), undefined);
  await netlink.writer.removed;
  t.is(netlink.findLink('aa'), undefined);
  t.notThrows(() => netlink.writer.remove(bb.ifindex));
  t.throws(() => netlink.writer.setUp(bb.ifindex), { code: 'ENODEV' });
});

test.serial('a bridge that only switches, and its ports', async (t) => {
  const netlink = await open();
  t.teardown(() => netlink.close());
  const { vlanFiltering } = netlink.writer.createBridge({ name: 'br', mac: '02:00:00:00:00:01' });
  const bridge = netlink.linkByName('br')!;
  t.like(bridge, { kind: 'bridge', mac: '02:00:00:00:00:01' });
  const details = ip('-d link show br');
  t.regex(details, /stp_state 0 /);
  t.regex(details, /mcast_snooping 0 /);
  t.regex(details, new RegExp(`vlan_filtering ${Number(vlanFiltering)} `));
  netlink.writer.createVeth({ name: 'aa' }, { name: 'bb' });
  const { ifindex } = netlink.linkByName('aa')!;
  netlink.writer.setMaster(ifindex, bridge.ifindex);
  t.is(netlink.links.get(ifindex)?.master, bridge.ifindex);
  netlink.writer.setMaster(ifindex, undefined);
  t.is(netlink.links.get(ifindex)?.master, undefined);
  t.throws(() => netlink.writer.setMaster(bridge.ifindex, bridge.ifindex), { code: 'ELOOP' });
  netlink.writer.remove(bridge.ifindex);
  netlink.writer.remove(ifindex);
  await netlink.writer.removed;
});

test.serial(
  'many are removed at once, without keeping anybody waiting, and by the next process if need be',
  async (t) => {
    const netlink = await open();
    t.teardown(() => netlink.close());
    const names = Array.from({ length: 50 }, (_, at) => `m${at}`);
    for (const name of names) netlink.writer.createVeth({ name }, { name: `${name}-peer` });
    const events: string[] = [];
    netlink.on('link', ({ kind, link }) => events.push(`${kind} ${link.name}`));
    for (const name of names) netlink.writer.remove(netlink.linkByName(name)!.ifindex);
    t.is(events.filter((event) => event.startsWith('removed')).length, 100);
    let turns = 0;
    const count = () => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    await netlink.writer.removed;
    clearImmediate(turning);
    t.true(turns > 10, 'the event loop goes on');
    ip('link add late type veth peer name later');
    ip('link set late group 1768912484');
    await until(netlink, ['link'], () => netlink.linkByName('late') !== undefined);
    t.deepEqual(
      events.filter((event) => /^new (?!late)/.test(event)),
      [],
      'no late event brings one back',
    );
    const next = await open();
    t.teardown(() => next.close());
    await next.writer.removed;
    t.is(next.findLink('later'), undefined);
  },
);

test.serial('the other end of a veth is found in another namespace, too, as it is there', async (t) => {
  const netlink = await open();
  t.teardown(() => netlink.close());
  const name = `peer-${process.pid}`;
  ip(`netns add ${name}`);
  t.teardown(() => ip(`netns del ${name}`));
  netlink.writer.createVeth({ name: 'aa' }, { name: 'bb' });
  const here = () => netlink.linkByName('aa')!;
  t.is(netlink.peerOf(here())?.name, 'bb');
  ip(`link set bb netns ${name}`);
  await until(netlink, ['link'], () => here().peerInOtherNetns);
  ip(`-n ${name} link set bb name eth0 address 02:00:00:00:00:0c mtu 1300 up`);
  t.like(netlink.peerOf(here()), { name: 'eth0', mac: '02:00:00:00:00:0c', mtu: 1300, up: true });
  netlink.writer.remove(here().ifindex);
  await netlink.writer.removed;
});

test.serial('a bridge forgets what it learned at one port, nothing else', async (t) => {
  const netlink = Netlink.open(new RecordingLog());
  await netlink.start();
  t.teardown(() => netlink.close());
  ip('link add bra up type bridge');
  for (const [name, peer, mac] of [
    ['aa', 'ab', '01'],
    ['ba', 'bb', '02'],
  ] as const) {
    ip(`link add ${name} type veth peer name ${peer}`);
    ip(`link set ${name} master bra up`);
    ip(`link set ${peer} up`);
    execFileSync('bridge', ['fdb', 'add', `02:00:00:00:00:${mac}`, 'dev', name, 'master', 'dynamic']);
    execFileSync('bridge', ['fdb', 'add', `02:00:00:00:01:${mac}`, 'dev', name, 'master', 'static']);
  }
  await until(netlink, ['link'], () => netlink.linkByName('ba')?.master !== undefined);
  netlink.writer.flushLearned(netlink.linkByName('aa')!.ifindex);
  const known = execFileSync('bridge', ['fdb', 'show', 'br', 'bra'], { encoding: 'utf8' });
  t.deepEqual([...new Set(known.match(/02:00:00:00:0[01]:\d\d/g))].sort(), [
    '02:00:00:00:00:02',
    '02:00:00:00:01:01',
    '02:00:00:00:01:02',
  ]);
  for (const name of ['bra', 'aa', 'ba']) ip(`link del ${name}`);
});

test.serial('what bridges learn is not listened to', async (t) => {
  const log = new RecordingLog();
  // Room for less than two hundred messages.
  const netlink = Netlink.open(log, { eventBufferBytes: 65_536 });
  await netlink.start();
  t.teardown(() => netlink.close());
  ip('link add bra type bridge');
  ip('link add aa type veth peer name bb');
  ip('link set aa master bra');
  await until(netlink, ['link'], () => netlink.linkByName('aa')?.master !== undefined);
  const learned = Array.from(
    { length: 1000 },
    (_, at) => `02:00:00:00:${(at >> 8).toString(16)}:${(at & 255).toString(16)}`,
  );
  const seen: string[] = [];
  netlink.on('neighbour', ({ ip: address }) => seen.push(address));
  // This process sleeps meanwhile.
  execFileSync('bridge', ['-batch', '-'], {
    input: learned.map((mac) => `fdb add ${mac} dev aa master static`).join('\n'),
  });
  ip('neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev aa');
  await until(netlink, ['neighbour', 'resync'], () => seen.includes('192.0.2.9') || log.lines.length > 0);
  t.deepEqual(log.lines, []);
  ip('link del bra');
  ip('link del aa');
});
