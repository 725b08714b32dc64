import type { Problem } from '../e2e/support/iovctl.js';
import { deviations } from '../faults/verify.js';
import { type Coordinator, serving, until } from '../lab/index.js';
import { localFaults } from './checks/local.js';
import { reachFaults } from './checks/reach.js';
import { southboundFaults, upArguments } from './checks/southbound.js';
import type { Model } from './model.js';
import { PATIENCE_S, type Site } from './site.js';

/** How long what is not right at once is looked at again, to know whether it heals by itself. */
const LATE_MS = 15_000;
/** No look at things that are right takes that long. */
const SLOW_MS = 10_000;

/**
 * Resolves when everybody says that what was said is done: `--wait=hv` returns, ports are up or down as they should, daemons are
 * SERVING; after what is found late, when `iovctl verify` finds nothing more. Throws when that does not come.
 */
export async function settled(site: Site, model: Model, isFoundLate: boolean): Promise<void> {
  await site.sync();
  const ups = upArguments(model).slice(1);
  if (ups.length > 0) await site.nbctl(...ups);
  const health = { timeoutMs: PATIENCE_S * 1000 };
  await Promise.all(site.lab.hypervisors.map((hv) => serving(hv.health, health)));
  if (isFoundLate)
    await until(
      'iovctl verify finds nothing',
      async () => (await deviations({ coordinator: await site.leader() })).length === 0,
      30_000,
    );
  await site.sync();
}

/** What is not as it should be, now that everybody says that it is done: a line each. */
export async function faultsNow(site: Site, model: Model): Promise<string[]> {
  const leaders = await site.coordinators.leaders();
  const coordinator = site.coordinators.all[leaders[0] ?? 0]!;
  const [reach, southbound, local, differences, problems] = await Promise.all([
    intime('looking who reaches whom', reachFaults(model, site.probes)),
    intime('reading Northbound and Southbound', southboundFaults(site.lab, model)),
    intime('reading the local databases', localFaults(site.lab, model)),
    intime('iovctl verify', deviations({ coordinator })),
    intime('iovctl problems', problemFaults(coordinator, model)),
  ]);
  return [
    ...reach,
    ...southbound,
    ...local,
    ...differences,
    ...problems,
    ...(leaders.length === 1 ? [] : [`${leaders.length} coordinators say that they lead`]),
  ];
}

/** A fault, too, when it fails, or takes longer than a machine with little time explains. */
async function intime(what: string, work: Promise<string[]>): Promise<string[]> {
  const began = performance.now();
  const faults = await work.catch((error: Error) => [`${what}: ${error.message}`]);
  const ms = Math.round(performance.now() - began);
  return ms > SLOW_MS ? [...faults, `${what} took ${ms} ms`] : faults;
}

/** A machine that is plugged and has no port is one; nothing else of what the soak does, for longer than it takes. */
async function problemFaults(coordinator: Coordinator, model: Model): Promise<string[]> {
  const all = await coordinator.json<Problem[]>('problems');
  const lost = model.machines.filter(({ network, plugged }) => plugged && network === undefined);
  const isLost = ({ table, name }: Problem) =>
    table === 'Interface' && lost.some((machine) => machine.name === name);
  return [
    ...all.flatMap((one) =>
      isLost(one) ? [] : [`problem: ${one.where} ${one.table} ${one.name}: ${one.message}`],
    ),
    ...lost.flatMap(({ name }) =>
      all.some((one) => isLost(one) && one.name === name) ? [] : [`no problem says that ${name} has no port`],
    ),
  ];
}

/** The same, and of what is wrong whether it heals. */
export async function faultsAfter(site: Site, model: Model): Promise<string[]> {
  const first = await faultsNow(site, model);
  if (first.length === 0) return [];
  const began = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const again = await faultsNow(site, model);
    const ms = Math.round(performance.now() - began);
    if (again.length === 0) return first.map((fault) => `${fault} (right ${ms} ms later)`);
    if (ms > LATE_MS)
      return [...first, ...again.filter((fault) => !first.includes(fault)).map((fault) => `later: ${fault}`)];
  }
}
