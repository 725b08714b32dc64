import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialModel } from './model.js';
import { parseOptions, usage } from './options.js';
import { Plan } from './plan.js';
import { replay, reportMarkdown, reportText, violationText } from './report.js';
import { soak } from './soak.js';

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options === '' ? usage : `soak: ${options}\n${usage}`);
  process.exit(2);
}
const { seed, minutes, steps, plan } = options;
if (plan !== undefined) {
  const planned = new Plan(seed, initialModel());
  for (let step = 1; step <= plan; step++)
    console.log(
      `${String(step).padStart(3)}  ${planned
        .next()
        .map(({ afterMs, planned: { what } }) => (afterMs > 0 ? `after ${afterMs} ms ${what}` : what))
        .join(' · ')}`,
    );
  process.exit(0);
}
if (process.getuid?.() !== 0) {
  console.error('soak: must run as root: it makes network namespaces and loads BPF programs');
  process.exit(2);
}

let interrupted: (() => void) | undefined;
let [isInterrupted, isWrong] = [false, false];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    isInterrupted = true;
    interrupted?.();
  });

let logs: string | undefined;
console.log(replay({ seed, minutes }));
const report = await soak({
  seed,
  minutes,
  ...(steps === undefined ? {} : { steps }),
  stop: () => isInterrupted || (options.stop && isWrong),
  onStep: (line) => console.log(line),
  onViolation: (violation) => {
    isWrong = true;
    console.log(`✘ ${violationText(violation)}`);
  },
  onEnd: async (directory, hasViolations) => {
    if (!hasViolations) return;
    logs = options.logs ?? mkdtempSync(join(tmpdir(), `iovisor-soak-${seed}-`));
    const isText = (path: string) => !/\.(sock|ctl|pid)$/.test(path);
    cpSync(directory, logs, { recursive: true, filter: isText });
    if (!options.stop || isInterrupted) return;
    console.log(`it stays as it is until Ctrl-C: ${directory}`);
    await new Promise<void>((resolve) => {
      interrupted = resolve;
    });
  },
});
console.log(reportText(report, logs));
if (options.markdown !== undefined) writeFileSync(options.markdown, reportMarkdown(report));
process.exitCode = report.violations.length > 0 || isInterrupted ? 1 : 0;
