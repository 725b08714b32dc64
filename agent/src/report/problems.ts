import type { Problem, ResourceRef } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';

/** Stamps problems with the time they were first seen. */
export class ProblemClock {
  readonly #since = new Map<string, string>();

  /** @param all every problem there is now: the times of others are forgotten */
  stamp(all: readonly Omit<Problem, 'since'>[]): Problem[] {
    const stamped = all.map((problem) => {
      const key = JSON.stringify(problem);
      const since = this.#since.get(key) ?? new Date().toISOString();
      return { key, problem: { ...problem, since } };
    });
    this.#since.clear();
    for (const { key, problem } of stamped) this.#since.set(key, problem.since);
    return stamped.map(({ problem }) => problem);
  }
}

const TABLES: Readonly<Record<number, string>> = {
  [ResourceType.LOGICAL_SWITCH]: 'Logical_Switch',
  [ResourceType.LOGICAL_PORT]: 'Logical_Switch_Port',
  [ResourceType.REMOTE_CHASSIS]: 'Chassis',
};

/** What the data plane could not do: refused resources, and devices that do not take the programs. */
export function datapathProblems(datapath: Datapath, node: string): Omit<Problem, 'since'>[] {
  const base = { where: `datapath (${node})`, column: '', node };
  const refused = datapath.refusals.map(({ ref, message }) => {
    const { name, uuid } = naming(datapath, ref);
    return { ...base, table: TABLES[ref.type] ?? '', uuid, name, message };
  });
  const failed = [...datapath.attachments.failures.values()].map(({ role, ifindex, message }) => ({
    ...base,
    table: role === 'entry' ? 'Interface' : '',
    uuid: '',
    name: datapath.deviceName(ifindex),
    message: `the ${role} program is not attached: ${message}`,
  }));
  const pins = datapath.pins.problem;
  const unpinned = pins === '' ? [] : [{ ...base, table: '', uuid: '', name: '', message: pins }];
  return [...refused, ...failed, ...unpinned];
}

function naming(datapath: Datapath, { type, id }: ResourceRef): { name: string; uuid: string } {
  const { switches, ports } = datapath.compiler.resources;
  const row = type === ResourceType.LOGICAL_SWITCH ? switches.get(id) : ports.get(id);
  if (type === ResourceType.REMOTE_CHASSIS || row === undefined) return { name: id, uuid: '' };
  return { name: row.name, uuid: row.nbUuid };
}
