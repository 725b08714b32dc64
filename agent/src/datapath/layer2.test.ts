import { on, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { ResourceType } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import {
  chassisIntent,
  learnedIntent,
  type PortIntent,
  portIntent,
  switchIntent,
} from '../testsupport/intents.js';
import { type Machine, Namespace, Nested, sh, uniqueName } from '../testsupport/namespace.js';
import { iov_drop, iov_port_flag } from './abi.js';
import type { Datapath } from './datapath.js';
import { CONFIG_MAPS } from './entry.js';
import type { Observation } from './observe/observer.js';
import { all, Kernel, more, without } from './testsupport/kernel.js';

const mac = (n: number) => `0a:00:00:00:00:${String(n).padStart(2, '0')}`;
const macBytes = (n: number) => Buffer.from(mac(n).replaceAll(':', ''), 'hex');
const ref = (id: string) => ({ type: ResourceType.LOGICAL_PORT, id });

function nested(t: ExecutionContext, behind: Machine, id: number, n: number, address: string): Nested {
  const one = new Nested(behind, id, mac(n), address);
  t.teardown(() => one.remove());
  return one;
}

/** A local port with MAC n and one IP address. */
function vif(id: string, switchId: string, n: number, ip: string, others: PortIntent = {}) {
  return portIntent(id, switchId, n, { local: true, addresses: [`${mac(n)} ${ip}`], ...others });
}

/** What the data plane tells, until it told what is looked for. */
async function observed(datapath: Datapath, accept: (one: Observation) => boolean): Promise<Observation> {
  for await (const [one] of on(datapath, 'observed')) if (accept(one)) return one;
  throw new Error('unreachable');
}

/** Lets a machine's frame go through the programs as if it came from its tap; what they send goes nowhere. */
function inject(datapath: Datapath, ifindex: number, frame: Buffer): void {
  datapath.loaded.modules.entry.testRun({ data: frame, ctx: { ifindex } });
}

function ether(dst: Buffer, src: Buffer, type: number, length = 46): Buffer {
  return Buffer.concat([dst, src, Buffer.from([type >> 8, type & 0xff]), Buffer.alloc(length)]);
}

const BROADCAST = Buffer.alloc(6, 0xff);
const RARP = 0x8035;

test.serial(
  'containers behind a machine: each by its tag, through one tap, also among themselves',
  async (t) => {
    const kernel = await Kernel.open(t);
    const datapath = await kernel.start();
    const vm = await kernel.machine(mac(1), '10.0.0.1/24');
    const other = await kernel.machine(mac(2), '10.0.0.2/24');
    const k10 = nested(t, vm, 10, 3, '10.0.0.3/24');
    const k20 = nested(t, vm, 20, 4, '10.0.0.4/24');
    const k30 = nested(t, vm, 30, 5, '10.0.0.5/24');
    await kernel.plug({ vm, other });
    const kid = (tag: number) => ({ parent: 'vm', tag });
    await datapath.apply(
      all(
        switchIntent('s', 5),
        vif('vm', 's', 1, '10.0.0.1'),
        vif('other', 's', 2, '10.0.0.2'),
        vif('k10', 's', 3, '10.0.0.3', kid(10)),
        vif('k20', 's', 4, '10.0.0.4', kid(20)),
      ),
    );
    t.deepEqual([...datapath.forwarding.keys()].sort(), ['k10', 'k20', 'other', 'vm']);
    t.true(other.pings('10.0.0.1'), 'the machine itself');
    t.true(other.pings('10.0.0.3'));
    t.true(k10.pings('10.0.0.2'));
    t.true(k10.pings('10.0.0.4'), 'by another tag of the same tap');
    t.true(k20.pings('10.0.0.1'), 'to the machine they are in');
    t.false(k30.pings('10.0.0.2', 1), 'a tag that is nobody’s');

    await datapath.apply(more(vif('k30', 's', 5, '10.0.0.5', kid(30))));
    t.true(k30.pings('10.0.0.2'));
    await datapath.apply(without(ref('k10')));
    t.false(k10.pings('10.0.0.2', 1));
    t.true(k20.pings('10.0.0.2'));

    const stopped = once(datapath, 'forwarding');
    sh('ip', 'link', 'del', vm.tap);
    const [{ ids }] = await stopped;
    t.deepEqual([...ids].sort(), ['k20', 'k30', 'vm']);
    t.deepEqual([...datapath.forwarding.keys()], ['other']);
    t.deepEqual(kernel.contents('iov_vlan_ports'), []);
  },
);

test.serial(
  'two switches on one physical network by their tags; what is elsewhere is reached by the wire; a restart loses nothing',
  async (t) => {
    const kernel = await Kernel.open(t);
    const datapath = await kernel.start();
    const a = await kernel.machine(mac(1), '10.0.0.1/24');
    const b = await kernel.machine(mac(2), '10.0.0.2/24');
    const wire = await kernel.machine(mac(9), '10.0.0.9/24');
    const far = nested(t, wire, 100, 3, '10.0.0.3/24');
    const other = nested(t, wire, 200, 4, '10.0.0.4/24');
    const { ifindex } = await kernel.link(wire);
    const localnet = (switchId: string, tag: number) =>
      portIntent(`ln ${switchId}`, switchId, 99, {
        type: 'localnet',
        local: true,
        network: 'phys',
        tag,
        unknown: true,
      });
    const remote = portIntent('far', 's1', 3, { chassis: 'hv2', addresses: [`${mac(3)} 10.0.0.3`] });
    const intents = [
      switchIntent('s1', 1),
      switchIntent('s2', 2),
      vif('a', 's1', 1, '10.0.0.1'),
      vif('b', 's2', 2, '10.0.0.2'),
      remote,
      chassisIntent('hv2', ['vxlan', '192.0.2.2']),
    ];
    datapath.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
    datapath.setNetworks(new Map([['phys', ifindex]]));
    await kernel.plug({ a, b });
    await datapath.apply(all(...intents));
    t.false(datapath.attachments.isAttached('entry', ifindex), 'what no port needs is left to the host');
    t.false(a.pings('10.0.0.3', 1), 'there is no tunnel');

    const forwards = async () => {
      while (datapath.forwarding.size < 4) await once(datapath, 'forwarding');
    };
    await datapath.apply(more(localnet('s1', 100), localnet('s2', 200)));
    await forwards();
    t.deepEqual([...datapath.forwarding.keys()].sort(), ['a', 'b', 'ln s1', 'ln s2']);
    t.true(a.pings('10.0.0.3'));
    t.true(far.pings('10.0.0.1'));
    t.true(b.pings('10.0.0.4'), 'unknown to the switch');
    t.true(other.pings('10.0.0.2'));
    t.false(a.pings('10.0.0.4', 1), 'another VLAN');
    t.false(wire.pings('10.0.0.1', 1), 'no switch has the frames without a tag');
    await datapath.attachments.settled();

    const before = kernel.contents(...CONFIG_MAPS);
    const traffic = await a.startPings('10.0.0.3');
    const again = await kernel.start();
    again.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
    again.setNetworks(new Map([['phys', ifindex]]));
    await kernel.plug({ a, b });
    t.true(again.attachments.isAttached('entry', ifindex));
    await again.apply(all(localnet('s2', 200), localnet('s1', 100), ...[...intents].reverse()));
    t.deepEqual(await traffic.stop(), { lost: 0 });
    t.deepEqual(again.writer.counters, { updates: 0, deletes: 0 });
    t.deepEqual(kernel.contents(...CONFIG_MAPS), before);

    await again.apply(without(ref('ln s1'), ref('ln s2')));
    await again.attachments.settled();
    t.false(again.attachments.isAttached('entry', ifindex));
    t.deepEqual(kernel.contents('iov_vlan_ports'), []);
  },
);

test.serial('a port of the untagged wire, and the network that goes and comes', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const a = await kernel.machine(mac(1), '10.0.0.1/24');
  const wire = await kernel.machine(mac(9), '10.0.0.9/24');
  const { ifindex } = await kernel.link(wire);
  await kernel.plug({ a });
  const gateway = portIntent('gw', 's', 7, {
    type: 'l2gateway',
    chassis: 'hv1',
    local: true,
    network: 'phys',
    addresses: [`${mac(9)} 10.0.0.9`],
  });
  await datapath.apply(all(switchIntent('s', 5), vif('a', 's', 1, '10.0.0.1'), gateway));
  t.deepEqual([...datapath.forwarding.keys()], ['a']);
  const comes = once(datapath, 'forwarding');
  datapath.setNetworks(new Map([['phys', ifindex]]));
  await comes;
  t.true(datapath.forwarding.has('gw'));
  t.true(a.pings('10.0.0.9'));
  t.true(wire.pings('10.0.0.1'));
  const goes = once(datapath, 'forwarding');
  datapath.setNetworks(new Map());
  await goes;
  t.deepEqual([...datapath.forwarding.keys()], ['a']);
  t.false(a.pings('10.0.0.9', 1));
  const back = once(datapath, 'forwarding');
  datapath.setNetworks(new Map([['phys', ifindex]]));
  await back;
  t.true(a.pings('10.0.0.9'));
});

test.serial('a localport serves the machines of its chassis', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const vm = await kernel.machine(mac(1), '10.0.0.1/24');
  const metadata = await kernel.machine(mac(2), '10.0.0.2/24');
  await datapath.apply(
    all(
      switchIntent('s', 5),
      vif('vm', 's', 1, '10.0.0.1'),
      vif('lp', 's', 2, '10.0.0.2', { type: 'localport', up: false }),
    ),
  );
  await kernel.plug({ vm });
  t.false(vm.pings('10.0.0.2', 1), 'its tap is not here');
  await kernel.plug({ vm, lp: metadata });
  while (!datapath.forwarding.has('lp')) await once(datapath, 'forwarding');
  t.true(vm.pings('10.0.0.2'));
  t.true(metadata.pings('10.0.0.1'));
});

test.serial('a machine that several chassis have: every packet for it goes to all of them', async (t) => {
  const kernel = await Kernel.open(t);
  const far = new Namespace('far');
  t.teardown(() => far.remove());
  const near = uniqueName('und');
  sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'eth0', 'netns', far.name);
  sh('ip', 'link', 'set', near, 'up');
  sh('ip', 'address', 'add', '203.0.113.1/24', 'dev', near);
  far.ip('link', 'set', 'eth0', 'up');
  far.ip('address', 'add', '203.0.113.2/24', 'dev', 'eth0');
  const datapath = await kernel.start();
  const a = await kernel.machine(mac(1), '10.0.0.1/24');
  const copy = await kernel.machine(mac(2), '10.0.0.2/24');
  await kernel.plug({ a, p: copy });
  datapath.setLocalEncaps([{ type: 'vxlan', ip: '203.0.113.1', csum: false }]);
  const several = (more: PortIntent) =>
    vif('p', 's', 2, '10.0.0.2', { chassis: 'hv2', additionalChassis: ['hv1'], ...more });
  await datapath.apply(
    all(
      switchIntent('s', 5),
      chassisIntent('hv2', ['vxlan', '203.0.113.2']),
      vif('a', 's', 1, '10.0.0.1'),
      several({ awaitsRarp: true }),
    ),
  );
  // The compiler looks at it some turns after the kernel's event.
  while (!datapath.isResolved(1)) await setTimeout(20);
  const sent = () => datapath.counters.ofTunnel(1).tx_packets;
  const before = sent();
  t.false(a.pings('10.0.0.2', 1), 'the machine has not arrived here');
  t.true(sent() > before, 'where it still is, it gets the packets');
  t.true(datapath.counters.drops(iov_drop.IOV_DROP_INACTIVE) > 0n);

  const { ifindex } = await kernel.link(copy);
  inject(datapath, ifindex, ether(BROADCAST, macBytes(2), 0x0806));
  const told = observed(datapath, () => true);
  inject(datapath, ifindex, ether(BROADCAST, macBytes(2), RARP));
  t.deepEqual(await told, { kind: 'activated', portId: 'p' });
  await datapath.apply(more());
  t.is(kernel.port(2).flags & iov_port_flag.IOV_PORT_INACTIVE, 0);
  t.true(a.pings('10.0.0.2'), 'it forwards before the coordinator says so');
  await datapath.apply(more(several({ awaitsRarp: true })));
  t.true(a.pings('10.0.0.2', 1));

  // Neither does another agent forget it, and it tells of it again.
  const again = await kernel.start();
  again.setLocalEncaps([{ type: 'vxlan', ip: '203.0.113.1', csum: false }]);
  await kernel.plug({ a, p: copy });
  const foundActive = observed(again, () => true);
  await again.apply(
    all(
      several({ awaitsRarp: true }),
      vif('a', 's', 1, '10.0.0.1'),
      switchIntent('s', 5),
      chassisIntent('hv2', ['vxlan', '203.0.113.2']),
    ),
  );
  t.deepEqual(await foundActive, { kind: 'activated', portId: 'p' });
  t.true(a.pings('10.0.0.2', 1));
  const toldAgain = observed(again, () => true);
  await again.observeAnew();
  t.deepEqual(await toldAgain, { kind: 'activated', portId: 'p' });
  const copies = again.counters.ofTunnel(1).tx_packets;
  t.true(a.pings('10.0.0.2', 3));
  t.true(again.counters.ofTunnel(1).tx_packets >= copies + 3n, 'a copy of each to the other chassis');
  await again.apply(more(several({ chassis: 'hv1', additionalChassis: [] })));
  t.true(a.pings('10.0.0.2', 1));
  const last = again.counters.ofTunnel(1).tx_packets;
  t.true(a.pings('10.0.0.2', 3));
  // Only what a machine says to everybody, once in a while.
  t.true(again.counters.ofTunnel(1).tx_packets <= last + 1n);
});

test.serial('a MAC is told of once, and when all know where it is, it is flooded no more', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const a = await kernel.machine(mac(1), '10.0.0.1/24');
  const u = await kernel.machine(mac(2), '10.0.0.2/24');
  const w = await kernel.machine(mac(3), '10.0.0.3/24');
  await kernel.plug({ a, u, w });
  const unknown = (id: string, n: number) =>
    portIntent(id, 's', n, { local: true, unknown: true, learn: true });
  await datapath.apply(
    all(switchIntent('s', 5), vif('a', 's', 1, '10.0.0.1'), unknown('u', 2), unknown('w', 3)),
  );
  const { ifindex } = await kernel.link(u);
  const told: Observation[] = [];
  const heard = observed(datapath, (one) => {
    told.push(one);
    return one.kind === 'mac' && one.mac.equals(macBytes(99));
  });
  for (const n of [55, 55, 55, 1]) inject(datapath, ifindex, ether(macBytes(1), macBytes(n), 0x88b5));
  inject(datapath, ifindex, ether(macBytes(1), Buffer.from([0x0a, 0, 0, 0, 0, 0x99]), 0x88b5));
  await heard;
  const macs = told
    .filter(({ portId }) => portId === 'u')
    .map((one) => one.kind === 'mac' && one.mac.toString('hex'));
  t.is(macs.filter((text) => text === '0a0000000055').length, 1);
  t.true(macs.includes('0a0000000001'), 'also one that is listed, as in stock OVN');

  t.true(a.pings('10.0.0.2'));
  const { ifindex: from } = await kernel.link(a);
  /** Whether a hundred frames for u reach w; machines also say something to everybody by themselves. */
  const reachOthers = () => {
    const before = datapath.counters.ofPort(3).tx_packets;
    for (let i = 0; i < 100; i++) inject(datapath, from, ether(macBytes(2), macBytes(1), 0x88b5));
    return datapath.counters.ofPort(3).tx_packets - before >= 100n;
  };
  t.true(reachOthers());
  await datapath.apply(more(learnedIntent('l', 's', mac(2), 2)));
  t.false(reachOthers());
  t.true(a.pings('10.0.0.2'));
  await datapath.apply(without({ type: ResourceType.LEARNED_MAC, id: 'l' }));
  t.true(reachOthers());
});

test.serial('a parent that announces a virtual address is told of', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const p = await kernel.machine(mac(1), '10.0.0.1/24');
  await kernel.plug({ p });
  const virtualAddresses = [{ portId: 'v', ip: Buffer.from([10, 0, 0, 9]) }];
  await datapath.apply(
    all(
      switchIntent('s', 5),
      vif('p', 's', 1, '10.0.0.1', { virtualAddresses }),
      portIntent('v', 's', 2, { type: 'virtual', addresses: [`${mac(2)} 10.0.0.9`] }),
    ),
  );
  const { ifindex } = await kernel.link(p);
  const arp = ether(BROADCAST, macBytes(1), 0x0806);
  Buffer.from('0001080006040001', 'hex').copy(arp, 14);
  macBytes(1).copy(arp, 22);
  for (const at of [28, 38]) Buffer.from([10, 0, 0, 9]).copy(arp, at);
  const told = observed(datapath, () => true);
  inject(datapath, ifindex, arp);
  t.deepEqual(await told, { kind: 'virtual', portId: 'v', parentId: 'p' });
});

test.serial('a rate limit drops what is over it', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start();
  const [a, b] = [await kernel.machine(mac(1), '10.0.0.1/24'), await kernel.machine(mac(2), '10.0.0.2/24')];
  await kernel.plug({ a, b });
  const port = (qosMaxRate: bigint) => vif('a', 's', 1, '10.0.0.1', { qosMaxRate });
  await datapath.apply(all(switchIntent('s', 5), port(8000n), vif('b', 's', 2, '10.0.0.2')));
  t.true(a.pings('10.0.0.2'));
  const { ifindex } = await kernel.link(a);
  const frame = ether(macBytes(2), macBytes(1), 0x88b5, 1400);
  const over = () => datapath.counters.drops(iov_drop.IOV_DROP_RATE);
  for (let i = 0; i < 40; i++) inject(datapath, ifindex, frame);
  t.is(over(), 0n, 'a burst');
  for (let i = 0; i < 40; i++) inject(datapath, ifindex, frame);
  t.true(over() > 20n);
  const before = over();
  await datapath.apply(more(port(0n)));
  for (let i = 0; i < 100; i++) inject(datapath, ifindex, frame);
  t.is(over(), before);
});
