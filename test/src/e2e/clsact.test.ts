import test from 'ava';
import { command, type Lab } from '../lab/index.js';
import { ip4, ip6, network } from './support/network.js';
import { transfer } from './support/transfer.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

// Kernels before 6.6 have no TCX; Debian 12's is one of them.
test.before(async () => {
  lab = await network({ agentFlags: ['--hook', 'clsact'], portSecurity: true });
});
test.after.always(() => lab?.destroy());

const filters = (device: string) =>
  command([...lab.hv(1).netns.prefix, 'tc', 'filter', 'show', 'dev', device, 'ingress']);

test.serial('with --hook clsact: pings, ND and TCP, inside and across', async (t) => {
  t.regex(await filters('tap1'), /bpf/);
  t.true(await vm(1).reaches(ip4(2)));
  t.true(await vm(1).reaches(ip4(3)));
  t.true(await vm(1).reaches(ip6(3)));
  for (const address of [ip4(3), ip6(3)]) {
    const { sent, received } = await transfer(vm(1), vm(3), address, 10);
    t.is(received, sent, address);
  }
});

test.serial('with --hook clsact: an agent killed and started again loses no ping', async (t) => {
  const series = await vm(1).pingSeries(ip4(3));
  await lab.hv(1).stopAgent('SIGKILL');
  await series.answers(10);
  await lab.hv(1).startAgent('--hook', 'clsact');
  await lab.sync();
  await series.answers(10);
  t.is((await series.stop()).lost, 0);
  t.is((await filters('tap1')).match(/\bid \d+/g)?.length, 1, 'one filter, not one for each start');
});

test.serial('with --hook clsact: --cleanup leaves no filter', async (t) => {
  const hv = lab.hv(1);
  await hv.stopAgent();
  t.is((await hv.runAgent('--cleanup', '--bpffs', hv.bpffs, '--ovsdb', hv.ovsdb.remote)).status, 0);
  t.is((await filters('tap1')).trim(), '');
  t.is((await filters('uplink')).trim(), '');
});
