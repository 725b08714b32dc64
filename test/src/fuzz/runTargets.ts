import type { FuzzOptions } from './options.js';
import { targets } from './targets/all.js';

/** Fuzzes what --target names. @returns the exit status: 1 when something was found, 2 for a name that is none */
export async function runTargets({ targets: names, seed, cases }: FuzzOptions): Promise<number> {
  if (names.includes('list')) {
    for (const { name, what, cases: usual } of targets) console.log(`${name.padEnd(20)} ${usual} × ${what}`);
    return 0;
  }
  const unknown = names.find((name) => name !== 'every' && !targets.some((target) => target.name === name));
  if (unknown !== undefined) {
    console.error(`fuzz: no target is called ${unknown}; --target list names them`);
    return 2;
  }
  let [interrupted, found] = [false, false];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      interrupted = true;
    });
  for (const target of targets) {
    if (interrupted || !(names.includes('every') || names.includes(target.name))) continue;
    const began = performance.now();
    const report = await target.run({ seed, cases: cases ?? target.cases, stop: () => interrupted });
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(
      `${target.name}: ${report.cases} inputs from seed ${seed} in ${seconds} s, ${report.failures.length} failures`,
    );
    const most = [...report.outcomes].sort(([, a], [, b]) => b - a);
    console.log(`  ${most.map(([outcome, times]) => `${outcome} ${times}`).join(', ')}`);
    for (const failure of report.failures) console.log(`  ${failure}`);
    found ||= report.failures.length > 0;
  }
  return found || interrupted ? 1 : 0;
}
