import type { ClusterMember } from '@iovisor-ovn/coordinator/testing';
import test, { type ExecutionContext } from 'ava';
import { type Lab, until } from '../lab/index.js';
import { Changes } from './changes.js';
import { type Ground, ground } from './ground.js';
import { lasting, paused } from './pause.js';
import { SouthboundWatch } from './southbound.js';
import { applied, longTest, thorough, trial } from './trial.js';

let at: Ground;

test.before(async () => {
  if (!thorough) return;
  // Over unix sockets ovn-northd does not probe unless told to; the coordinator takes the same option.
  const probes = async (lab: Lab) => {
    await lab.nbctl('set', 'NB_Global', '.', 'options:northd_probe_interval=2000');
    return [];
  };
  at = await ground({ cluster: 3, prepare: probes });
});
test.after.always(() => at?.close());

type Which = 'nb' | 'sb';
const names: Record<Which, string> = { nb: 'Northbound', sb: 'Southbound' };

/** The server that the coordinator uses. */
async function inUse(which: Which): Promise<string> {
  return (await at.lab.coordinator.json<Record<Which, { remote: string }>>('status'))[which].remote;
}

/** Changes of Northbound while something becomes of the leader: nothing that was acknowledged is lost, the coordinator follows to the new one. */
async function follows(
  t: ExecutionContext,
  which: Which,
  fault: (leader: ClusterMember) => Promise<unknown>,
  heal: (was: ClusterMember) => Promise<unknown>,
): Promise<void> {
  const { lab } = at;
  const cluster = lab.central.clusters![which];
  const was = await cluster.leader();
  t.is(await inUse(which), was.remote);
  await trial(t, lab, async () => {
    const watch = await SouthboundWatch.start(lab.central);
    const changes = Changes.start(lab, at.churn);
    await changes.more(6);
    const since = performance.now();
    const followed = async () => {
      await until(
        'the coordinator has found the new leader',
        async () => {
          const remote = await inUse(which);
          return remote !== was.remote && !remote.includes(',');
        },
        40_000,
      );
      return Math.round(performance.now() - since);
    };
    const [recoveryMs, followedMs] = await Promise.all([
      fault(was).then(() => applied(lab, since)),
      followed(),
      changes.more(12),
    ]);
    await changes.stop();
    const leader = await cluster.leader(was);
    t.is(await inUse(which), leader.remote);
    // A plain ovn-nbctl gives up when it meets a server that is stopped.
    await heal(was);
    t.deepEqual(await changes.lost(), []);
    await lab.sync();
    await changes.remove();
    t.deepEqual(await watch.stop(), []);
    return {
      recoveryMs,
      besides: `the coordinator is there after ${followedMs} ms; ${changes.made} changes`,
    };
  });
}

for (const which of ['sb', 'nb'] as const) {
  longTest(`the leader of the ${names[which]} cluster is killed under a stream of changes`, (t) =>
    follows(
      t,
      which,
      (leader) => leader.stop('SIGKILL'),
      (was) => was.start(),
    ),
  );

  longTest(`the leader of the ${names[which]} cluster leaves it under a stream of changes`, (t) =>
    follows(
      t,
      which,
      (leader) => leader.appctl('cluster/leave'),
      async (was) => {
        const cluster = at.lab.central.clusters![which];
        await cluster.rejoin(was, await cluster.leader(was));
      },
    ),
  );

  longTest(`the leader of the ${names[which]} cluster is stopped under a stream of changes`, async (t) => {
    t.timeout(120_000);
    let over: Promise<void> | undefined;
    await follows(
      t,
      which,
      async (leader) => {
        // It goes on while there is another one already.
        over = paused(leader, () => lasting(20_000));
      },
      async () => over,
    );
  });
}
