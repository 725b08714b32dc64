/** One output of ovn-trace: the port, and what was assigned to the packet on the way. */
export interface TraceOutput {
  port: string;
  /** Of the packet, or of the one that was made in its place: "arp.op" → "2". */
  assigned: ReadonlyMap<string, string>;
  /** The action that made another packet of it, such as "nd_na". */
  made?: string;
}

interface Scope {
  made?: string;
  assigned: Map<string, string>;
}

/**
 * Reads what `ovn-trace --minimal` prints.
 * @throws Error when there is something in it that the fuzzer does not expect: then its answer means nothing
 */
export function readTrace(text: string): TraceOutput[] {
  const scopes: Scope[] = [{ assigned: new Map() }];
  const outputs: TraceOutput[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const scope = scopes.at(-1)!;
    const output = /^output\("(.*)"\);$/.exec(line);
    const assignment = /^([\w.]+) = (.*);$/.exec(line);
    const block = /^(\w+) \{$/.exec(line);
    if (line === '' || line.startsWith('#')) continue;
    if (output !== null) outputs.push({ port: output[1]!, ...scope, assigned: new Map(scope.assigned) });
    else if (assignment !== null) scope.assigned.set(assignment[1]!, assignment[2]!);
    else if (block !== null) scopes.push({ made: block[1]!, assigned: new Map() });
    else if (line === '};') scopes.pop();
    else throw new Error(`ovn-trace says "${line}", which is not understood:\n${text}`);
  }
  return outputs;
}
