import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CentralServer } from '@iovisor-ovn/coordinator/testing';
import test, { type ExecutionContext } from 'ava';
import { addresses, ip4, port, spec } from '../e2e/support/network.js';
import { until } from '../lab/index.js';
import { Changes } from './changes.js';
import { type Ground, ground } from './ground.js';
import { lasting, paused, residentMiB } from './pause.js';
import { applied, longTest, type Outcome, trial } from './trial.js';

/** Longer than everybody's probes together: the coordinator gives a silent database up after ten seconds. */
const PAUSE_MS = 16_000;
/** What the coordinator may grow by, MiB: one copy more of what little this database has, and what V8 likes to keep. */
const GROWTH_MIB = 60;

let at: Ground;

test.before(async () => {
  at = await ground();
});
test.after.always(() => at?.close());

const names: Record<CentralServer, string> = { nb: 'Northbound', sb: 'Southbound', northd: 'ovn-northd' };

/** A trial in which changes go on, and of which the processes must not grow. */
async function outlived(t: ExecutionContext, fault: () => Promise<void>, mayLoseAcross = 0): Promise<void> {
  const { lab } = at;
  const memory = () => [lab.coordinator.process, lab.hv(1).agent].map((process) => residentMiB(process?.pid));
  await trial(
    t,
    lab,
    async (): Promise<Outcome> => {
      const before = memory();
      const since = performance.now();
      await fault();
      const recoveryMs = await applied(lab, since);
      const changes = Changes.start(lab, at.churn);
      await changes.more(8);
      await changes.stop();
      t.deepEqual(await changes.lost(), []);
      await changes.remove();
      const after = memory();
      const text = ['coordinator', 'agent']
        .map((name, i) => `${name} ${before[i]} → ${after[i]} MiB`)
        .join(', ');
      for (const [i, mib] of after.entries()) t.true(mib < before[i]! + GROWTH_MIB, text);
      return { recoveryMs, besides: text };
    },
    mayLoseAcross,
  );
}

for (const which of ['nb', 'sb', 'northd'] as const)
  test.serial(`${names[which]} is killed and started again`, async (t) => {
    await outlived(t, async () => {
      await at.lab.central.stopServer(which, 'SIGKILL');
      await at.lab.central.startServer(which);
    });
  });

for (const which of ['nb', 'sb', 'northd'] as const)
  longTest(`${names[which]} is stopped for longer than the probes, and goes on`, async (t) => {
    await outlived(t, () =>
      paused({ signal: (signal) => at.lab.central.signalServer(which, signal as 'SIGSTOP') }, () =>
        lasting(PAUSE_MS),
      ),
    );
  });

test.serial('Northbound is replaced by an older copy', async (t) => {
  const { lab } = at;
  const copy = join(lab.registry.dir, 'nb.old');
  await lab.addMachine(lab.hv(2), spec(4));
  await lab.central.save('nb', copy);
  await lab.nbctl(
    '--wait=hv',
    ...port('sw0', 4).slice(1),
    '--',
    'lsp-set-addresses',
    'vm2',
    addresses(2),
    'unknown',
  );
  await lab.portsUp('vm4');
  t.true(await lab.vm('vm4').reaches(ip4(1)));
  await outlived(t, async () => {
    await lab.central.restore('nb', copy);
    await until('what the older copy does not have is gone', async () => {
      await lab.sync();
      return (await lab.vm('vm4').ping(ip4(1), { count: 1, waitSeconds: 0.2 })).received === 0;
    });
  });
  await lab.nbctl('--wait=hv', ...port('sw0', 4).slice(1));
  await lab.portsUp('vm4');
  t.true(await lab.vm('vm4').reaches(ip4(1)));
});

test.serial('Southbound is replaced by an older copy', async (t) => {
  const { lab } = at;
  const copy = join(lab.registry.dir, 'sb.old');
  await lab.nbctl('--wait=hv', 'lsp-del', 'vm4');
  await lab.central.save('sb', copy);
  await lab.nbctl('--wait=hv', ...port('sw0', 4).slice(1));
  await lab.portsUp('vm4');
  await outlived(t, () => lab.central.restore('sb', copy));
  await lab.portsUp('vm4');
  t.true(await lab.vm('vm4').reaches(ip4(1)));
});

test.serial('Southbound is replaced by an empty one', async (t) => {
  // ovn-northd numbers ports anew: until both hypervisors have the new numbers, what goes from one to the other may be lost.
  await outlived(t, () => at.lab.central.wipe('sb'), 100);
});

test.serial('the local database is killed and started again', async (t) => {
  const { ovsdb } = at.lab.hv(1);
  await outlived(t, async () => {
    await ovsdb.stopServer('SIGKILL');
    await ovsdb.startServer();
  });
});

longTest('the local database is stopped for longer than the probes, and goes on', async (t) => {
  const { ovsdb } = at.lab.hv(1);
  await outlived(t, () => paused(ovsdb, () => lasting(PAUSE_MS)));
});

test.serial('the local database is replaced by an older copy, which lacks a port', async (t) => {
  const { lab } = at;
  const hv = lab.hv(1);
  const copy = join(lab.registry.dir, 'conf.old');
  await copyFile(join(hv.dir, 'conf.db'), copy);
  const vm5 = await lab.addMachine(hv, spec(5));
  await lab.nbctl('--wait=hv', ...port('sw0', 5).slice(1));
  await lab.portsUp('vm5');
  await outlived(t, async () => {
    await hv.ovsdb.stopServer('SIGKILL');
    await copyFile(copy, join(hv.dir, 'conf.db'));
    await hv.ovsdb.startServer();
    await lab.nbctl('--timeout=20', 'wait-until', 'Logical_Switch_Port', 'vm5', 'up=false');
    t.is((await vm5.ping(ip4(1), { count: 1, waitSeconds: 0.2 })).received, 0);
  });
  await hv.plug(vm5.tap, vm5.port);
  await lab.portsUp('vm5');
  t.true(await vm5.reaches(ip4(1)));
});
