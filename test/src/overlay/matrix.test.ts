import test, { type ExecutionContext } from 'ava';
import { nodes } from '../e2e/support/iovctl.js';
import { ip4, ip6, mac, network } from '../e2e/support/network.js';
import { transfer } from '../e2e/support/transfer.js';
import { type Lab, type Machine, until } from '../lab/index.js';
import { datagrams } from './receiver.js';

/**
 * Every kind of traffic between every kind of hypervisors, over both encapsulations and both families of the underlay. vm1 is
 * on hv1 (ours), vm2 on hv2 (ours), vm3 on hv3 (ovn-controller and ovs-vswitchd of Debian). A site that moves node by node
 * has all three at once.
 */
const pairs = [
  ['ours to ours', 1, 2],
  ['ours to stock', 1, 3],
  ['stock to ours', 3, 1],
] as const;

/** 1,500-byte machines: the last two are cut into fragments by the sender. */
const sizes = [1, 100, 1400, 1472, 3000, 8000];

for (const underlayFamily of ['ip4', 'ip6'] as const) {
  for (const encap of ['vxlan', 'geneve'] as const) {
    test.serial(`${encap} over ${underlayFamily}`, async (t) => {
      t.timeout(120_000);
      const lab = await network({
        hypervisors: 2,
        stock: 1,
        encap,
        underlayFamily,
        machines: { 1: 1, 2: 2, 3: 3 },
      });
      t.teardown(() => lab.destroy());
      await until('the stock hypervisor has its tunnels', () =>
        lab.vm('vm3').reaches(ip4(1), { waitSeconds: 1 }),
      );
      const kinds = (await nodes(lab)).map(({ kind }) => kind);
      t.deepEqual(kinds, ['iovisor', 'iovisor', 'ovn-controller']);
      for (const [name, from, to] of pairs) await everyKind(t, lab, name, from, to);
    });
  }
}

async function everyKind(
  t: ExecutionContext,
  lab: Lab,
  name: string,
  from: number,
  to: number,
): Promise<void> {
  const [sender, receiver] = [lab.vm(`vm${from}`), lab.vm(`vm${to}`)];
  await Promise.all([sender.flushNeighbours(), receiver.flushNeighbours()]);
  t.true(await sender.reaches(ip4(to)), `${name}: unicast IPv4`);
  t.true(await sender.reaches(ip6(to)), `${name}: unicast IPv6`);
  await hears(sender, receiver, 'ff:ff:ff:ff:ff:ff', from);
  await hears(sender, receiver, '01:00:5e:01:02:03', from);
  await hears(sender, receiver, '33:33:00:01:02:03', from);
  for (const address of [ip4(to), ip6(to)]) {
    t.deepEqual(await datagrams(sender, receiver, address, sizes), sizes, `${name}: UDP to ${address}`);
    const { sent, received } = await transfer(sender, receiver, address, 8);
    t.is(received, sent, `${name}: TCP to ${address}`);
  }
}

/** A frame of an experimental type (IEEE 802) to a group address arrives, once and unchanged. */
async function hears(sender: Machine, receiver: Machine, group: string, from: number): Promise<void> {
  const capture = await receiver.capture(`ether dst ${group} and ether proto 0x88b5`);
  try {
    const header = Buffer.from(`${group}${mac(from)}88b5`.replaceAll(':', ''), 'hex');
    await sender.sendFrame(Buffer.concat([header, Buffer.alloc(100, 0x5a)]));
    await capture.until(/0x88b5|88b5/);
  } finally {
    await capture.stop();
  }
}
