import { existsSync } from 'node:fs';
import test from 'ava';
import { tryCommand } from './command.js';
import { Lab } from './lab.js';
import { Registry } from './registry.js';
import { until } from './until.js';

test.serial('the lab itself: stock OVN forwards in it, and nothing of it is left afterwards', async (t) => {
  const lab = await Lab.create({ hypervisors: 0, stock: 2 });
  t.teardown(() => lab.destroy());
  const spec = (n: number) => ({ mac: `02:00:00:00:00:0${n}`, addresses: [`10.0.0.${n}/24`] });
  const setUp = [1, 2, 3].flatMap((n) => {
    const address = `${spec(n).mac} 10.0.0.${n}`;
    return ['--', 'lsp-add', 'sw0', `vm${n}`, '--', 'lsp-set-addresses', `vm${n}`, address];
  });
  await lab.nbctl('ls-add', 'sw0', ...setUp);
  for (const [n, hv] of [
    [1, 1],
    [2, 1],
    [3, 2],
  ] as const)
    await lab.addMachine(lab.hv(hv), { name: `vm${n}`, ...spec(n) });
  await lab.portsUp('vm1', 'vm2', 'vm3');
  await lab.sync();
  t.true(await lab.vm('vm1').reaches(lab.vm('vm2')), 'inside a hypervisor');
  // Stock loses the packets that come before the tunnel's next hop is resolved.
  await until('across hypervisors', () => lab.vm('vm1').reaches(lab.vm('vm3'), { waitSeconds: 1 }));
  const capture = await lab.vm('vm2').capture('icmp');
  const series = await lab.vm('vm1').pingSeries(lab.vm('vm2'));
  await series.answers(20);
  const { sent, lost } = await series.stop();
  t.true(sent > 20);
  t.is(lost, 0);
  // tcpdump writes when it gets round to it.
  await until('all of them are captured', async () => capture.matching(/ICMP echo request/).length > 20);

  await lab.destroy();
  t.false(existsSync(lab.registry.dir));
  const { stdout } = await tryCommand(['ip', 'netns', 'list']);
  t.false(stdout.includes(lab.name));
});

test.serial('a lab whose owner was killed is removed by the next one', async (t) => {
  // An owner that is no longer there: this is what a crash looks like.
  const gone = Registry.create(`iovt${process.pid}gone`, { pid: process.pid, start: '0' });
  await tryCommand(['ip', 'netns', 'add', `${gone.name}-x`]);
  gone.note({ kind: 'netns', name: `${gone.name}-x` });
  const inside = ['ip', 'netns', 'exec', `${gone.name}-x`, 'sleep', '1000'];
  const sleeper = tryCommand(inside, { timeoutMs: 60_000 });
  await until('the process is in the namespace', async () => {
    const { stdout } = await tryCommand(['ip', 'netns', 'pids', `${gone.name}-x`]);
    return stdout.trim();
  });
  await Registry.sweep();
  t.is((await sleeper).status, 'SIGKILL');
  t.false(existsSync(gone.dir));
  t.false(existsSync(`/run/netns/${gone.name}-x`));
});
