import { exit } from './exit-codes.js';
import { clean, safeJson } from './terminal.js';

/** JSON for programs: 64-bit counters as numbers where they fit, as text where they do not. */
export function printJson(value: unknown): void {
  console.log(jsonText(value, 2));
}

/** @param indent 0: on one line */
export function jsonText(value: unknown, indent: number): string {
  const replacer = (_key: string, one: unknown) =>
    typeof one === 'bigint' ? (one <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(one) : one.toString()) : one;
  return safeJson(JSON.stringify(value, replacer, indent));
}

/** Names the hypervisors that did not answer, beside what the others said; the exit status says so, too. */
export function printUnreachable(nodes: readonly string[]): void {
  if (nodes.length === 0) return;
  console.error(`iovctl: no answer from ${clean(nodes.join(', '))}`);
  process.exitCode = exit.incomplete;
}
