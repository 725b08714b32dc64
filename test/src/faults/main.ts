import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import colors from 'picocolors';
import { formatTable } from '../bench/print.js';
import { checkout } from '../lab/index.js';
import type { TrialRecord } from './trial.js';

const parts = ['agent', 'kernel', 'coordinator', 'databases', 'cluster', 'network'];

const usage = `usage: npm run faults -- [--only ${parts.join('|')}[,…]] [--match PATTERN] [--away SECONDS]
All faults, also those that take too long for npm test, and a table of what they did. --away: how long all coordinators are
away (30; an hour is fine). --match: titles of tests, as ava's --match.`;

interface FaultsOptions {
  only: string[];
  match: string[];
  awaySeconds: number;
}

/** @returns what is wrong, or '' when help was asked for */
function parseOptions(argv: readonly string[]): FaultsOptions | string {
  const options: FaultsOptions = { only: parts, match: [], awaySeconds: 30 };
  const rest = [...argv];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--help') return '';
    const value = rest.shift();
    if (value === undefined) return `${flag} needs a value`;
    if (flag === '--only') {
      options.only = value.split(',');
      const unknown = options.only.find((name) => !parts.includes(name));
      if (unknown !== undefined) return `--only ${unknown}: ${parts.join(', ')}`;
    } else if (flag === '--match') options.match.push(value);
    else if (flag !== '--away') return `${flag} is unknown`;
    else if (!/^\d{1,6}$/.test(value)) return `--away ${value}: not a number of seconds`;
    else options.awaySeconds = Number(value);
  }
  return options;
}

/** Runs one test file; what it found out goes to `report`. */
function run(part: string, { match, awaySeconds }: FaultsOptions, report: string): Promise<number> {
  const ava = join(checkout, 'node_modules/ava/entrypoints/cli.mjs');
  // ava's time-out is about silence, and the longest fault is silent.
  const args = [`--timeout=${awaySeconds + 300}s`, ...match.map((pattern) => `--match=${pattern}`)];
  const child = spawn(process.execPath, [ava, ...args, `dist/faults/${part}.test.js`], {
    cwd: join(checkout, 'test'),
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      IOVISOR_FAULTS: '1',
      IOVISOR_FAULTS_AWAY: `${awaySeconds}`,
      IOVISOR_FAULTS_REPORT: report,
    },
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

function table(records: readonly TrialRecord[]): string {
  const rows = records.map(({ fault, sent, lost, longestGapMs, recoveryMs, deviations, besides }) => [
    fault,
    `${lost}`,
    `${sent}`,
    `${longestGapMs} ms`,
    recoveryMs === undefined ? '–' : `${Math.round(recoveryMs)} ms`,
    `${deviations}`,
    besides ?? '',
  ]);
  const header = ['fault', 'lost', 'of packets', 'longest gap', 'recovery', 'deviations', 'besides'];
  return formatTable({ title: '', header, rows }).join('\n');
}

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options === '' ? usage : `faults: ${options}\n${usage}`);
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  console.error('faults: must run as root: it makes network namespaces and loads BPF programs');
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), 'iovfaults-'));
const report = join(scratch, 'report');
let failed = 0;
try {
  for (const part of options.only) if ((await run(part, options, report)) !== 0) failed++;
  const lines = readFileSync(report, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((line) => line !== '');
  const records = lines.map((line) => JSON.parse(line) as TrialRecord);
  console.log(`\n${colors.bold('Faults')}\n${table(records)}`);
  const lost = records.reduce((sum, one) => sum + one.lost, 0);
  console.log(
    `\n${records.length} trials, ${lost} packets lost, ${failed} of ${options.only.length} test files failed`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
