import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { enterPrivateNetns } from '../netlink/testsupport/privateNetns.js';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { type Machine, Namespace, sh, uniqueName } from '../testsupport/namespace.js';
import { iov_tunnel_flag as flag, type iov_tunnel, iov_tunnelCodec } from './abi.js';
import { formatMac } from './compile/ip.js';
import { rowAddressText } from './compile/underlay.js';
import type { Datapath } from './datapath.js';
import { u32 } from './entry.js';
import { all, Kernel, more } from './testsupport/kernel.js';

// Routes, and sysctls, of its own.
test.before(enterPrivateNetns);

const INNER = '0a:00:00:00:00:0';

/** Waits for netlink to bring about what the test asked of the kernel; the test runner's limit ends it. */
async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await setTimeout(20);
}

/** A device here and one of that name in another namespace, with addresses, both up. */
async function wire(kernel: Kernel, far: Namespace, ours: string[], theirs: string[], mac: string) {
  const near = uniqueName('und');
  sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', near, 'netns', far.name);
  sh('ip', 'link', 'set', near, 'up');
  far.ip('link', 'set', near, 'address', mac, 'up');
  for (const address of ours) sh('ip', 'address', 'add', address, 'dev', near, ...nodad(address));
  for (const address of theirs) far.ip('address', 'add', address, 'dev', near, ...nodad(address));
  await until(() => kernel.netlink.linkByName(near)?.lowerUp === true);
  return { near, ifindex: kernel.netlink.linkByName(near)!.ifindex };
}

function nodad(address: string): string[] {
  return address.includes(':') ? ['nodad'] : [];
}

function farNamespace(t: ExecutionContext): Namespace {
  const far = new Namespace('far');
  t.teardown(() => far.remove());
  return far;
}

function row(kernel: Kernel, number: number): iov_tunnel {
  return kernel.read('iov_tunnels', (map) => iov_tunnelCodec.decode(map.lookup(u32(number))!));
}

function isResolved({ flags }: iov_tunnel): boolean {
  return (flags & flag.IOV_TUNNEL_RESOLVED) !== 0;
}

/** MAC of the next hop. */
function hop({ header }: iov_tunnel): string {
  return formatMac(header.subarray(0, 6));
}

const encaps = (type: string, ...ips: string[]) => ips.map((ip) => ({ type, ip, csum: false }));

test.serial(
  'an IPv6 underlay: on the link, then by a link-local gateway, with the MTU of the route',
  async (t) => {
    const kernel = await Kernel.open(t);
    const far = farNamespace(t);
    const { near, ifindex } = await wire(
      kernel,
      far,
      ['2001:db8:aa::1/64'],
      ['2001:db8:aa::2/64', 'fe80::bb/64'],
      '0a:00:00:00:0f:02',
    );
    const datapath = await kernel.start('clsact');
    datapath.setLocalEncaps(encaps('geneve', '2001:db8:aa::1'));
    await datapath.apply(all(switchIntent('s', 5), chassisIntent('hv2', ['geneve', '2001:DB8:AA::2'])));
    await until(() => isResolved(row(kernel, 1)));
    t.like(row(kernel, 1), { ifindex, mtu: 1500, header_length: 78 });
    t.is(hop(row(kernel, 1)), '0a:00:00:00:0f:02');
    t.is(rowAddressText(row(kernel, 1).remote_ip), '2001:db8:aa::2');
    t.truthy(row(kernel, 1).flags & flag.IOV_TUNNEL_IP6);
    t.deepEqual(kernel.contents('iov_tunnel_locals', 'iov_tunnel_locals6'), [
      'iov_tunnel_locals6 20010db800aa00000000000000000001 01',
    ]);
    await until(() => datapath.attachments.isAttached('uplink', ifindex));

    sh('ip', '-6', 'route', 'add', '2001:db8:cc::/64', 'via', 'fe80::bb', 'dev', near, 'mtu', '1400');
    await datapath.apply(more(chassisIntent('hv2', ['geneve', '2001:db8:cc::2'])));
    const number = datapath.compiler.tunnels.get('hv2')![0]!.number;
    await until(() => isResolved(row(kernel, number)));
    t.like(row(kernel, number), { ifindex, mtu: 1400 });
    t.deepEqual(
      datapath.pathOf(datapath.compiler.tunnels.get('hv2')![0]!.tunnel)?.ways[0]?.gateway,
      'fe80::bb',
    );
    sh('ip', 'link', 'set', near, 'mtu', '1300');
    await until(() => row(kernel, number).mtu === 1300);
    sh('ip', 'link', 'del', near);
  },
);

/** A machine here that sends to a port at another chassis, and how many packets have come to a device in a namespace. */
async function sender(kernel: Kernel, datapath: Datapath): Promise<Machine> {
  const a = await kernel.machine(`${INNER}1`, '10.9.0.1/24');
  await kernel.plug({ a });
  await datapath.apply(
    more(
      portIntent('a', 's', 1, { local: true, chassis: 'hv1', addresses: [`${INNER}1 10.9.0.1`] }),
      portIntent('b', 's', 2, { chassis: 'hv2', addresses: [`${INNER}2 10.9.0.2`] }),
    ),
  );
  a.namespace.ip('neighbour', 'replace', '10.9.0.2', 'lladdr', `${INNER}2`, 'dev', 'eth0');
  return a;
}

/** Packets that a device in a namespace has received. */
function received(far: Namespace, device: string): number {
  const [link] = JSON.parse(far.ip('-s', '-j', 'link', 'show', 'dev', device));
  return link.stats64.rx.packets;
}

/** UDP datagrams of as many flows. */
function flows(machine: Machine, count: number): void {
  const script = `for port in range(20000, 20000 + ${count}):
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.9.0.1", port)); s.sendto(b"x" * 64, ("10.9.0.2", 9)); s.close()`;
  machine.namespace.run('python3', '-c', `import socket\n${script}`);
}

test.serial(
  'two uplinks with an equal-cost route share the flows; the one that is left has them all',
  async (t) => {
    const kernel = await Kernel.open(t);
    const far = farNamespace(t);
    const one = await wire(kernel, far, ['198.51.100.1/24'], ['198.51.100.2/24'], '0a:00:00:00:0f:02');
    const two = await wire(kernel, far, ['198.51.101.1/24'], ['198.51.101.2/24'], '0a:00:00:00:0f:03');
    sh('ip', 'address', 'add', '203.0.113.1/32', 'dev', one.near);
    const nexthops = [one, two].flatMap(({ near }, index) => [
      'nexthop',
      'via',
      `198.51.10${index}.2`,
      'dev',
      near,
    ]);
    sh('ip', 'route', 'add', '203.0.113.200/32', 'src', '203.0.113.1', ...nexthops);
    const datapath = await kernel.start('clsact');
    datapath.setLocalEncaps(encaps('vxlan', '203.0.113.1'));
    await datapath.apply(all(switchIntent('s', 5), chassisIntent('hv2', ['vxlan', '203.0.113.200'])));
    const a = await sender(kernel, datapath);
    await until(() => row(kernel, 1).share === 0x2000 && isResolved(row(kernel, row(kernel, 1).other)));
    const other = row(kernel, row(kernel, 1).other);
    t.deepEqual([hop(row(kernel, 1)), hop(other)].sort(), ['0a:00:00:00:0f:02', '0a:00:00:00:0f:03']);
    t.truthy(other.flags & flag.IOV_TUNNEL_WAY);
    const counts = () => [one, two].map(({ near }) => received(far, near));
    const before = counts();
    flows(a, 200);
    const shared = counts().map((count, index) => count - before[index]!);
    t.true(
      shared.every((count) => count > 50),
      `${shared}`,
    );
    t.is(datapath.counters.ofTunnel(1).tx_packets >= 200n, true, 'counted at the tunnel, whichever way');

    far.ip('link', 'set', two.near, 'down');
    await until(() => row(kernel, 1).share === 0 && hop(row(kernel, 1)) === '0a:00:00:00:0f:02');
    const alone = received(far, one.near);
    flows(a, 100);
    t.true(received(far, one.near) - alone >= 100);
    far.ip('link', 'set', two.near, 'up');
    await until(() => row(kernel, 1).share !== 0);
    for (const { near } of [one, two]) sh('ip', 'link', 'del', near);
  },
);

test.serial('a gateway that changes its MAC under traffic: nothing is lost', async (t) => {
  const kernel = await Kernel.open(t);
  const far = farNamespace(t);
  const { near } = await wire(kernel, far, ['198.51.100.1/24'], ['198.51.100.2/24'], '0a:00:00:00:0f:02');
  sh('ip', 'route', 'add', '203.0.113.200/32', 'via', '198.51.100.2');
  const datapath = await kernel.start('clsact');
  datapath.setLocalEncaps(encaps('vxlan', '198.51.100.1'));
  await datapath.apply(all(switchIntent('s', 5), chassisIntent('hv2', ['vxlan', '203.0.113.200'])));
  const a = await sender(kernel, datapath);
  await until(() => isResolved(row(kernel, 1)));
  // As a gateway that another machine takes over: it announces itself, and the kernel believes it at once.
  far.run('sysctl', '-q', '-w', `net.ipv4.conf.${near}.arp_notify=1`);
  sh('sysctl', '-q', '-w', `net.ipv4.neigh.${near}.locktime=0`);
  far.ip('link', 'set', near, 'promisc', 'on');
  const before = received(far, near);
  flows(a, 100);
  far.ip('link', 'set', near, 'address', '0a:00:00:00:0f:77');
  flows(a, 100);
  await until(() => hop(row(kernel, 1)) === '0a:00:00:00:0f:77');
  flows(a, 100);
  t.true(received(far, near) - before >= 300);
  t.is(datapath.counters.ofTunnel(1).tx_drops, 0n);
  // The neighbour is forgotten altogether: the kernel resolves it for the packets that come.
  sh('ip', 'neighbour', 'flush', 'dev', near);
  flows(a, 1);
  await until(() => isResolved(row(kernel, 1)));
  t.is(datapath.counters.ofTunnel(1).tx_packets >= 301n, true);
  sh('ip', 'link', 'del', near);
});

test.serial(
  'several addresses of both chassis: the source is the kernel’s choice, a port is reached at its own',
  async (t) => {
    const kernel = await Kernel.open(t);
    const far = farNamespace(t);
    const one = await wire(kernel, far, ['198.51.100.1/24'], ['198.51.100.2/24'], '0a:00:00:00:0f:02');
    const two = await wire(kernel, far, ['198.51.101.1/24'], ['198.51.101.2/24'], '0a:00:00:00:0f:03');
    const datapath = await kernel.start('clsact');
    datapath.setLocalEncaps(encaps('vxlan', '198.51.100.1', '198.51.101.1'));
    const hv2 = chassisIntent('hv2', ['vxlan', '198.51.100.2'], ['vxlan', '198.51.101.2']);
    await datapath.apply(all(switchIntent('s', 5), hv2));
    const a = await sender(kernel, datapath);
    await until(() => isResolved(row(kernel, 1)) && isResolved(row(kernel, 2)));
    const pairs = [1, 2].map((number) => {
      const { local_ip, remote_ip, ifindex } = row(kernel, number);
      return [rowAddressText(local_ip), rowAddressText(remote_ip), ifindex];
    });
    t.deepEqual(pairs, [
      ['198.51.100.1', '198.51.100.2', one.ifindex],
      ['198.51.101.1', '198.51.101.2', two.ifindex],
    ]);
    flows(a, 10);
    const [first, second] = [1, 2].map((number) => datapath.counters.ofTunnel(number).tx_packets);
    t.true(first! >= 10n);
    const port = { chassis: 'hv2', addresses: [`${INNER}2 10.9.0.2`], encapIps: { hv2: '198.51.101.2' } };
    await datapath.apply(more(portIntent('b', 's', 2, port)));
    const before = received(far, two.near);
    flows(a, 10);
    t.true(datapath.counters.ofTunnel(2).tx_packets >= second! + 10n);
    t.true(received(far, two.near) - before >= 10);
    for (const { near } of [one, two]) sh('ip', 'link', 'del', near);
  },
);
