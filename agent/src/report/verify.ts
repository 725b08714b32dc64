import type { Difference, VerifyReport } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import { type Datapath, refOfUnit } from '../datapath/index.js';

/** Differences that are listed; of what is broken that far the rest is told as a number. */
const MAX_LISTED = 1000;

/** The audit of Datapath.audit(), with names, and what this agent holds. */
export async function verifyReport(datapath: Datapath, repair: boolean): Promise<VerifyReport> {
  const { differences, ...rest } = await datapath.audit(repair);
  const listed = differences.slice(0, MAX_LISTED);
  return {
    ...rest,
    differences: listed.map(({ unit, kind, where, key, wanted, found }): Difference => {
      return { kind, where, key, wanted, found, owner: ownerOf(datapath, unit) };
    }),
    more: differences.length - listed.length,
    held: datapath.held.map(({ type, id, version }) => ({ type, id, version })),
  };
}

function ownerOf({ compiler: { resources } }: Datapath, unit: string): string {
  const ref = refOfUnit(unit);
  if (ref === undefined) return '';
  const { type, id } = ref;
  if (type === ResourceType.LOGICAL_PORT) return `port ${resources.ports.get(id)?.name ?? id}`;
  if (type === ResourceType.LOGICAL_SWITCH) return `switch ${resources.switches.get(id)?.name ?? id}`;
  return type === ResourceType.REMOTE_CHASSIS ? `chassis ${id}` : `learned MAC ${id}`;
}
