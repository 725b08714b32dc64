import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { scrape } from '@iovisor-ovn/coordinator/testing';
import test from 'ava';
import { type Coordinator, type Lab, until } from '../lab/index.js';
import { Changes } from './changes.js';
import { type Ground, ground } from './ground.js';
import { paused } from './pause.js';
import { SouthboundWatch } from './southbound.js';
import { applied, longTest, trial } from './trial.js';

let at: Ground;

/** Over TCP the database asks silent clients whether they live: for a second, and a second more. */
async function southboundByTcp(lab: Lab): Promise<string[]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const probe = ['--', 'set', 'Connection', '.', 'inactivity_probe=1000'];
  await lab.central.sbctl('set-connection', `ptcp:${port}:127.0.0.1`, ...probe);
  return ['--sb', `tcp:127.0.0.1:${port}`, '--metrics', lab.socket('coordinator-metrics')];
}

test.before(async () => {
  at = await ground({ prepare: southboundByTcp });
});
test.after.always(() => at?.close());

/** Changes of Northbound, and a look at everything that Southbound is told, while `work` runs. */
async function changing<T>(work: (changes: Changes) => Promise<T>) {
  const watch = await SouthboundWatch.start(at.lab.central);
  const changes = Changes.start(at.lab, at.churn);
  try {
    await changes.more(8);
    const result = await work(changes);
    await changes.more(8);
    await changes.stop();
    const lost = await changes.lost();
    await at.lab.sync();
    await changes.remove();
    return { result, wrong: [...lost, ...(await watch.stop())], made: changes.made };
  } finally {
    await changes.stop();
    await watch.stop();
  }
}

const leads = async (coordinator: Coordinator): Promise<boolean> =>
  (await coordinator.json<{ leader?: boolean }>('status')).leader === true;

/** Transactions that a coordinator has committed to Southbound. */
async function committed(coordinator: Coordinator): Promise<number> {
  const socket = coordinator.address.replace(/^unix:/, '').replace(/\.sock$/, '-metrics.sock');
  const name = 'iovisor_coordinator_southbound_transactions_total';
  const value = new RegExp(`^${name}\\{result="committed"\\} (\\d+)`, 'm').exec(await scrape(socket))?.[1];
  if (value === undefined) throw new Error(`${socket} does not tell ${name}`);
  return Number(value);
}

test.serial('the leader is killed under a stream of changes, and a standby takes over', async (t) => {
  const { lab } = at;
  const standby = await at.standby();
  await trial(t, lab, async () => {
    const { result, wrong, made } = await changing(async () => {
      const since = performance.now();
      await lab.coordinator.stop('SIGKILL');
      lab.coordinator = standby;
      return applied(lab, since);
    });
    t.deepEqual(wrong, []);
    t.true(await leads(standby));
    return { recoveryMs: result, besides: `${made} changes, nothing written twice or not at all` };
  });
});

test.serial(
  'the leader is stopped for longer than the probes: what it wakes with is not written',
  async (t) => {
    const { lab } = at;
    const old = lab.coordinator;
    const standby = await at.standby();
    const [port] = at.churn;
    const hv1 = lab.hv(1);
    await lab.nbctl(
      '--wait=hv',
      'lsp-add',
      'sw0',
      port!.name,
      '--',
      'lsp-set-addresses',
      port!.name,
      port!.address(0),
    );
    await lab.portsUp(port!.name);
    await trial(t, lab, async () => {
      const watch = await SouthboundWatch.start(lab.central, () => false);
      await lab.sync();
      const before = await committed(old);
      const since = performance.now();
      const recoveryMs = await paused(old.process!, async () => {
        // Its agents say this to it, and no one hears: it will find it when it wakes.
        await hv1.unplug(port!.tap);
        lab.coordinator = standby;
        const ms = await applied(lab, since);
        await lab.nbctl('--timeout=20', 'wait-until', 'Logical_Switch_Port', port!.name, 'up=false');
        await hv1.plug(port!.tap, port!.name);
        await lab.portsUp(port!.name);
        return ms;
      });
      await until('the one that woke up knows that it leads no more', async () => !(await leads(old)));
      await applied(lab, performance.now());
      await lab.portsUp(port!.name);
      t.is(await committed(old), before);
      t.true(await leads(standby));
      // By the new leader, when it was unplugged: once.
      const freed = (await watch.stop()).map((line) => line.replace(/[0-9a-f-]{36}/, 'hv1'));
      t.deepEqual(freed.sort(), [
        `Port_Binding ${port!.name}: chassis hv1 → none`,
        `Port_Binding ${port!.name}: up → down`,
      ]);
      return { recoveryMs, besides: 'it wrote nothing more' };
    });
    await lab.nbctl('--wait=hv', 'lsp-del', port!.name);
    await old.stop('SIGKILL');
  },
);

longTest('the leader is stopped and goes on, again and again, under a stream of changes', async (t) => {
  t.timeout(300_000);
  const { lab } = at;
  let [leader, other] = [lab.coordinator, await at.standby()];
  await trial(t, lab, async () => {
    const times: number[] = [];
    const { wrong, made } = await changing(async (changes) => {
      for (let round = 0; round < 4; round++) {
        await changes.more(1 + round);
        const since = performance.now();
        await paused(leader.process!, async () => {
          lab.coordinator = other;
          times.push(await applied(lab, since));
          await changes.more(3);
        });
        await until('the one that woke up knows that it leads no more', async () => !(await leads(leader)));
        [leader, other] = [other, leader];
      }
    });
    t.deepEqual(wrong, []);
    return { recoveryMs: Math.max(...times), besides: `4 times, ${made} changes` };
  });
  await other.stop('SIGKILL');
});
