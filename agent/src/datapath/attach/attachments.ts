import type { Log } from '../../netlink/index.js';
import type { Attachable, Hook, Role } from './hook.js';

export interface AttachmentsOptions {
  /** The hook in use. */
  hook: Hook;
  /** Hooks that an earlier run of the agent may have used: cleared once the one in use has taken over. */
  others: readonly Hook[];
  programs: Readonly<Record<Role, Attachable>>;
  log: Log;
}

/**
 * Which devices carry our programs. Declarative: sync() attaches to what is wanted, and takes the programs off the rest.
 * Nothing is ever detached because the agent ends.
 */
export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #attached: Record<Role, Set<number>> = { entry: new Set(), uplink: new Set() };
  /** Why a device carries no program, by role and ifindex. */
  readonly failures = new Map<string, { role: Role; ifindex: number; message: string }>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  get hook(): Hook['name'] {
    return this.#options.hook.name;
  }

  /**
   * At start: gives every device that carries a program of an earlier load the new one.
   * @param devices all that exist
   */
  adopt(devices: ReadonlySet<number>): void {
    const { hook, others } = this.#options;
    for (const role of ['entry', 'uplink'] as const) {
      const before = new Set([hook, ...others].flatMap((one) => one.attached(role, devices)));
      for (const ifindex of before) {
        if (devices.has(ifindex)) this.#attach(role, ifindex);
        else hook.release(role, ifindex);
        for (const other of others) other.release(role, ifindex);
      }
    }
  }

  /** @returns whether what is attached changed */
  sync(role: Role, wanted: ReadonlySet<number>): boolean {
    const attached = this.#attached[role];
    let changed = false;
    for (const ifindex of attached) {
      if (wanted.has(ifindex)) continue;
      attached.delete(ifindex);
      changed = true;
      this.#options.hook.release(role, ifindex);
    }
    for (const { ifindex, role: failed } of this.failures.values()) {
      if (failed === role && !wanted.has(ifindex)) this.failures.delete(`${role} ${ifindex}`);
    }
    for (const ifindex of wanted)
      if (!attached.has(ifindex)) changed = this.#attach(role, ifindex) || changed;
    return changed;
  }

  #attach(role: Role, ifindex: number): boolean {
    const { hook, programs, log } = this.#options;
    try {
      hook.ensure(role, ifindex, programs[role]);
    } catch (error) {
      const { message } = error as Error;
      const known = this.failures.get(`${role} ${ifindex}`)?.message === message;
      this.failures.set(`${role} ${ifindex}`, { role, ifindex, message });
      if (!known) log.warn({ role, ifindex, error: message }, 'a device does not take the program');
      return false;
    }
    this.failures.delete(`${role} ${ifindex}`);
    this.#attached[role].add(ifindex);
    return true;
  }

  /** Tries again the devices that did not take a program. @returns whether one does now */
  retry(): boolean {
    let changed = false;
    for (const { role, ifindex } of [...this.failures.values()])
      changed = this.#attach(role, ifindex) || changed;
    return changed;
  }

  isAttached(role: Role, ifindex: number): boolean {
    return this.#attached[role].has(ifindex);
  }

  list(role: Role): Iterable<number> {
    return this.#attached[role];
  }
}
