/** JSON for programs: 64-bit counters as numbers where they fit, as text where they do not. */
export function printJson(value: unknown): void {
  const replacer = (_key: string, one: unknown) =>
    typeof one === 'bigint' ? (one <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(one) : one.toString()) : one;
  console.log(JSON.stringify(value, replacer, 2));
}

/** Names the hypervisors that did not answer, beside what the others said. */
export function printUnreachable(nodes: readonly string[]): void {
  if (nodes.length > 0) console.error(`iovctl: no answer from ${nodes.join(', ')}`);
}
