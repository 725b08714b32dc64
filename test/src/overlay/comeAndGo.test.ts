import test from 'ava';
import { ip4, network } from '../e2e/support/network.js';
import { until } from '../lab/index.js';

test.serial('a chassis goes and comes back, with its tunnels, while others talk', async (t) => {
  const lab = await network({ hypervisors: 3, encap: 'geneve', machines: { 1: 1, 2: 2, 3: 3 } });
  t.teardown(() => lab.destroy());
  await until('vm3 answers', () => lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 }));
  const tunnels = async () => {
    const rows = await lab.coordinator.json<{ node: string; tunnel: { chassis: string } }[]>('tunnels');
    return rows.filter(({ node }) => node === 'hv1').map(({ tunnel }) => tunnel.chassis);
  };
  const others = await lab.vm('vm1').pingSeries(ip4(2));
  t.deepEqual((await tunnels()).sort(), ['hv2', 'hv3']);

  await lab.hv(3).vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-cleanup-on-exit=true');
  await lab.hv(3).stopAgent('SIGTERM');
  await until('the tunnel is gone', async () => !(await tunnels()).includes('hv3'));
  t.false(await lab.vm('vm1').reaches(ip4(3), { count: 1, waitSeconds: 1 }));

  await lab.hv(3).startAgent();
  await until('vm3 answers again', () => lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 }));
  t.deepEqual((await tunnels()).sort(), ['hv2', 'hv3']);
  await others.answers(5);
  t.is((await others.stop()).lost, 0, 'between the others nothing was lost');
});
