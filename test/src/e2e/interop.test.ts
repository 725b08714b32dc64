import test from 'ava';
import { until } from '../lab/index.js';
import { nodes } from './support/iovctl.js';
import { ip4, ip6, network } from './support/network.js';
import { transfer } from './support/transfer.js';

// A site moves hypervisor by hypervisor: ours and stock ones share databases, switches and the underlay.
for (const encap of ['vxlan', 'geneve'] as const) {
  test(`${encap}: our hypervisor and a stock one in one switch`, async (t) => {
    const lab = await network({ hypervisors: 1, stock: 1, encap, machines: { 1: 1, 3: 2 } });
    t.teardown(() => lab.destroy());
    await until('ours reaches stock', () => lab.vm('vm1').reaches(ip4(3)));
    t.true(await lab.vm('vm3').reaches(ip4(1)), 'stock reaches ours');
    const kinds = (await nodes(lab)).map(({ chassis, kind }) => [chassis, kind]);
    t.deepEqual(kinds, [
      ['hv1', 'iovisor'],
      ['hv2', 'ovn-controller'],
    ]);
  });
}

test('geneve between our own hypervisors, also TCP with segmentation offload', async (t) => {
  const lab = await network({ encap: 'geneve', machines: { 1: 1, 3: 2 } });
  t.teardown(() => lab.destroy());
  t.true(await lab.vm('vm1').reaches(ip4(3)));
  for (const address of [ip4(3), ip6(3)]) {
    const { sent, received } = await transfer(lab.vm('vm1'), lab.vm('vm3'), address, 10);
    t.is(received, sent, address);
  }
});
