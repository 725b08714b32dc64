import type { Problem, ResourceRef } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import type { Damage, Datapath } from '../datapath/index.js';

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
  const damaged = damageProblems(datapath.damages.unrepaired).map((one) => ({ ...base, ...one }));
  return [
    ...refused,
    ...failed,
    ...damaged,
    ...underlayProblems(datapath).map((one) => ({ ...base, ...one })),
  ];
}

/** Of damage that could not be repaired, how much is listed. */
const MOST_DAMAGE = 20;

function damageProblems(damages: readonly Damage[]): Pick<Problem, 'table' | 'uuid' | 'name' | 'message'>[] {
  const row = { table: '', uuid: '' };
  const listed = damages.slice(0, MOST_DAMAGE).map((damage) => ({
    ...row,
    name: damage.where,
    message: damageText(damage),
  }));
  const others = damages.length - listed.length;
  if (others > 0) listed.push({ ...row, name: '', message: `damage at ${others} more places in the kernel` });
  return listed;
}

function damageText({ kind, key, wanted, found, why }: Damage): string {
  // Of pins that cannot be made that says it all.
  if (key === '' && why !== '') return why;
  const change = `somebody changed ${kind === 'map' ? `the entry ${key}` : `the ${key || kind}`}`;
  const states = `wanted ${wanted || 'nothing'}, found ${found || 'nothing'}`;
  return `${change} in the kernel (${states}), and it is not repaired${why === '' ? ' yet' : `: ${why}`}`;
}

/** Of chassis without a route, how many are named. */
const MOST_NAMES = 5;

/** What the underlay lacks. A next hop that does not answer is no problem of this host's: `iovctl tunnels` shows it. */
function underlayProblems(
  datapath: Datapath,
): Pick<Problem, 'table' | 'uuid' | 'name' | 'column' | 'message'>[] {
  const { absentAddresses, unreachable } = datapath;
  const absent = absentAddresses.map((ip) => ({
    table: 'Open_vSwitch',
    uuid: '',
    name: '.',
    column: 'external_ids:ovn-encap-ip',
    message: `no device has the tunnel address ${ip}, so other hypervisors do not reach this one there`,
  }));
  if (unreachable.length === 0) return absent;
  const names = unreachable.slice(0, MOST_NAMES).join(', ');
  const others = unreachable.length - MOST_NAMES;
  const message = `no route to the tunnel address of chassis ${names}${others > 0 ? ` and ${others} others` : ''}`;
  const name = unreachable.length === 1 ? unreachable[0]! : '';
  return [...absent, { table: 'Chassis', uuid: '', name, column: '', message }];
}

function naming(datapath: Datapath, { type, id }: ResourceRef): { name: string; uuid: string } {
  const { switches, ports } = datapath.compiler.resources;
  const row = type === ResourceType.LOGICAL_SWITCH ? switches.get(id) : ports.get(id);
  if (type === ResourceType.REMOTE_CHASSIS || row === undefined) return { name: id, uuid: '' };
  return { name: row.name, uuid: row.nbUuid };
}
