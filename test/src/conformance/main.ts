import { pending, scenarios } from './cases/index.js';
import { disagreements, run } from './run.js';
import type { Side } from './stage.js';

const usage = 'usage: node test/dist/conformance/main.js --on ours|stock|both [--pending] [--only SWITCH,…]';

function fail(message: string): never {
  console.error(`${message}\n${usage}`);
  process.exit(2);
}

/** Value of a flag that may be absent. */
function flag(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? fail(`${name} needs a value`));
}

const on = flag('--on') ?? fail('--on is missing');
const only = flag('--only')?.split(',');
const table = process.argv.includes('--pending') ? pending : scenarios;
const sides: Record<string, Side[]> = { ours: ['ours'], stock: ['stock'], both: ['stock', 'ours'] };
const chosen = table.filter(({ setup }) => only === undefined || only.includes(setup.name));
if (chosen.length === 0) fail(`no switch is named ${only}: ${table.map((s) => s.setup.name).join(', ')}`);

let bad = 0;
for (const side of sides[on] ?? fail(`--on ${on}?`)) {
  const outcomes = await run(side, chosen);
  const found = disagreements(side, outcomes);
  bad += found.length;
  for (const { scenario, name, wrong } of found)
    console.log(
      `${side}  ${scenario}: ${name}\n    expected ${wrong?.expected}\n    seen     ${wrong?.seen}`,
    );
  const excused = outcomes.filter(({ differsFromStock }) => differsFromStock !== undefined).length;
  const note = side === 'stock' ? `, ${excused} where we differ on purpose` : '';
  console.log(`${side}: ${outcomes.length} cases, ${found.length} disagreements${note}`);
}
process.exitCode = bad > 0 ? 1 : 0;
