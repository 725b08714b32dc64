import { BpfError, BpfProgram, type ProgramInfo, TcFilter } from '@iovisor-ovn/libbpf';
import type { Attachable, Hook, Role } from './hook.js';
import { Succession } from './succession.js';

/**
 * First of all filters: one that accepts a packet ahead of ours would let it pass unpoliced. The handles are ours ("iov1",
 * "iov2"), so others may use the priority too.
 */
const PRIORITY = 1;
const HANDLES: Readonly<Record<Role, number>> = { entry: 0x696f7631, uplink: 0x696f7632 };
/** What a filter in our place is called when some load of ours made it. */
const PROGRAM_NAMES: Readonly<Record<Role, string>> = { entry: 'iov_entry', uplink: 'iov_uplink' };

/** Filters on the clsact qdisc, for kernels without TCX. They belong to the device and stay when the agent ends. */
export class ClsactHook implements Hook {
  readonly name = 'clsact';
  readonly quick = true;
  readonly #ourMaps: ReadonlySet<number>;
  readonly #succession: Succession;
  /** Devices on which we left an empty qdisc. */
  readonly #left = new Set<number>();

  /** @param ourMaps ids of the pinned maps: a program that uses one of them is of this agent, not of another */
  constructor(ourMaps: ReadonlySet<number>, succession = new Succession()) {
    this.#ourMaps = ourMaps;
    this.#succession = succession;
  }

  close(): void {}

  replace(role: Role, ifindex: number, program: Attachable): boolean {
    const id = filterId(role, ifindex);
    const there = query(role, ifindex);
    if (there === undefined) return false;
    if (there === program.id) return true;
    if (!isNamedLikeOurs(role, there)) {
      throw new Error(
        `interface ${ifindex}: the clsact ingress filter of priority ${id.priority}, handle ${id.handle} belongs to another program; remove it`,
      );
    }
    if (!this.#succession.waits) TcFilter.attach({ ...id, program, replace: true });
    return true;
  }

  attach(role: Role, ifindex: number, program: Attachable): void {
    TcFilter.attach({ ...filterId(role, ifindex), program });
  }

  /**
   * A kernel that removes clsact deactivates the device's transmit queues meanwhile, for a grace period of RCU: what is sent to
   * the device is dropped then (qdisc_graft, noop_qdisc). So it stays, empty, as long as the device forwards.
   */
  release(role: Role, ifindex: number, stays = false): void {
    const there = query(role, ifindex);
    const ours = there !== undefined && this.#isOurs(there);
    if (ours) TcFilter.detach(filterId(role, ifindex));
    if (ours && stays) this.#left.add(ifindex);
    else if (!stays && (this.#left.delete(ifindex) || ours)) TcFilter.removeQdiscIfUnused(ifindex);
  }

  programAt(role: Role, ifindex: number): number | undefined {
    const there = query(role, ifindex);
    return there !== undefined && isNamedLikeOurs(role, there) ? there : undefined;
  }

  intact(role: Role, ifindex: number, program: Attachable): boolean {
    return query(role, ifindex) === program.id;
  }

  *attached(role: Role, candidates: Iterable<number>): Generator<number | undefined> {
    // Many devices carry the same program.
    const ours = new Map<number, boolean>();
    for (const ifindex of candidates) {
      const there = query(role, ifindex);
      const known = there !== undefined && (ours.get(there) ?? this.#isOurs(there));
      if (there !== undefined) ours.set(there, known);
      yield known ? ifindex : undefined;
    }
  }

  #isOurs(programId: number): boolean {
    return programInfo(programId)?.mapIds.some((id) => this.#ourMaps.has(id)) ?? false;
  }
}

function filterId(role: Role, ifindex: number) {
  return { ifindex, direction: 'ingress', priority: PRIORITY, handle: HANDLES[role] } as const;
}

function query(role: Role, ifindex: number): number | undefined {
  try {
    return TcFilter.query(filterId(role, ifindex))?.progId;
  } catch (error) {
    // The device went away, or the place is held by a filter of another kind.
    if (error instanceof BpfError && ['ENODEV', 'EINVAL'].includes(error.code)) return undefined;
    throw error;
  }
}

/** Also when its maps are of an agent that lost its pins. */
function isNamedLikeOurs(role: Role, programId: number): boolean {
  return programInfo(programId)?.name === PROGRAM_NAMES[role];
}

function programInfo(id: number): ProgramInfo | undefined {
  try {
    const program = BpfProgram.openId(id);
    try {
      return program.info();
    } finally {
      program.close();
    }
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
