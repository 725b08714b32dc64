import type { StreamResult } from '../faults/stream.js';

/** What must not be, and where to look for why. */
export interface Violation {
  step: number;
  /** Seconds since the begin. */
  at: number;
  text: string;
  /** Positions of what the logs say of the step. */
  logs: string;
}

export interface DoneAction {
  kind: string;
  what: string;
  /** From the last that was done by hand until everybody said that it is right, ms; undefined: never. */
  recoveryMs?: number;
  /** Did something else happen at once? */
  isAlone: boolean;
}

export interface DoneStep {
  step: number;
  at: number;
  actions: DoneAction[];
}

/** A process at its most, and with what it ended. */
export interface Watermark {
  name: string;
  residentMiB: number;
  descriptors: number;
}

export interface SoakReport {
  seed: number;
  minutes: number;
  steps: DoneStep[];
  violations: Violation[];
  /** Sums over all steps, by stream. */
  streams: Record<string, StreamResult>;
  watermarks: Watermark[];
  /** Pairs looked at, probes sent by them. */
  checks: number;
  seconds: number;
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;

interface KindRow {
  kind: string;
  times: number;
  alone: number[];
  beside: number[];
}

function byKind(steps: readonly DoneStep[]): KindRow[] {
  const rows = new Map<string, KindRow>();
  for (const { kind, recoveryMs, isAlone } of steps.flatMap(({ actions }) => actions)) {
    const row = rows.get(kind) ?? { kind, times: 0, alone: [], beside: [] };
    rows.set(kind, row);
    row.times++;
    if (recoveryMs !== undefined) row[isAlone ? 'alone' : 'beside'].push(recoveryMs);
  }
  for (const row of rows.values()) for (const list of [row.alone, row.beside]) list.sort((a, b) => a - b);
  return [...rows.values()].sort((a, b) => a.kind.localeCompare(b.kind));
}

const seconds = (list: readonly number[]): [string, string] =>
  list.length === 0
    ? ['–', '–']
    : [(percentile(list, 0.5) / 1000).toFixed(1), (list.at(-1)! / 1000).toFixed(1)];

const HEADINGS = ['what was done', 'times', 'alone: p50', 'max', 'with others: p50', 'max'];

const kindCells = ({ kind, times, alone, beside }: KindRow): string[] => [
  kind,
  `${times}`,
  ...seconds(alone),
  ...seconds(beside),
];

function headline({ seed, steps, violations, streams, seconds: took, checks }: SoakReport): string[] {
  const done = steps.flatMap(({ actions }) => actions).length;
  const all = Object.values(streams);
  const sum = (key: 'sent' | 'lost' | 'duplicated') => all.reduce((total, one) => total + one[key], 0);
  const gap = Math.max(0, ...all.map(({ longestGapMs }) => longestGapMs));
  return [
    `seed ${seed}: ${done} actions in ${steps.length} steps, ${Math.round(took)} s`,
    `${sum('lost')} of ${sum('sent')} packets lost, ${sum('duplicated')} doubled, in ${all.length} streams; longest gap ${gap} ms`,
    `${checks} pairs of machines looked at, by ARP, IPv4 and IPv6`,
    `${violations.length} violations`,
  ];
}

export const replay = ({ seed, minutes }: Pick<SoakReport, 'seed' | 'minutes'>): string =>
  `npm run soak -- --seed ${seed} --minutes ${minutes}`;

export function violationText({ step, at, text, logs }: Violation): string {
  return `step ${step}, ${at.toFixed(1)} s: ${text}${logs ? `\n    logs: ${logs}` : ''}`;
}

/** For the terminal. */
export function reportText(report: SoakReport, logs?: string): string {
  const rows = [HEADINGS, ...byKind(report.steps).map(kindCells)];
  const widths = HEADINGS.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const table = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  return [
    '',
    'Recovery, s: from the last that was done by hand until everybody says that it is right',
    ...table.map((line) => `  ${line}`),
    '',
    'At most: ' +
      report.watermarks
        .map(({ name, residentMiB, descriptors }) => `${name} ${residentMiB} MiB, ${descriptors} descriptors`)
        .join('; '),
    '',
    ...headline(report),
    ...report.violations.map((violation) => `  ${violationText(violation)}`),
    ...(report.violations.length > 0 ? [`again: ${replay(report)}`] : []),
    ...(logs ? [`logs: ${logs}`] : []),
  ].join('\n');
}

/** The figures, for docs/reliability.md. */
export function reportMarkdown(report: SoakReport): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const widest = report.watermarks.map(
    ({ name, residentMiB, descriptors }) => `${name} ${residentMiB} MiB and ${descriptors} descriptors`,
  );
  return [
    `\`${replay(report)}\`:`,
    '',
    ...headline(report).map((text) => `* ${text}`),
    `* at most: ${widest.join('; ')}`,
    '',
    'Recovery in seconds, from the last that was done by hand (the process is started again, the change is committed) until `--wait=hv` has',
    'returned, ports are up or down as they should, and all agents are SERVING:',
    '',
    line(HEADINGS),
    '|---|--:|--:|--:|--:|--:|',
    ...byKind(report.steps).map((row) => line(kindCells(row))),
    '',
  ].join('\n');
}
