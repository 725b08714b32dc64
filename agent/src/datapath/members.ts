import type { LogicalPort } from '@iovisor-ovn/proto';
import { FLOOD, FLOOD_L2, UNKNOWN } from './compile/switch.js';

/** Where a port's copies go: to its device here, or to the chassis that has it. */
export interface Delivery {
  /** Local port number. */
  port?: number;
  /** Each once. */
  chassis: readonly string[];
}

const NOWHERE: Delivery = { chassis: [] };

/** Members of one group: what iov_groups lists. */
export interface Membership {
  /** Sorted, each once. */
  ports: readonly number[];
  chassis: readonly string[];
}

const DERIVED: Readonly<Record<string, (port: LogicalPort) => boolean>> = {
  [FLOOD]: () => true,
  [FLOOD_L2]: (port) => port.type !== 'router',
  [UNKNOWN]: (port) => port.unknown,
};

class Members {
  /** Sorted, so that one more port costs no look at all of them. */
  readonly ports: number[] = [];
  readonly chassis = new Map<string, number>();

  add({ port, chassis }: Delivery): boolean {
    let changed = port !== undefined;
    if (port !== undefined) this.#setPort(port, true);
    for (const name of chassis) {
      const count = this.chassis.get(name) ?? 0;
      this.chassis.set(name, count + 1);
      changed ||= count === 0;
    }
    return changed;
  }

  remove({ port, chassis }: Delivery): boolean {
    let changed = port !== undefined;
    if (port !== undefined) this.#setPort(port, false);
    for (const name of chassis) {
      const count = this.chassis.get(name) ?? 0;
      if (count > 1) this.chassis.set(name, count - 1);
      else this.chassis.delete(name);
      changed ||= count === 1;
    }
    return changed;
  }

  #setPort(port: number, present: boolean): void {
    let low = 0;
    for (let high = this.ports.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.ports[middle]! < port) low = middle + 1;
      else high = middle;
    }
    if ((this.ports[low] === port) === present) return;
    if (present) this.ports.splice(low, 0, port);
    else this.ports.splice(low, 1);
  }
}

interface Contribution {
  delivery: Delivery;
  groups: readonly string[];
}

/**
 * Who takes part in a switch's groups, kept up to date port by port: one more port among a thousand costs what one among
 * ten does. northd leaves disabled ports out of every group.
 */
export class SwitchMembers {
  readonly #groups = new Map<string, Members>();
  readonly #ports = new Map<string, Contribution>();

  /** @returns whether a member list changed */
  set(id: string, port: LogicalPort, delivery: Delivery): boolean {
    const groups = Object.keys(DERIVED).filter((name) => port.enabled && DERIVED[name]!(port));
    const after = { delivery: port.enabled ? delivery : NOWHERE, groups };
    const before = this.#ports.get(id);
    if (before !== undefined && same(before, after)) return false;
    const removed = this.remove(id);
    this.#ports.set(id, after);
    let changed = false;
    for (const name of groups) changed = this.#members(name).add(delivery) || changed;
    return removed || changed;
  }

  /** @returns whether a member list changed */
  remove(id: string): boolean {
    const contribution = this.#ports.get(id);
    if (contribution === undefined) return false;
    this.#ports.delete(id);
    let changed = false;
    for (const name of contribution.groups) {
      changed = this.#members(name).remove(contribution.delivery) || changed;
    }
    // Groups that list their members may have had it too.
    return changed || contribution.delivery.port !== undefined || contribution.delivery.chassis.length > 0;
  }

  #members(name: string): Members {
    let members = this.#groups.get(name);
    if (members === undefined) {
      members = new Members();
      this.#groups.set(name, members);
    }
    return members;
  }

  /** @param portIds listed members, for the groups that follow from no property of the ports */
  of(group: string, portIds: readonly string[]): Membership {
    if (group in DERIVED) {
      const members = this.#groups.get(group);
      return { ports: members?.ports ?? [], chassis: [...(members?.chassis.keys() ?? [])] };
    }
    const deliveries = portIds.map((id) => this.#ports.get(id)?.delivery ?? NOWHERE);
    const ports = new Set(deliveries.flatMap(({ port }) => (port === undefined ? [] : [port])));
    const chassis = new Set(deliveries.flatMap(({ chassis: names }) => names));
    return { ports: [...ports].sort((a, b) => a - b), chassis: [...chassis] };
  }
}

function same(a: Contribution, b: Contribution): boolean {
  return (
    a.delivery.port === b.delivery.port &&
    a.delivery.chassis.join() === b.delivery.chassis.join() &&
    a.groups.join() === b.groups.join()
  );
}
