import { parseArgs } from 'node:util';

export const sectionNames = ['bpf', 'pps', 'latency', 'memory', 'scale', 'host', 'agents'] as const;
export type SectionName = (typeof sectionNames)[number];

export interface BenchOptions {
  only: readonly SectionName[];
  /** Fewer and shorter repetitions: to see that it runs, not for numbers to quote. */
  quick: boolean;
  /** File for the results, or undefined for the default. */
  json?: string;
  help: boolean;
}

export const usage = `Usage: npm run bench -- [--only ${sectionNames.join(',')}] [--quick] [--json FILE]

Measures the data plane and the control plane against what they replace (test/src/bench/README.md).
  --only LIST   only these parts
  --quick       fewer and shorter repetitions
  --json FILE   write the results there (default: bench-results.json at the root of the checkout)`;

/** Reads the command line. Throws an Error with one line for people when it is wrong. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const named = (values.only ?? []).flatMap((list) => list.split(',')).filter((name) => name !== '');
  for (const name of named) {
    if (!isSectionName(name))
      throw new Error(`--only: no part is called "${name}" (${sectionNames.join(', ')})`);
  }
  // In their order, whatever the order asked for: each part leaves the machine as the next one expects it.
  const only = named.length ? sectionNames.filter((name) => named.includes(name)) : sectionNames;
  return { only, quick: values.quick, json: values.json, help: values.help };
}

function isSectionName(name: string): name is SectionName {
  return (sectionNames as readonly string[]).includes(name);
}
