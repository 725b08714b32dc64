import { judge, type Outcome } from './judge.js';
import { warmUp } from './marker.js';
import { type Side, Stage } from './stage.js';
import type { Scenario } from './table.js';

/** Builds the stage, runs every case of every scenario, and takes the stage down. */
export async function run(side: Side, scenarios: readonly Scenario[]): Promise<Outcome[]> {
  const stage = await Stage.build(
    side,
    scenarios.map(({ setup }) => setup),
  );
  try {
    for (const made of stage.switches.values()) await warmUp(stage.wire, made);
    const outcomes: Outcome[] = [];
    for (const { setup, cases } of scenarios)
      for (const test of cases) outcomes.push(await judge(stage, setup.name, test));
    return outcomes;
  } finally {
    await stage.destroy();
  }
}

/**
 * Outcomes that somebody must look at. A case with an excuse (it differs on stock, it is a known bug of ours) must fail
 * there, or the excuse is out of date.
 */
export function disagreements(side: Side, outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.flatMap((outcome) => {
    const excuse = side === 'ours' ? outcome.knownBug : outcome.differsFromStock;
    if (excuse === undefined) return outcome.wrong ? [outcome] : [];
    if (outcome.wrong) return [];
    return [{ ...outcome, wrong: { expected: `a difference: ${excuse}`, seen: 'none, remove the excuse' } }];
  });
}
