import { type Query, ReportKind, VerifyReport } from '@iovisor-ovn/proto';
import test from 'ava';
import { iovctl } from '../testing/iovctl.js';
import { scene, switchWith } from '../testing/scene.js';
import type { ScriptedAgent } from '../testing/scripted-agent.js';

/** What a scripted agent answers to a verification: all that it holds, as it holds it. */
function report(agent: ScriptedAgent, more: Partial<VerifyReport> = {}): VerifyReport {
  const held = [...agent.held].map(([key, { id, version }]) => ({
    type: Number(key.slice(0, key.indexOf('/'))),
    id,
    version,
  }));
  return VerifyReport.create({ held, maps: 33, entries: 100, ...more });
}

test('iovctl verify: what a hypervisor holds is compared with the databases; what differs is named, and sent again', async (t) => {
  const made = await scene(t);
  const nobody = await iovctl(made.coordinator.address, 'verify');
  t.deepEqual([nobody.code, nobody.stderr], [1, 'iovctl: no hypervisor is connected\n']);
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  const queries: Query[] = [];
  agent.report = (query) => {
    queries.push(query);
    return { verify: report(agent) };
  };
  const verify = (...args: string[]) => iovctl(made.coordinator.address, 'verify', ...args);
  const clean = await verify();
  t.is(clean.code, 0, clean.stderr);
  t.regex(clean.stdout, /^hv1: no difference; 3 resources, 100 entries of 33 maps/);
  t.deepEqual(
    queries.map(({ kind, repair }) => [kind, repair]),
    [[ReportKind.REPORT_VERIFY, false]],
  );

  // A port that it has no more, and one that it has in an old version: neither was ever told so by the coordinator.
  const [first, second] = agent.ports.map(
    ({ name }) =>
      [...agent.held].find(([, one]) => one.body?.$case === 'logicalPort' && one.body.value.name === name)!,
  );
  agent.held.delete(first![0]);
  second![1].version ^= 1n;
  const differing = await verify('hv1', '--json');
  t.is(differing.code, 1);
  t.is(differing.stderr, 'iovctl: 2 differences\n');
  const [node] = JSON.parse(differing.stdout).nodes;
  t.deepEqual(
    node.report.differences
      .map(({ kind, key, found }: Record<string, string>) => [kind, key, found === ''])
      .sort(),
    [
      ['resource', first![1].id, true],
      ['resource', second![1].id, false],
    ].sort(),
  );
  const repaired = await verify('--repair');
  t.is(repaired.code, 0, repaired.stdout);
  t.true(agent.held.has(first![0]));

  const map = {
    kind: 'map',
    where: 'iov_fdb',
    key: 'datapath=1',
    wanted: 'kind=2',
    found: '',
    owner: 'port p1',
  };
  agent.report = () => ({ verify: report(agent, { differences: [map] }) });
  const broken = await verify();
  t.is(broken.code, 1);
  t.regex(broken.stdout, /^hv1 +iov_fdb +datapath=1 +kind=2 +- +port p1$/m);
  agent.report = () => ({ verify: report(agent, { error: 'nothing to compare with' }) });
  t.is((await verify()).code, 1, 'what was not compared is not clean');
  agent.report = {};
  const old = await verify();
  t.deepEqual([old.code, old.stderr.includes('no answer from hv1')], [1, true], 'an agent that cannot');
  agent.close();
  await agent.untilEnded();
  const away = await verify();
  t.deepEqual([away.code, away.stderr.includes('no answer from hv1')], [1, true], 'one that is away');
});

test('iovctl verify under a stream of changes: no false alarm', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  agent.report = () => ({ verify: report(agent) });
  let changes = 0;
  let stop = false;
  const churn = (async () => {
    for (; !stop; changes++) {
      const mac = `0a:00:00:00:00:${(changes % 200).toString(16).padStart(2, '0')}`;
      await made.central.nbctl('lsp-set-addresses', 'p2', mac);
    }
  })();
  for (let n = 0; n < 5; n++) {
    const { code, stdout, stderr } = await iovctl(made.coordinator.address, 'verify');
    t.is(code, 0, stdout + stderr);
  }
  stop = true;
  await churn;
  t.log(`5 verifications during ${changes} changes`);
});
