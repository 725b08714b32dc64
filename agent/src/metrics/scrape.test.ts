import { performance } from 'node:perf_hooks';
import { lines } from '@iovisor-ovn/exposition';
import test from 'ava';
import { Kernel } from '../datapath/testsupport/kernel.js';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { AgentMetrics } from './agentMetrics.js';

const PORTS = 2000;
const CHASSIS = 200;

test(`a scrape of ${PORTS} ports is made of steps, each a small part of it`, async (t) => {
  t.timeout(120_000);
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  datapath.setLocalEncaps([{ type: 'geneve', ip: '127.0.0.1', csum: false }]);
  const upserts = [switchIntent('s', 1)];
  for (let n = 1; n <= PORTS; n++) upserts.push(portIntent(`p${n}`, 's', n, { local: true }));
  for (let n = 1; n <= CHASSIS; n++) upserts.push(chassisIntent(`hv${n}`, ['geneve', `192.0.2.${n}`]));
  await datapath.apply({ upserts, removals: [], full: true });
  const metrics = new AgentMetrics(PORTS);
  t.teardown(() => metrics.close());
  const families = () =>
    metrics.families({
      datapath,
      ovsdbConnected: true,
      sessionLive: true,
      problems: () => [],
      hover: undefined,
      version: '1',
      certificateFiles: {},
    });
  // A step is as long as it was at best: whoever else wants the processor is not meant.
  const steps = new Map<string, number>();
  let whole = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    let before = began;
    for (const text of lines(families())) {
      const now = performance.now();
      const key = text.replace(/ \S+\n$/, '');
      steps.set(key, Math.min(steps.get(key) ?? Number.POSITIVE_INFINITY, now - before));
      before = performance.now();
    }
    whole = Math.min(whole, before - began);
  }
  const [longest] = [...steps].sort(([, a], [, b]) => b - a);
  const text = `${steps.size} steps in ${whole.toFixed(1)} ms, the longest ${longest![1].toFixed(2)} ms: ${longest![0]}`;
  t.log(text);
  t.true(steps.size > 5 * PORTS + 7 * CHASSIS, text);
  // A step that looked at all ports, or at all tunnels, would be more: a slice of the answer ends with the step in which it is over.
  t.true(longest![1] < whole / 20, text);
});
