import { join } from 'node:path';
import { scrape as scrapeText } from '@iovisor-ovn/coordinator/testing';
import test, { type ExecutionContext } from 'ava';
import { allMetrics, definitionOf } from '../docs/definitions.js';
import { hasPromtool } from '../docs/promtool.js';
import { tryCommand, until } from '../lab/index.js';
import { ip4, network } from './support/network.js';

/** As "name{labels}" → value. */
async function scrape(socketPath: string): Promise<Map<string, number>> {
  const lines = (await scrapeText(socketPath))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const series = new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
  if (series.size !== lines.length) throw new Error('a series is there twice');
  return series;
}

/** What is served is what is documented, and promtool has nothing to say against it. */
async function checkDocumented(t: ExecutionContext, socket: string, prefix: string): Promise<void> {
  const text = await scrapeText(socket);
  const metrics = await allMetrics();
  const families = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]),
  );
  const wanted = [...metrics.values()].filter(
    ({ name }) => name.startsWith(prefix) || !name.startsWith('iovisor_'),
  );
  t.deepEqual([...families].sort(), wanted.map(({ name, type }) => [name, type] as [string, string]).sort());
  for (const name of (await scrape(socket)).keys()) {
    const [, metric = '', labels = ''] = /^([^{]+)(?:\{(.*)\})?$/.exec(name) ?? [];
    const allowed = Object.keys(definitionOf(metric, metrics)?.labels ?? {});
    for (const [, label] of labels.matchAll(/(\w+)="/g))
      t.true(
        allowed.includes(label!) || (label === 'le' && metric.endsWith('_bucket')),
        `${metric}: label ${label}`,
      );
  }
  if (!hasPromtool) return void t.log('promtool is not installed: not asked');
  const { status, stdout, stderr } = await tryCommand(['promtool', 'check', 'metrics'], { input: text });
  t.is(status, 0, stdout + stderr);
}

test.serial('the agent counts what each port sends, gets and drops, and how far it is', async (t) => {
  const lab = await network();
  t.teardown(() => lab.destroy());
  const socket = join(lab.hv(1).dir, 'metrics.sock');
  await lab.hv(1).stopAgent();
  await lab.hv(1).startAgent('--metrics', `unix:${socket}`);
  const vm1 = lab.vm('vm1');
  t.true(await vm1.reaches(ip4(2)));
  t.true(await vm1.reaches(ip4(3)));
  const before = await scrape(socket);
  const port = '{port="vm1",switch="sw0"}';
  t.true(before.get(`iovisor_agent_port_receive_packets_total${port}`)! >= 6);
  t.true(before.get(`iovisor_agent_port_transmit_bytes_total${port}`)! >= 6 * 98);
  t.is(before.get(`iovisor_agent_port_forwarding${port}`), 1);
  t.is(before.get('iovisor_agent_session_live'), 1);
  t.is(before.get('iovisor_agent_datapath_synced'), 1);
  t.true(before.get('iovisor_agent_apply_seconds_count')! > 0);
  t.true(
    [...before].some(
      ([name, value]) =>
        name.startsWith('iovisor_agent_tunnel_transmit_packets_total{chassis="hv2"') && value >= 3,
    ),
  );
  t.true(before.get('iovisor_agent_map_entries{map="iov_fdb"}')! >= 3);
  t.true(before.get('iovisor_agent_map_max_entries{map="iov_fdb"}')! > 1000);
  t.is(before.get('iovisor_agent_ports_forwarding'), 2);
  await checkDocumented(t, socket, 'iovisor_agent_');
  // A spoofed packet is a drop with a reason, of its port.
  await lab.nbctl('lsp-set-port-security', 'vm1', '02:00:00:00:00:01 10.0.0.1');
  await lab.sync();
  await vm1.setAddresses('10.0.0.99/24');
  const drops = 'iovisor_agent_port_dropped_packets_total{port="vm1",switch="sw0",reason="portsec_in_arp"}';
  await until('the drop is counted', async () => {
    await vm1.ping(ip4(2), { count: 1 });
    return ((await scrape(socket)).get(drops) ?? 0) > 0;
  });
  // A killed agent leaves its socket; the next one takes its place.
  await lab.hv(1).stopAgent('SIGKILL');
  await lab.hv(1).startAgent('--metrics', `unix:${socket}`);
  t.is((await scrape(socket)).get('iovisor_agent_ovsdb_connected'), 1);
  await lab.coordinator.stop();
  await until(
    'the lost session shows',
    async () => (await scrape(socket)).get('iovisor_agent_session_live') === 0,
  );
});

test.serial(
  'ports above the limit are one sum that never falls, and those that go take their series along',
  async (t) => {
    const lab = await network({ hypervisors: 1, machines: { 1: 1, 2: 1, 3: 1 } });
    t.teardown(() => lab.destroy());
    const hv = lab.hv(1);
    const socket = join(hv.dir, 'metrics.sock');
    await hv.stopAgent();
    await hv.startAgent('--metrics', `unix:${socket}`, '--metrics-ports', '1');
    await lab.sync();
    const received = 'iovisor_agent_port_receive_packets_total';
    const others = '{port="others",switch=""}';
    const ports = (series: ReadonlyMap<string, number>) =>
      [...series.keys()].filter((name) => name.startsWith(`${received}{`)).sort();
    const before = await scrape(socket);
    const [own] = ports(before).filter((name) => !name.includes('others'));
    t.deepEqual(ports(before), [`${received}${others}`, own!].sort());
    t.is(before.get(`iovisor_agent_port_forwarding${others}`), 2);
    const [, named = ''] = /port="(vm\d)"/.exec(own!)!;
    const [a, b] = ['vm1', 'vm2', 'vm3'].filter((name) => name !== named);
    t.true(await lab.vm(a!).reaches(ip4(Number(b!.slice(2)))));
    const during = (await scrape(socket)).get(`${received}${others}`)!;
    t.true(during >= before.get(`${received}${others}`)! + 6);
    // One of the others goes: what it had counted stays in the sum. Then the port with a series of its own goes, and its series with it.
    await lab.nbctl('lsp-del', a!);
    await lab.sync();
    t.true((await scrape(socket)).get(`${received}${others}`)! >= during);
    await lab.nbctl('lsp-del', named);
    await lab.sync();
    const after = await scrape(socket);
    t.deepEqual(
      [...after.keys()].filter((name) => name.includes(`"${named}"`) || name.includes(`"${a}"`)),
      [],
    );
    t.true(ports(after).includes(`${received}{port="${b}",switch="sw0"}`));
  },
);

test.serial(
  'the coordinator tells how long intents take, and of its databases, sessions and writes',
  async (t) => {
    const lab = await network({ hypervisors: 1, machines: { 1: 1 } });
    t.teardown(() => lab.destroy());
    const socket = join(lab.hv(1).dir, 'coordinator-metrics.sock');
    await lab.coordinator.stop();
    await lab.coordinator.start('--metrics', `unix:${socket}`);
    // A killed coordinator leaves its socket; the next one takes its place.
    await lab.coordinator.stop('SIGKILL');
    await lab.coordinator.start('--metrics', `unix:${socket}`);
    await lab.sync();
    const before = await scrape(socket);
    const name = (rest: string) => `iovisor_coordinator_${rest}`;
    t.is(before.get(name('leader')), 1);
    t.is(before.get(name('agent_connected{chassis="hv1"}')), 1);
    t.is(before.get(name('sessions_opened_total')), 1);
    t.is(before.get(name('commits_total{kind="full"}')), 1);
    t.is(before.get(name('database_connects_total{database="southbound"}')), 1);
    t.true(before.get(name('database_last_update_timestamp_seconds{database="northbound"}'))! > 1.7e9);
    t.is(before.get(name('problems{kind="database",table=""}')), 0);
    await lab.nbctl(
      'lsp-set-port-security',
      'vm1',
      '02:00:00:00:00:01',
      '--',
      'lsp-add',
      'sw0',
      'bad',
      '--',
      'lsp-set-type',
      'bad',
      'localnet',
    );
    await lab.sync();
    const after = await scrape(socket);
    t.true(after.get(name('intent_seconds_count'))! > before.get(name('intent_seconds_count'))!);
    const phases = ['compile', 'wait', 'send', 'apply'];
    const parts = phases.map((phase) => after.get(name(`intent_phase_seconds_sum{phase="${phase}"}`))!);
    // The phases are all of it, and no more.
    const sum = parts.reduce((all, one) => all + one, 0);
    t.true(Math.abs(sum - after.get(name('intent_seconds_sum'))!) < 1e-6, `${parts.join(' + ')}`);
    t.is(after.get(name('agent_lag_seconds{chassis="hv1"}')), 0);
    t.is(after.get(name('agent_nb_cfg{chassis="hv1"}')), after.get(name('nb_cfg')));
    t.true(
      after.get(name('southbound_writes_total{result="done"}'))! >
        before.get(name('southbound_writes_total{result="done"}'))!,
    );
    t.is(after.get(name('southbound_writes_pending')), 0);
    t.is(after.get(name('problems{kind="lsp",table="Logical_Switch_Port"}')), 1);
    await checkDocumented(t, socket, 'iovisor_coordinator_');
    await lab.hv(1).stopAgent();
    await until('the lost session shows', async () => {
      const series = await scrape(socket);
      return (
        series.get(name('agent_connected{chassis="hv1"}')) === 0 &&
        !series.has(name('agent_lag_seconds{chassis="hv1"}'))
      );
    });
  },
);

test.serial('an address for metrics that is taken ends the agent with the flag named', async (t) => {
  const lab = await network({ hypervisors: 1, machines: { 1: 1 } });
  t.teardown(() => lab.destroy());
  const hv = lab.hv(1);
  await hv.stopAgent();
  const argv = hv.agentArgv('--metrics', '203.0.113.1:1', '--insecure-metrics-plaintext');
  const { status, stderr, stdout } = await tryCommand(argv);
  t.is(status, 1);
  t.regex(stderr + stdout, /--metrics: 203\.0\.113\.1:1: .*EADDRNOTAVAIL/);
});
