import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { enterPrivateNetns } from '../netlink/testsupport/privateNetns.js';
import { chassisIntent, switchIntent } from '../testsupport/intents.js';
import { Namespace, sh, uniqueName } from '../testsupport/namespace.js';
import { iov_tunnel_flag as flag, iov_tunnelCodec } from './abi.js';
import { formatMac } from './compile/ip.js';
import { rowAddressText } from './compile/underlay.js';
import { u32 } from './entry.js';
import { all, Kernel, more } from './testsupport/kernel.js';

/** Waits for netlink to bring about what the test asked of the kernel; the test runner's limit ends it. */
async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await setTimeout(20);
}

// Its routes are nobody else's, whatever runs on this machine.
test.before(() => enterPrivateNetns());

test('a tunnel follows routes, next hops and addresses of the underlay', async (t) => {
  const kernel = await Kernel.open(t);
  const far = new Namespace('far');
  t.teardown(() => far.remove());
  const near = uniqueName('und');
  sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'eth0', 'netns', far.name);
  sh('ip', 'link', 'set', near, 'mtu', '1400', 'up');
  sh('ip', 'address', 'add', '198.51.100.1/24', 'dev', near);
  far.ip('link', 'set', 'eth0', 'address', '0a:00:00:00:0f:02', 'up');
  far.ip('address', 'add', '198.51.100.2/24', 'dev', 'eth0');
  await until(() => kernel.netlink.linkByName(near) !== undefined);
  const { ifindex, mac } = kernel.netlink.linkByName(near)!;

  const datapath = await kernel.start('clsact');
  datapath.setLocalEncaps([{ type: 'vxlan', ip: '198.51.100.1', csum: false }]);
  const { refusals } = await datapath.apply(
    all(
      switchIntent('s', 5),
      chassisIntent('hv2', ['vxlan', '198.51.100.2']),
      chassisIntent('stt', ['stt', '198.51.100.3']),
    ),
  );
  t.deepEqual(
    refusals.map(({ resource }) => resource!.id),
    ['stt'],
  );
  const tunnel = () => kernel.read('iov_tunnels', (map) => iov_tunnelCodec.decode(map.lookup(u32(1))!));
  const resolved = () => (tunnel().flags & flag.IOV_TUNNEL_RESOLVED) !== 0;
  await until(resolved);
  t.like(tunnel(), { ifindex, mtu: 1400, header_length: 50 });
  t.is(formatMac(tunnel().header.subarray(0, 6)), '0a:00:00:00:0f:02');
  t.is(formatMac(tunnel().header.subarray(6, 12)), mac!);
  t.true(datapath.isResolved(1));
  t.true(datapath.attachments.isAttached('uplink', ifindex));
  t.deepEqual(kernel.contents('iov_tunnel_sources', 'iov_tunnel_locals'), [
    'iov_tunnel_sources c6336402c6336401 01000000',
    'iov_tunnel_locals c6336401 01',
  ]);

  // The next hop is another machine now.
  sh('ip', 'neigh', 'replace', '198.51.100.2', 'lladdr', '0a:00:00:00:0f:07', 'dev', near);
  await until(() => formatMac(tunnel().header.subarray(0, 6)) === '0a:00:00:00:0f:07');
  sh('ip', 'neigh', 'del', '198.51.100.2', 'dev', near);
  await until(() => formatMac(tunnel().header.subarray(0, 6)) === '0a:00:00:00:0f:02');

  // A gateway.
  sh('ip', 'route', 'add', '203.0.113.0/24', 'via', '198.51.100.2', 'src', '198.51.100.1');
  await datapath.apply(more(chassisIntent('hv2', ['vxlan', '203.0.113.9'])));
  const moved = () =>
    kernel
      .contents('iov_tunnels')
      .map((line) => iov_tunnelCodec.decode(Buffer.from(line.split(' ')[2]!, 'hex')));
  t.deepEqual(
    moved().map(({ remote_ip }) => rowAddressText(remote_ip)),
    ['203.0.113.9'],
  );
  t.is(formatMac(moved()[0]!.header.subarray(0, 6)), '0a:00:00:00:0f:02');

  // Without the device there is no way there (there may be one by a default route); with it there is again.
  sh('ip', 'link', 'set', near, 'down');
  await until(() => moved()[0]!.ifindex !== ifindex);
  sh('ip', 'link', 'set', near, 'up');
  sh('ip', 'route', 'replace', '203.0.113.0/24', 'via', '198.51.100.2', 'src', '198.51.100.1');
  await until(() => (moved()[0]!.flags & flag.IOV_TUNNEL_RESOLVED) !== 0);

  sh('ip', 'link', 'del', near);
  await until(() => (moved()[0]!.flags & flag.IOV_TUNNEL_VALID) === 0);
  await until(() => !datapath.attachments.isAttached('uplink', ifindex));
  await datapath.attachments.settled();
  t.deepEqual(
    readdirSync(`${kernel.versioned}/links`).filter((name) => name.endsWith(`-${ifindex}`)),
    [],
  );
});
