import test from 'ava';
import { until } from '../lab/index.js';
import type { BadNetwork } from './badNetwork.js';
import { Changes } from './changes.js';
import { type Ground, ground } from './ground.js';
import { lasting, paused, residentMiB } from './pause.js';
import { SouthboundWatch } from './southbound.js';
import { applied, longTest, thorough, trial } from './trial.js';

let at: Ground;
const net = (hypervisor: string): BadNetwork => at.proxies.get(hypervisor)!;

/** How long all coordinators are away, seconds: `npm run faults -- --away 600`. */
const awaySeconds = Number(process.env.IOVISOR_FAULTS_AWAY ?? 30);
/** Longer than it takes to notice that a connection is dead: 5 s, and 3 s for the answer. */
const SILENCE_MS = 15_000;
/** Ports that come and go. With others, a whole state is much more than a change. */
const CHURN = 6;
const OTHERS = thorough ? 100 : 0;

test.before(async () => {
  at = await ground({ proxied: true, churn: CHURN });
  const { lab } = at;
  if (OTHERS === 0) return;
  const add = (i: number) => [
    '--',
    'lsp-add',
    'sw0',
    other(i),
    '--',
    'lsp-set-addresses',
    other(i),
    address(i),
  ];
  const all = Array.from({ length: OTHERS }, (_, i) => add(i));
  await lab.nbctl('--wait=hv', ...all.flat().slice(1));
});
test.after.always(() => at?.close());

const other = (i: number): string => `other${i}`;
const address = (i: number): string => `02:00:00:03:00:${i.toString(16).padStart(2, '0')} 10.0.200.${i + 1}`;

/** Whether the coordinator has a session of the hypervisor's agent. */
async function connected(hypervisor: string): Promise<boolean> {
  const nodes = await at.lab.coordinator.json<{ chassis: string; connected: boolean }[]>('nodes');
  return nodes.some((node) => node.chassis === hypervisor && node.connected);
}

/** Southbound is told nothing but what churn brings while `work` runs: no port goes and comes. */
async function watched(work: () => Promise<number>): Promise<{ recoveryMs: number; wrong: string[] }> {
  const { lab } = at;
  const watch = await SouthboundWatch.start(lab.central);
  try {
    const recoveryMs = await work();
    await lab.sync();
    return { recoveryMs, wrong: await watch.stop() };
  } finally {
    await watch.stop();
  }
}

/** How long a port that is new on a hypervisor takes until Northbound says up, and to be gone again; of so many, the median and the worst, ms. */
async function latency(hypervisor: number, count: number): Promise<{ median: number; worst: number }> {
  const { lab, churn } = at;
  const port = churn[hypervisor - 1]!;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const since = performance.now();
    await lab.nbctl(
      '--may-exist',
      'lsp-add',
      'sw0',
      port.name,
      '--',
      'lsp-set-addresses',
      port.name,
      port.address(i),
    );
    await lab.portsUp(port.name);
    times.push(performance.now() - since);
    await lab.nbctl('lsp-del', port.name);
  }
  times.sort((a, b) => a - b);
  return { median: Math.round(times[count >> 1]!), worst: Math.round(times[count - 1]!) };
}

test.serial('Sessions are cut, again and again', async (t) => {
  await trial(t, at.lab, async () => {
    const { recoveryMs, wrong } = await watched(async () => {
      const changes = Changes.start(at.lab, at.churn);
      for (let round = 0; round < 5; round++) {
        await changes.more(3);
        for (const proxy of at.proxies.values()) proxy.cut();
      }
      const since = performance.now();
      const ms = await applied(at.lab, since);
      await changes.stop();
      t.deepEqual(await changes.lost(), []);
      await changes.remove();
      return ms;
    });
    t.deepEqual(wrong, []);
    return { recoveryMs, besides: '5 times' };
  });
});

test.serial(
  'an agent is back while its old Session seems to live: what that one says late does not count',
  async (t) => {
    const { lab } = at;
    const hv1 = lab.hv(1);
    const [port] = at.churn;
    await lab.nbctl('--wait=hv', 'lsp-add', 'sw0', port!.name);
    await lab.portsUp(port!.name);
    await trial(t, lab, async () => {
      const { recoveryMs, wrong } = await watched(async () => {
        const [old] = net('hv1').open;
        // The coordinator hears no more of this connection, not even its end.
        net('hv1').setLink(old!, { up: { silent: true } });
        const { held } = old!.up;
        await hv1.unplug(port!.tap);
        await until('the agent says that the tap is unplugged', async () => old!.up.held > held);
        // Plugged before the agent comes back: what its new Session says must not be a reason to release the port.
        await hv1.plug(port!.tap, port!.name);
        old!.cutNear();
        const since = performance.now();
        const ms = await applied(lab, since);
        // Now it hears: the port is unplugged, and the connection is over.
        net('hv1').release(old!);
        await until('the old connection is gone', async () => !old!.open);
        await applied(lab, performance.now());
        t.true(await connected('hv1'));
        return ms;
      });
      t.deepEqual(wrong, []);
      return { recoveryMs };
    });
    await lab.portsUp(port!.name);
    await lab.nbctl('--wait=hv', 'lsp-del', port!.name);
  },
);

test.serial(
  'an agent is stopped under churn: others are as fast, the coordinator does not grow',
  async (t) => {
    const { lab } = at;
    const rounds = thorough ? 300 : 12;
    t.timeout(180_000);
    await trial(t, lab, async () => {
      const pid = lab.coordinator.process?.pid;
      const quiet = await latency(1, rounds);
      const before = residentMiB(pid);
      const during = await paused(lab.hv(2).agent!, () => latency(1, rounds));
      const after = residentMiB(pid);
      const recoveryMs = await applied(lab, performance.now());
      const text = `a new port up ${quiet.median} → ${during.median} ms (worst ${quiet.worst} → ${during.worst}), coordinator ${before} → ${after} MiB`;
      t.true(during.median < 3 * quiet.median + 200, text);
      t.true(after < before + 40, text);
      return { recoveryMs, besides: text };
    });
  },
);

for (const way of ['up', 'down', 'both'] as const)
  longTest(
    `a Session is half-open: nothing arrives ${{ up: 'at the coordinator', down: 'at the agent', both: 'anywhere' }[way]}`,
    async (t) => {
      const { lab } = at;
      const silent = { silent: true };
      await trial(t, lab, async () => {
        const [old] = net('hv1').open;
        const before = net('hv1').links.length;
        const since = performance.now();
        net('hv1').setLink(old!, {
          ...(way === 'down' ? {} : { up: silent }),
          ...(way === 'up' ? {} : { down: silent }),
        });
        const { recoveryMs, wrong } = await watched(() => applied(lab, since));
        t.true(net('hv1').links.length > before, 'it came anew');
        await lasting(Math.max(0, SILENCE_MS - (performance.now() - since)));
        // What was kept back arrives now, after all.
        net('hv1').release(old!);
        await until('the old connection is gone', async () => !old!.open);
        await applied(lab, performance.now());
        t.true(await connected('hv1'));
        t.deepEqual(wrong, []);
        return { recoveryMs, besides: 'noticed by both ends' };
      });
    },
  );

longTest('a Session is delayed by 500 ms each way: others are as fast', async (t) => {
  const { lab } = at;
  await trial(t, lab, async () => {
    const quiet = await latency(1, 10);
    net('hv2').set({ up: { delayMs: 500 }, down: { delayMs: 500 } });
    const { recoveryMs, wrong } = await watched(() => applied(lab, performance.now()));
    const during = await latency(1, 10);
    net('hv2').clear();
    t.deepEqual(wrong, []);
    const text = `a new port of another up ${quiet.median} → ${during.median} ms`;
    t.true(during.median < 3 * quiet.median + 200, text);
    return { recoveryMs, besides: text };
  });
});

longTest('a Session has 20,000 bytes a second, and its agent, started anew, needs everything', async (t) => {
  const { lab } = at;
  await trial(t, lab, async () => {
    const pid = lab.coordinator.process?.pid;
    const before = residentMiB(pid);
    const quiet = await latency(1, 20);
    const { links } = net('hv2');
    const count = links.length;
    net('hv2').set({ down: { bytesPerSecond: 20_000 } });
    t.teardown(() => net('hv2').clear());
    const since = performance.now();
    const { recoveryMs, wrong } = await watched(async () => {
      await lab.hv(2).stopAgent('SIGKILL');
      lab.hv(2).spawnAgent();
      await until('the agent is back', async () => links.length > count);
      const during = await latency(1, 20);
      const after = residentMiB(pid);
      const text = `a new port of another up ${quiet.median} → ${during.median} ms, coordinator ${before} → ${after} MiB`;
      t.log(text);
      t.true(during.median < 3 * quiet.median + 200, text);
      t.true(after < before + 40, text);
      return applied(lab, since);
    });
    net('hv2').clear();
    t.deepEqual(wrong, []);
    t.is(links.length, count + 1, 'slow is not dead');
    return { recoveryMs };
  });
});

longTest('all coordinators are away', async (t) => {
  t.timeout(120_000 + awaySeconds * 1000);
  const { lab } = at;
  const whole = Object.fromEntries([...at.proxies].map(([name, { bytes }]) => [name, bytes.down]));
  await trial(t, lab, async () => {
    const began = performance.now();
    for (const proxy of at.proxies.values()) proxy.target = undefined;
    await lab.coordinator.stop('SIGKILL');
    await lab.nbctl('lsp-set-addresses', other(0), address(200));
    await lab.nbctl('lsp-del', other(1));
    await lasting(awaySeconds * 1000);
    const pauses = [...at.proxies.values()].map(({ attempts }) =>
      attempts.filter((time) => time > began).flatMap((time, i, all) => (i === 0 ? [] : time - all[i - 1]!)),
    );
    const told = [...at.proxies.values()].map(({ bytes }) => bytes.down);
    const since = performance.now();
    for (const proxy of at.proxies.values()) proxy.target = lab.coordinator.address;
    await lab.coordinator.start();
    const recoveryMs = await applied(lab, since);
    const more = [...at.proxies.values()].map(({ bytes }, i) => bytes.down - told[i]!);
    const text = pauses.map((all) => all.map((ms) => (ms / 1000).toFixed(1)).join(' ')).join('; ');
    for (const all of pauses) {
      t.true(all[0]! < 1000, text);
      t.true(Math.max(...all) < 6000, text);
      // Between half of the pause and all of it.
      t.true(new Set(all.slice(-5).map((ms) => Math.round(ms / 20))).size > 1, text);
    }
    t.log(`pauses between attempts, s: ${text}`);
    t.log(`bytes to the agents: ${more.join(', ')}; so far ${JSON.stringify(whole)}`);
    for (const bytes of more) t.true(bytes < 4000, `${more}`);
    return { recoveryMs, besides: `${awaySeconds} s; then ${more.join(' and ')} bytes to each agent` };
  });
});
