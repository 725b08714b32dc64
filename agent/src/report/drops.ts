import { dropReasons } from '@iovisor-ovn/iomodules';
import type { DropReport } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';

/** Dropped packets by reason and port; what belongs to no port (any more) comes without one. */
export function dropReports(datapath: Datapath): DropReport[] {
  const names = new Map(
    [...datapath.compiler.localPorts()].map(({ number, resource }) => [number, resource.name]),
  );
  const reports: DropReport[] = [];
  const attributed = new Map<number, bigint>();
  for (const { port, reason, packets } of datapath.counters.portDrops()) {
    const name = names.get(port);
    const known = dropReasons.find(({ value }) => value === reason);
    if (name === undefined || known === undefined) continue;
    attributed.set(reason, (attributed.get(reason) ?? 0n) + packets);
    reports.push({ reason: known.name, port: name, packets, description: known.description });
  }
  for (const { value, name, description } of dropReasons) {
    const rest = datapath.counters.drops(value) - (attributed.get(value) ?? 0n);
    if (rest > 0n) reports.push({ reason: name, port: '', packets: rest, description });
  }
  return reports;
}
