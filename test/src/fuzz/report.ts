import { type Deviation, deviations } from './deviations.js';
import type { Failure, Summary } from './fuzz.js';
import { shellCommands } from './network.js';
import { frameOf, microflow } from './packet.js';

const indented = (lines: readonly string[]): string[] =>
  lines.length === 0 ? ['    nothing'] : lines.map((line) => `    ${line}`);

/** A disagreement with all that one needs to have it again. */
export function failureText(
  failure: Failure,
  { seed, perNetwork }: { seed: number; perNetwork: number },
): string {
  const { least, comparison, network } = failure;
  const { packet } = least;
  return [
    '',
    `Disagreement: --seed ${seed} --only ${network} --per-network ${perNetwork}`,
    ...shellCommands(least.network).map((line) => `  ${line}`),
    `  into ${packet.from}: ${frameOf(packet).toString('hex')}`,
    `  as ovn-trace has it: ${microflow(packet)}`,
    '  expected',
    ...indented(comparison.expected),
    '  seen',
    ...indented(comparison.seen),
    ...(comparison.reasons.length > 0 ? [`  dropped: ${comparison.reasons.join(', ')}`] : []),
    ...(comparison.because.length > 0 ? [`  by our deviations: ${comparison.because.join(', ')}`] : []),
    '  ovn-trace, without port security',
    ...indented(comparison.trace.trimEnd().split('\n')),
  ].join('\n');
}

export function summaryText({
  packets,
  networks,
  delivered,
  answered,
  deviations: used,
  knownBugs,
  failures,
}: Summary): string {
  const percent = (count: number) => `${Math.round((100 * count) / Math.max(packets, 1))} %`;
  const names = Object.keys(deviations) as Deviation[];
  return [
    `${packets} packets in ${networks} networks: ${percent(delivered)} reach a port, ${percent(answered)} are answered, the rest is dropped`,
    ...names.map((name) => `  ${name}: decided ${used.get(name) ?? 0} times (${deviations[name].what})`),
    ...[...knownBugs].map(([what, times]) => `  known bug, seen ${times} times: ${what}`),
    `${failures.length} disagreements`,
  ].join('\n');
}
