import { appendFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { Lab } from '../lab/index.js';
import { faultsOf, type StreamResult, Streams, summary } from './stream.js';
import { deviations } from './verify.js';

/** `npm run faults`: what takes longer is run, too. */
export const thorough = process.env.IOVISOR_FAULTS !== undefined;
/** A test that only `npm run faults` runs. */
export const longTest = thorough ? test.serial : test.serial.skip;

/** What a fault has led to, beside what every trial finds out. */
export interface Outcome {
  /** From the fault until a change that was made after it is in effect everywhere, ms. */
  recoveryMs?: number;
  /** In words. */
  besides?: string;
}

/** A line of the table of `npm run faults`. */
export interface TrialRecord extends Outcome {
  fault: string;
  sent: number;
  lost: number;
  longestGapMs: number;
  deviations: number;
}

/**
 * 1,000 packets a second each way, on one hypervisor (vm1, vm2) and between two (vm1, vm3), while a fault happens and is over: none may be lost, and then all
 * is as a fresh start would have it.
 * @param mayLoseAcross packets in a tunnel, of each direction, where a loss cannot be helped
 */
export async function trial(
  t: ExecutionContext,
  lab: Lab,
  fault: () => Promise<Outcome | undefined>,
  mayLoseAcross = 0,
): Promise<void> {
  const [vm1, vm2, vm3] = [1, 2, 3].map((n) => lab.vm(`vm${n}`)) as [never, never, never];
  const streams = await Streams.start([vm1, vm2], [vm1, vm3]);
  let outcome: Outcome;
  let results: Record<string, StreamResult>;
  try {
    outcome = (await fault()) ?? {};
  } finally {
    results = await streams.stop();
  }
  await lab.sync();
  const found = await deviations(lab);
  record(t, results, found, outcome);
  const { recoveryMs, besides } = outcome;
  const recovery = recoveryMs === undefined ? '' : `recovered after ${Math.round(recoveryMs)} ms; `;
  t.log(`${recovery}${besides ? `${besides}; ` : ''}${summary(results)}`);
  const counted = Object.entries(results).filter(
    ([name, { lost, duplicated }]) => !name.includes('vm3') || lost > mayLoseAcross || duplicated > 0,
  );
  t.deepEqual(faultsOf(Object.fromEntries(counted)), []);
  t.deepEqual(found, []);
}

/** For the table of `npm run faults`, if that is what runs. */
export function record(
  t: ExecutionContext,
  results: Record<string, StreamResult>,
  found: readonly string[],
  outcome: Outcome = {},
): void {
  const file = process.env.IOVISOR_FAULTS_REPORT;
  if (!file) return;
  const all = Object.values(results);
  const sum = (pick: (one: StreamResult) => number) => all.reduce((total, one) => total + pick(one), 0);
  const line: TrialRecord = {
    fault: t.title,
    sent: sum(({ sent }) => sent),
    lost: sum(({ lost }) => lost),
    longestGapMs: Math.max(...all.map(({ longestGapMs }) => longestGapMs)),
    deviations: found.length,
    ...outcome,
  };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

let addresses = 0;

/**
 * Makes a change in Northbound and resolves when every hypervisor has it: with the ms since `since`. Whatever is away is waited for, half a
 * minute long.
 */
export async function applied(lab: Lab, since: number): Promise<number> {
  const n = ++addresses % 200;
  const address = `02:00:00:02:00:${n.toString(16).padStart(2, '0')} 10.0.9.${n + 1}`;
  for (;;) {
    try {
      await lab.nbctl('--timeout=30', '--wait=hv', 'lsp-set-addresses', 'applied', address);
      return performance.now() - since;
    } catch (error) {
      if (performance.now() - since > 30_000) throw error;
    }
  }
}
