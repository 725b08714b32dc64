import test from 'ava';
import { Netlink } from '../netlink/index.js';
import { enterPrivateNetns, ip } from '../netlink/testsupport/privateNetns.js';
import { RecordingLog } from '../netlink/testsupport/recordingLog.js';
import { until } from '../netlink/testsupport/until.js';
import type { Tunnel } from './compile/tunnelFacts.js';
import { TunnelPaths } from './tunnelPaths.js';

const LOCAL = '192.0.2.1';

const tunnelTo = (remoteIp: string): Tunnel => ({
  encap: 'vxlan',
  localIp: LOCAL,
  remoteIp,
  localIps: [LOCAL],
  csum: false,
  tos: 0,
  df: true,
  either: false,
});
const near = tunnelTo('192.0.2.2');
const far = tunnelTo('198.51.100.2');

let netlink: Netlink;
let paths: TunnelPaths;
/** Which of the tunnels each event was about. */
const asked: string[] = [];

test.before(async () => {
  enterPrivateNetns();
  for (const [name, address] of [
    ['near', '192.0.2.1/24'],
    ['far', '198.51.100.1/24'],
  ] as const) {
    ip(`link add ${name} type veth peer name ${name}p`);
    // Its own address of IPv6 would be news a second after it came up.
    ip(`link set ${name} addrgenmode none`);
    ip(`address add ${address} dev ${name}`);
    ip(`link set ${name}p up`);
    ip(`link set ${name} up`);
  }
  netlink = Netlink.open(new RecordingLog());
  await netlink.start();
  paths = new TunnelPaths(netlink);
  paths.on('changed', (concerns) => {
    const about = [near, far].map((tunnel) => concerns?.(tunnel) ?? true);
    asked.push(about.join());
    for (const tunnel of [near, far]) if (concerns?.(tunnel) ?? true) paths.pathOf(tunnel);
  });
  for (const tunnel of [near, far]) paths.pathOf(tunnel);
});
test.after.always(() => {
  paths?.close();
  netlink?.close();
});

const links = (condition: () => boolean) => until(netlink, ['link'], condition);
const isUp = (name: string) => netlink.linkByName(name)?.up === true;
const ifindexOf = (name: string) => netlink.linkByName(name)!.ifindex;

/** What is said of a change is said by when this resolves. */
async function settled(): Promise<void> {
  ip('tuntap add mark mode tap');
  await links(() => netlink.linkByName('mark') !== undefined);
  ip('link del mark');
  await links(() => netlink.linkByName('mark') === undefined);
}

test.serial('a new tap is no reason to ask for the way to any other hypervisor', async (t) => {
  await settled();
  asked.length = 0;
  // As libvirt does: the hypervisor itself must not speak IPv6 into its guests, and so has no routes there.
  ip('link set lo up');
  for (const tap of ['tap1', 'tap2']) {
    ip(`tuntap add ${tap} mode tap`);
    // addrgenmode none: no address, hence no route.
    ip(`link set ${tap} addrgenmode none`);
    ip(`link set ${tap} up`);
  }
  await links(() => isUp('tap1') && isUp('tap2'));
  await settled();
  t.deepEqual(asked, []);
});

test.serial('what happens to a device concerns the tunnels that use it', async (t) => {
  asked.length = 0;
  ip('link set near mtu 1400');
  await links(() => netlink.linkByName('near')?.mtu === 1400);
  t.deepEqual(new Set(asked), new Set(['true,false']));
  t.is(paths.pathOf(near)?.mtu, 1400);
});

test.serial('what a router said counts until the next hop is another, and is never raised', async (t) => {
  const gateway = async (via: string) => {
    ip(`route replace 203.0.113.2/32 via ${via} mtu 1300`);
    await settled();
  };
  const beyond = tunnelTo('203.0.113.2');
  await gateway('192.0.2.2');
  t.is(paths.pathOf(beyond)?.mtu, 1300);
  asked.length = 0;
  t.false(paths.learnMtu(beyond, 1350), 'the route has less');
  t.true(paths.learnMtu(beyond, 1200));
  t.is(paths.pathOf(beyond)?.mtu, 1200);
  t.false(paths.learnMtu(beyond, 1250));
  t.true(paths.learnMtu(beyond, 1100));
  t.is(paths.pathOf(beyond)?.mtu, 1100);
  t.deepEqual(asked, ['false,false', 'false,false'], 'it concerns this tunnel alone');
  await gateway('192.0.2.3');
  t.is(paths.pathOf(beyond)?.mtu, 1300);
  t.true(paths.learnMtu(beyond, 1250), 'by this one there is something else to learn');
  t.is(paths.pathOf(beyond)?.mtu, 1250);
  ip('route del 203.0.113.2/32');
  await settled();
  t.is(paths.pathOf(beyond), undefined);
  await gateway('192.0.2.3');
  t.is(paths.pathOf(beyond)?.mtu, 1300, 'without a route it was forgotten');
  ip('route del 203.0.113.2/32');
  paths.keepOnly([near, far]);
});

test.serial('a device that was up and comes up again may be the way of any', async (t) => {
  ip('link set near down');
  await links(() => !isUp('near'));
  t.is(paths.pathOf(near), undefined);
  await settled();
  asked.length = 0;
  ip('link set near up');
  // Its carrier may come later, and is news again.
  await links(() => netlink.linkByName('near')?.lowerUp === true);
  t.true(asked.includes('true,true'));
  await settled();
  t.is(paths.pathOf(near)?.ways[0].ifindex, ifindexOf('near'));
  t.deepEqual([...paths.devices([LOCAL])].sort(), [ifindexOf('near'), ifindexOf('far')].sort());
});

test.serial('tunnels that are no more use no device', async (t) => {
  paths.keepOnly([near]);
  await settled();
  asked.length = 0;
  ip('link set far mtu 1300');
  await links(() => netlink.linkByName('far')?.mtu === 1300);
  t.deepEqual(asked, []);
  paths.pathOf(far);
  ip('link del far');
  await links(() => netlink.linkByName('far') === undefined);
  t.true(asked.some((about) => about.endsWith('true')));
  t.is(paths.pathOf(far), undefined);
});
