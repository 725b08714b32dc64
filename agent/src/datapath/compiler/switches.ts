import { type LogicalPort, type LogicalSwitch, ResourceType } from '@iovisor-ovn/proto';
import { iov_group_scope as scope } from '../abi.js';
import { compileGroup, type Generations, GROUP_MAX_MEMBERS } from '../compile/group.js';
import { compileSwitch, UNKNOWN } from '../compile/switch.js';
import { Holdings } from '../holdings.js';
import { type Delivery, SwitchMembers } from '../members.js';
import type { Numbers } from '../numbers.js';
import type { ChassisTunnels } from './chassisTunnels.js';
import type { Common } from './common.js';

export interface SwitchesOptions {
  common: Common;
  numbers: Numbers;
  generations: Generations;
  tunnels: Pick<ChassisTunnels, 'toEach'>;
}

/** Logical switches: their numbers, their own entries, and their groups, of which only those are made anew that changed. */
export class Switches {
  readonly #common: Common;
  readonly #tunnels: Pick<ChassisTunnels, 'toEach'>;
  readonly #numbers: Holdings;
  readonly #generations: Generations;
  readonly #members = new Map<string, SwitchMembers>();
  readonly #groupUnits = new Map<string, string[]>();
  /** What the claims of a switch, and those of each of its groups (by unit), were made of. */
  readonly #compiledSwitches = new Map<
    string,
    { resource: LogicalSwitch; datapath: number; hasUnknown: boolean }
  >();
  readonly #compiledGroups = new Map<string, { datapath: number; members: readonly number[] }>();

  constructor({ common, numbers, generations, tunnels }: SwitchesOptions) {
    this.#common = common;
    this.#tunnels = tunnels;
    this.#numbers = new Holdings(numbers);
    this.#generations = generations;
  }

  /** The datapath number of a switch that is in effect. */
  number(id: string): number | undefined {
    return this.#numbers.number(id);
  }

  /** Gives a switch its number, or takes it back; what depends on it is compiled after this. */
  assign(id: string): void {
    const { refusals, resources, work } = this.#common;
    const resource = resources.switches.get(id);
    const before = this.#numbers.number(id);
    work.groups.add(id);
    // Its port's entries depend on its number, its key and its settings.
    work.touchPorts(resources.portsOf(id));
    if (resource === undefined) this.#numbers.release(id);
    else {
      refusals.attempt(
        { type: ResourceType.LOGICAL_SWITCH, id },
        () => this.#numbers.hold(id, `${resource.tunnelKey}`),
        () => this.#numbers.release(id),
      );
    }
    if (before === this.#numbers.number(id)) return;
    this.#members.delete(id);
    for (const learned of resources.learnedIn(id)) work.learned.add(learned);
  }

  /** @param delivery where copies for the port go */
  join(portId: string, port: LogicalPort, delivery: Delivery): void {
    if (this.#membersOf(port.switchId).set(portId, port, delivery))
      this.#common.work.groups.add(port.switchId);
  }

  leave(switchId: string, portId: string): void {
    if (this.#members.get(switchId)?.remove(portId)) this.#common.work.groups.add(switchId);
  }

  #membersOf(switchId: string): SwitchMembers {
    let members = this.#members.get(switchId);
    if (members === undefined) {
      members = new SwitchMembers();
      this.#members.set(switchId, members);
    }
    return members;
  }

  /** The switch's own entries and its groups; of a port that came or went, the groups that it came into or left. */
  compile(id: string): void {
    const resource = this.#common.resources.switches.get(id);
    const datapath = this.#numbers.number(id);
    const units =
      resource === undefined || datapath === undefined
        ? this.#withdraw(id)
        : this.#apply(id, resource, datapath);
    for (const unit of this.#groupUnits.get(id) ?? []) {
      if (units.has(unit)) continue;
      this.#common.claims.set(unit, 0, []);
      this.#compiledGroups.delete(unit);
    }
    if (units.size > 0) this.#groupUnits.set(id, [...units]);
    else this.#groupUnits.delete(id);
  }

  /** @returns the units that its groups are claimed by */
  #apply(id: string, resource: LogicalSwitch, datapath: number): Set<string> {
    const { claims, refusals } = this.#common;
    const units = new Set<string>();
    refusals.delete({ type: ResourceType.LOGICAL_SWITCH, id });
    const members = this.#membersOf(id);
    const unknown = members.of(UNKNOWN, []);
    const hasUnknown = unknown.ports.length + unknown.chassis.length > 0;
    const seen = this.#compiledSwitches.get(id);
    if (seen?.resource !== resource || seen.datapath !== datapath || seen.hasUnknown !== hasUnknown)
      claims.set(`switch:${id}`, datapath, compileSwitch(resource, datapath, hasUnknown));
    this.#compiledSwitches.set(id, { resource, datapath, hasUnknown });
    for (const { name, tunnelKey: group, portIds } of resource.groups) {
      const { ports, chassis } = members.of(name, portIds);
      const sides = [
        { scope: scope.IOV_GROUP_LOCAL, list: ports },
        { scope: scope.IOV_GROUP_REMOTE, list: this.#tunnels.toEach(chassis) },
      ];
      for (const side of sides) units.add(this.#setGroup(id, datapath, group, side.scope, side.list));
    }
    return units;
  }

  #withdraw(id: string): Set<string> {
    this.#common.claims.set(`switch:${id}`, 0, []);
    this.#compiledSwitches.delete(id);
    this.#members.delete(id);
    return new Set();
  }

  #setGroup(id: string, datapath: number, group: number, side: number, members: readonly number[]): string {
    const unit = `group:${id}:${group}:${side}`;
    if (members.length > GROUP_MAX_MEMBERS) {
      this.#common.refusals.set(
        { type: ResourceType.LOGICAL_SWITCH, id },
        `group ${group} has ${members.length} members; at most ${GROUP_MAX_MEMBERS} are possible`,
      );
    }
    const list = members.length > GROUP_MAX_MEMBERS ? members.slice(0, GROUP_MAX_MEMBERS) : members;
    const seen = this.#compiledGroups.get(unit);
    if (seen?.datapath === datapath && sameNumbers(seen.members, list)) return unit;
    this.#compiledGroups.set(unit, { datapath, members: [...list] });
    const groupId = { datapath, group, scope: side };
    const generation = this.#generations.generationOf(groupId, list);
    this.#common.claims.set(unit, datapath, compileGroup(groupId, list, generation));
    return unit;
  }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
