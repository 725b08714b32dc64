import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { LinkEvent } from './link.js';
import { Netlink } from './netlink.js';
import { enterPrivateNetns, ip } from './testsupport/privateNetns.js';
import { RecordingLog } from './testsupport/recordingLog.js';
import { until } from './testsupport/until.js';

const other = `agent-netlink-${process.pid}`;
let netlink: Netlink;
const events: LinkEvent[] = [];

test.before(async () => {
  enterPrivateNetns();
  ip(`netns add ${other}`);
  ip('link add before type veth peer name beforep');
  netlink = Netlink.open(new RecordingLog());
  netlink.on('link', (event) => events.push(event));
  await netlink.start();
});
test.after.always(() => {
  netlink?.close();
  ip(`netns del ${other}`);
});

const byName = (name: string) => netlink.linkByName(name);
const links = (condition: () => boolean) => until(netlink, ['link'], condition);

test.serial('devices that were there before are known after start', (t) => {
  t.is(byName('lo')?.ifindex, 1);
  t.is(byName('lo')?.mtu, 65536);
  const [a, b] = [byName('before'), byName('beforep')];
  t.is(a?.kind, 'veth');
  t.is(a?.peerIfindex, b?.ifindex);
  t.is(b?.peerIfindex, a?.ifindex);
  t.false(a?.peerInOtherNetns);
  t.regex(a?.mac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  t.is(netlink.links.get(a!.ifindex), a);
});

test.serial('create, up, down, MTU, MAC, rename and delete of a tap are events', async (t) => {
  ip('tuntap add tap0 mode tap');
  await links(() => byName('tap0') !== undefined);
  const { ifindex } = byName('tap0')!;
  t.is(byName('tap0')!.kind, 'tun');
  t.false(byName('tap0')!.up);

  ip('link set tap0 up');
  await links(() => byName('tap0')!.up);
  t.false(byName('tap0')!.lowerUp, 'nobody holds the tap open');
  ip('link set tap0 mtu 1400');
  await links(() => byName('tap0')!.mtu === 1400);
  ip('link set tap0 address 02:00:00:00:00:07');
  await links(() => byName('tap0')!.mac === '02:00:00:00:00:07');
  ip('link set tap0 down');
  await links(() => !byName('tap0')!.up);

  ip('link set tap0 name tap1');
  await links(() => byName('tap1') !== undefined);
  t.is(byName('tap1')!.ifindex, ifindex);
  t.is(byName('tap0'), undefined);
  const rename = events.findLast(({ kind }) => kind === 'changed')!;
  t.is(rename.old?.name, 'tap0');
  t.is(rename.link.name, 'tap1');

  ip('link del tap1');
  await links(() => byName('tap1') === undefined);
  t.false(netlink.links.has(ifindex));
  t.is(events.findLast(({ kind }) => kind === 'removed')?.link.name, 'tap1');

  ip('tuntap add tap1 mode tap');
  await links(() => byName('tap1') !== undefined);
  t.not(byName('tap1')!.ifindex, ifindex, 'a device that comes back is another one');
  ip('link del tap1');
});

test.serial('two devices exchange names', async (t) => {
  ip('link add a0 type veth peer name b0');
  await links(() => byName('a0') !== undefined && byName('b0') !== undefined);
  const [a, b] = [byName('a0')!.ifindex, byName('b0')!.ifindex];
  ip('link set a0 name c0');
  ip('link set b0 name a0');
  ip('link set c0 name b0');
  await links(() => byName('b0')?.ifindex === a && byName('a0')?.ifindex === b);
  t.is(byName('c0'), undefined);
  ip('link del a0');
  await links(() => byName('a0') === undefined && byName('b0') === undefined);
});

test.serial(
  'a bridge that a device enters and leaves is its master, and leaving is no removal',
  async (t) => {
    ip('link add br0 type bridge');
    ip('link add s0 type veth peer name s1');
    ip('link set s0 master br0');
    await links(() => byName('s0')?.master !== undefined && byName('s0')?.master === byName('br0')?.ifindex);
    const { ifindex } = byName('s0')!;
    ip('link set s0 nomaster');
    await links(() => byName('s0')?.master === undefined);
    t.is(byName('s0')?.ifindex, ifindex);
    t.false(events.some(({ kind, link }) => kind === 'removed' && link.name === 's0'));
    ip('link del br0');
    ip('link del s0');
    await links(() => byName('s0') === undefined);
  },
);

test.serial("a veth's peer that moves to another namespace and back is noticed at this end", async (t) => {
  ip('link add m0 type veth peer name m1');
  await links(() => byName('m0') !== undefined && byName('m1') !== undefined);
  const peer = byName('m1')!.ifindex;
  ip(`link set m1 netns ${other}`);
  await links(() => byName('m0')!.peerInOtherNetns);
  t.is(byName('m1'), undefined);
  t.is(byName('m0')!.peerIfindex, peer, 'the kernel keeps the number if it is free there');
  ip(`-n ${other} link set m1 netns ${process.pid}`);
  await links(() => byName('m1') !== undefined && !byName('m0')!.peerInOtherNetns);
  t.is(byName('m0')!.peerIfindex, byName('m1')!.ifindex);
  ip('link del m0');
  await links(() => byName('m0') === undefined && byName('m1') === undefined);
});

test.serial('addresses come and go', async (t) => {
  ip('link add x0 type veth peer name x1');
  await links(() => byName('x0') !== undefined);
  const { ifindex } = byName('x0')!;
  const addresses = () => netlink.addresses.get(ifindex) ?? [];
  ip('addr add 10.1.0.1/24 dev x0');
  ip('addr add 2001:db8::1/64 dev x0');
  await until(netlink, ['address'], () => addresses().length === 2);
  t.deepEqual(addresses(), [
    { family: 4, address: '10.1.0.1', prefixLength: 24 },
    { family: 6, address: '2001:db8::1', prefixLength: 64 },
  ]);
  ip('addr del 10.1.0.1/24 dev x0');
  await until(netlink, ['address'], () => addresses().length === 1);
  ip('link del x0');
  await until(netlink, ['address'], () => !netlink.addresses.has(ifindex));
});

test.serial('routes: on the link, by a gateway, by mark, by source, with MTU, none', async (t) => {
  ip('link add r0 type veth peer name r1');
  ip('link set r0 up');
  ip('link set r1 up');
  ip('addr add 10.2.0.1/24 dev r0');
  ip('addr add 2001:db8:2::1/64 dev r0 nodad');
  await links(() => byName('r0')?.lowerUp === true);
  const { ifindex } = byName('r0')!;
  t.like(netlink.route('10.2.0.9'), { ifindex, source: '10.2.0.1', gateway: undefined });
  t.like(netlink.route('2001:db8:2::9'), { ifindex, source: '2001:db8:2::1' });
  t.is(netlink.route('192.0.2.1'), undefined);
  const announced = once(netlink, 'route');
  ip('route add 192.0.2.0/24 via 10.2.0.254 mtu 1400');
  await announced;
  t.like(netlink.route('192.0.2.1'), { ifindex, gateway: '10.2.0.254', source: '10.2.0.1', mtu: 1400 });
  ip('route add 203.0.113.0/24 via 10.2.0.253 table 7');
  ip('rule add fwmark 9 table 7');
  t.is(netlink.route('203.0.113.1'), undefined);
  t.is(netlink.route('203.0.113.1', { mark: 9 })?.gateway, '10.2.0.253');
  ip('addr add 10.2.0.2/24 dev r0');
  t.is(netlink.route('10.2.0.9', { source: '10.2.0.2' })?.ifindex, ifindex);
  t.is(netlink.route('10.2.0.9', { source: '198.51.100.1' }), undefined, 'not an address of ours');
  ip('route add blackhole 198.51.100.0/24');
  t.is(netlink.route('198.51.100.1'), undefined);
  ip('route add 192.0.3.0/24 via inet6 2001:db8:2::fe dev r0');
  t.is(netlink.route('192.0.3.1')?.gateway, '2001:db8:2::fe');
  t.throws(() => netlink.route('10.2.0'), { message: /"10\.2\.0" is not an IP address/ });
  t.throws(() => netlink.route('10.2.0.9', { source: '::1' }), { message: /not the same IP version/ });
  ip('link del r0');
});

test.serial('a neighbour is resolved because it is used, and its end is an event', async (t) => {
  ip(`link add n0 type veth peer name n1 netns ${other}`);
  ip('link set n0 up');
  ip(`-n ${other} link set n1 up`);
  ip(`-n ${other} link set n1 address 02:00:00:00:01:01`);
  ip('addr add 10.3.0.1/24 dev n0');
  ip(`-n ${other} addr add 10.3.0.2/24 dev n1`);
  await links(() => byName('n0')?.lowerUp === true);
  const { ifindex } = byName('n0')!;
  t.is(netlink.neighbour(ifindex, '10.3.0.2'), undefined);
  netlink.useNeighbour(ifindex, '10.3.0.2');
  const seen = () => netlink.neighbour(ifindex, '10.3.0.2');
  await until(netlink, ['neighbour'], () => seen()?.mac !== undefined);
  t.is(seen()?.mac, '02:00:00:00:01:01');
  t.is(seen()?.state, 'reachable');

  ip('neigh replace 10.3.0.7 lladdr 02:00:00:00:01:07 dev n0 nud permanent');
  await until(netlink, ['neighbour'], () => netlink.neighbour(ifindex, '10.3.0.7') !== undefined);
  t.deepEqual(netlink.neighbour(ifindex, '10.3.0.7'), { mac: '02:00:00:00:01:07', state: 'permanent' });
  netlink.useNeighbour(ifindex, '10.3.0.7');
  t.is(netlink.neighbour(ifindex, '10.3.0.7')?.state, 'permanent', 'what an administrator has set stays');

  const gone = once(netlink, 'neighbour');
  ip('neigh del 10.3.0.2 dev n0');
  t.deepEqual((await gone)[0], { ifindex, ip: '10.3.0.2' });
  await until(netlink, ['neighbour'], () => seen()?.mac === undefined);

  netlink.useNeighbour(ifindex, '10.3.0.99');
  t.is(netlink.neighbour(ifindex, '10.3.0.99')?.state, 'incomplete');
  t.is(netlink.neighbour(ifindex, '10.3.0.99')?.mac, undefined);
  t.notThrows(() => netlink.useNeighbour(999_999, '10.3.0.2'), 'a device that vanished');
  t.is(netlink.neighbour(999_999, '10.3.0.2'), undefined);
  ip('link del n0');
});

test.serial('a device is set up and its MTU set; one that is gone is an error that says so', async (t) => {
  ip('tuntap add tap5 mode tap');
  const found = netlink.findLink('tap5');
  t.is(found?.name, 'tap5', 'found though its event was not read yet');
  t.is(byName('tap5'), found);
  netlink.writer.setUp(found!.ifindex);
  netlink.writer.setMtu(found!.ifindex, 1300);
  t.true(byName('tap5')!.up);
  t.is(byName('tap5')!.mtu, 1300);
  t.throws(() => netlink.writer.setMtu(found!.ifindex, 10_000_000), { code: 'EINVAL', message: /mtu/i });
  ip('link del tap5');
  await links(() => byName('tap5') === undefined);
  t.is(netlink.findLink('tap5'), undefined);
  t.throws(() => netlink.writer.setUp(found!.ifindex), { code: 'ENODEV' });
});

test.serial('counters of every device', async (t) => {
  const lo = (await netlink.statistics()).get(1)!;
  t.is(lo.get('rx_packets'), lo.get('tx_packets'));
  t.true((await netlink.statistics()).size >= 2);
});

test.serial('counters that stand still are told from those that move without reading them', async (t) => {
  ip('link add tc1 type veth peer name tc2');
  const { ifindex } = netlink.findLink('tc1')!;
  const now = async () => (await netlink.statistics()).get(ifindex)!;
  const before = await now();
  t.true((await now()).equals(before));
  ip('link set tc2 up');
  ip('link set tc1 up');
  ip('address add 192.0.2.9/24 dev tc1');
  // Nobody answers: its ARP request is what moves them.
  netlink.useNeighbour(ifindex, '192.0.2.10');
  for (let look = 0; look < 100 && (await now()).equals(before); look++);
  const after = await now();
  t.false(after.equals(before));
  t.true(after.get('tx_packets') > before.get('tx_packets'));
  ip('link del tc1');
});

test.serial('lost events: everything is read again and the difference is announced', async (t) => {
  const log = new RecordingLog();
  const small = Netlink.open(log, { eventBufferBytes: 1 });
  await small.start();
  const seen: string[] = [];
  small.on('link', ({ kind, link }) => seen.push(`${kind} ${link.name}`));
  ip('tuntap add gone0 mode tap');
  await until(small, ['link'], () => small.linkByName('gone0') !== undefined);
  const resync = once(small, 'resync');
  // The process does not read while it waits for ip(8): the least buffer the kernel gives holds few of these.
  for (let at = 0; at < 40; at++) ip(`link add o${at} type veth peer name p${at}`);
  ip('link del gone0');
  await resync;
  for (let at = 0; at < 40; at++) t.truthy(small.linkByName(`o${at}`), `o${at}`);
  t.is(small.linkByName('gone0'), undefined);
  t.true(seen.includes('removed gone0'));
  t.is(new Set(seen).size, seen.length, 'each difference once');
  t.true(log.lines.some((line) => /netlink events were lost.*ENOBUFS/.test(line)));
  // It goes on after that.
  ip('tuntap add later0 mode tap');
  await until(small, ['link'], () => small.linkByName('later0') !== undefined);
  small.close();
  small.close();
  t.throws(() => small.useNeighbour(1, '127.0.0.1'), { code: 'EBADF' }, 'nothing is asked any more');
});

test.serial('an agent entered with nsenter --net= alone sees that namespace', async (t) => {
  const script = fileURLToPath(new URL('testsupport/linkPrinter.js', import.meta.url));
  ip(`-n ${other} link add inside type veth peer name inside2`);
  const child = spawn('nsenter', [`--net=/run/netns/${other}`, process.execPath, script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null');
  t.deepEqual((await next()).start.sort(), ['inside', 'inside2', 'lo']);
  ip(`-n ${other} link del inside`);
  const gone = [await next(), await next()];
  t.deepEqual(gone.map(({ kind, name }) => `${kind} ${name}`).sort(), ['removed inside', 'removed inside2']);
  child.stdin.end();
  const [status] = await once(child, 'exit');
  t.is(status, 0, 'close() leaves nothing that keeps the process alive');
});
