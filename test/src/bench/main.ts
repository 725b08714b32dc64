import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import colors from 'picocolors';
import { benchAgents } from './agents/agents.js';
import { benchBpf } from './bpf/bpf.js';
import { Cleanup } from './cleanup.js';
import { benchHost } from './host/host.js';
import { benchLatency } from './latency/latency.js';
import { machine } from './machine.js';
import { benchMemory } from './memory/memory.js';
import { type BenchOptions, parseOptions, type SectionName, usage } from './options.js';
import { removeOwnLabs } from './ownLabs.js';
import { benchPps } from './pps/pps.js';
import { formatSection } from './print.js';
import type { Section } from './report.js';
import { benchScale } from './scale/scale.js';

const sections: Record<SectionName, (cleanup: Cleanup, quick: boolean) => Promise<Section>> = {
  bpf: benchBpf,
  pps: benchPps,
  latency: benchLatency,
  memory: benchMemory,
  scale: benchScale,
  host: benchHost,
  agents: benchAgents,
};

const LONGEST_MESSAGE = 1000;
const defaultJson = fileURLToPath(new URL('../../../bench-results.json', import.meta.url));

let interrupted = false;

async function main(): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`bench: ${message(error)}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  if (process.getuid?.() !== 0) {
    console.error('bench: must run as root: it makes network namespaces and loads BPF programs');
    return 2;
  }
  const cleanup = new Cleanup();
  cleanup.add('labs', removeOwnLabs);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted = true;
      cleanup.run().then(() => process.exit(1));
    });
  }
  try {
    return await runSections(options, cleanup);
  } finally {
    await cleanup.run();
  }
}

async function runSections(options: BenchOptions, cleanup: Cleanup): Promise<number> {
  const results = {
    machine: machine(),
    quick: options.quick,
    sections: [] as Section[],
    failed: {} as Record<string, string>,
  };
  console.log(
    colors.dim(`${results.machine.cpu}, ${results.machine.cpus} CPUs, Linux ${results.machine.kernel}`),
  );
  for (const name of options.only) {
    console.error(colors.dim(`measuring ${name} …`));
    try {
      const section = await sections[name](cleanup, options.quick);
      results.sections.push(section);
      console.log(formatSection(section));
    } catch (error) {
      // What was pulled from under its feet is no result.
      if (interrupted) return 1;
      results.failed[name] = message(error);
      console.error(`\n${colors.red('✘')} ${name}: ${message(error)}`);
    }
  }
  const file = options.json ?? defaultJson;
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
  return Object.keys(results.failed).length ? 1 : 0;
}

function message(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // Command lines with a thousand ports are no help.
  return text.length > LONGEST_MESSAGE
    ? `${text.slice(0, LONGEST_MESSAGE / 2)} … ${text.slice(-LONGEST_MESSAGE / 2)}`
    : text;
}

process.exitCode = await main();
