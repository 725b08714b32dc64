import type { NodeTrace, TraceResult, TraceStep } from '@iovisor-ovn/proto';
import { describeFrame } from '../frame/describe-frame.js';

/** Every module of every hypervisor with its verdicts. */
export function detailed(port: string, frame: Buffer, result: TraceResult): string {
  const nodes = result.nodes.map((one) => [heading(one, port), ...stepLines(one), ''].join('\n'));
  return [`# ${describeFrame(frame)}`, '', ...nodes, ...ends(frame, result)].join('\n');
}

/** One line for each hypervisor. */
export function summary(port: string, frame: Buffer, result: TraceResult): string {
  const nodes = result.nodes.map((one) => {
    const programs = [...new Set(one.trace?.steps.map(({ program }) => short(program)))].join(' → ');
    return `${heading(one, port)} ${one.trace?.error || programs}`;
  });
  return [`# ${describeFrame(frame)}`, ...nodes, ...ends(frame, result)].join('\n');
}

/** Only where it comes out, and what is dropped. */
export function minimal(_port: string, frame: Buffer, result: TraceResult): string {
  return [`# ${describeFrame(frame)}`, ...ends(frame, result)].join('\n');
}

function heading({ node, from }: NodeTrace, port: string): string {
  return from === '' ? `${node}, from port ${port}:` : `${node}, from the tunnel of ${from}:`;
}

function stepLines({ trace }: NodeTrace): string[] {
  if (!trace) return [];
  const width = Math.max(0, ...trace.steps.map(({ program }) => short(program).length)) + 2;
  const lines = trace.steps.map((step, index) => {
    const again = isSame(step, trace.steps[index - 1]);
    return `  ${(again ? '' : short(step.program)).padEnd(width)}${step.verdict}`;
  });
  return trace.error === '' ? lines : [...lines, `  ${trace.error}`];
}

/** iov_portsec_in is portsec_in: the receiving side of portsec is another program than the sending side. */
function short(program: string): string {
  return program.replace(/^iov_/, '');
}

/** Of the same run of a program as the step before it. */
function isSame(step: TraceStep, before: TraceStep | undefined): boolean {
  return before?.program === step.program && !before.verdict.startsWith('→');
}

function ends(frame: Buffer, { nodes }: TraceResult): string[] {
  const found = nodes.flatMap(({ node, trace }) => [
    ...(trace?.outputs ?? [])
      .filter(({ port }) => port !== '')
      .map(({ port, frame: out }) => {
        const changed = frame.equals(out) ? '' : ` as ${describeFrame(out)}`;
        return `output to "${port}" on ${node}${changed}`;
      }),
    ...(trace?.steps ?? []).filter(({ drop }) => drop !== '').map(({ verdict }) => `${verdict} on ${node}`),
    ...(trace?.error ? [`unknown on ${node}: ${trace.error}`] : []),
  ]);
  return found.length > 0 ? found : ['no output'];
}
