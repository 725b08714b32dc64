import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BpfError, BpfLink, BpfProgram, type Direction, type HasFd, TcFilter } from '@iovisor-ovn/libbpf';

/** First of all filters; "iov3": the entries of OVN's ports are "iov1" and "iov2". */
const PRIORITY = 1;
const HANDLE = 0x696f7633;
/** Names of the programs of hover.bpf.c that are attached: what is in our place under another name is somebody else's. */
const OURS: ReadonlySet<string> = new Set(['hover_ingress', 'hover_egress', 'hover_internal']);

/** One way to attach the programs of user modules to interfaces; everything is done when a method returns. */
export interface InterfaceHook {
  readonly name: 'tcx' | 'clsact';
  /** In place of an earlier one. @throws BpfError ENODEV when the interface is gone; Error when its place is taken */
  attach(ifindex: number, direction: Direction, program: HasFd): void;
  /** Whether the interface carries this very program, and will until it is detached: microseconds. False, if the interface is gone. */
  carries(ifindex: number, direction: Direction, programId: number): boolean;
  /** Does nothing if the interface is gone or carries none. @returns whether there was one */
  detach(ifindex: number, direction: Direction): boolean;
  /** Removes what was left for the time in which the interface may be used again. */
  tidy(ifindex: number): void;
}

/** Filters on clsact: microseconds. They stay when the agent ends. */
export class ClsactInterfaceHook implements InterfaceHook {
  readonly name = 'clsact';

  attach(ifindex: number, direction: Direction, program: HasFd): void {
    const id = filterId(ifindex, direction);
    const there = TcFilter.query(id);
    if (there !== undefined && !isOurs(there.progId)) {
      throw new Error(
        `interface ${ifindex}: the clsact ${direction} filter of priority ${PRIORITY}, handle ${HANDLE} belongs to another program; remove it`,
      );
    }
    TcFilter.attach({ ...id, program, replace: there !== undefined });
  }

  carries(ifindex: number, direction: Direction, programId: number): boolean {
    try {
      return TcFilter.query(filterId(ifindex, direction))?.progId === programId;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  detach(ifindex: number, direction: Direction): boolean {
    try {
      const there = TcFilter.query(filterId(ifindex, direction));
      if (there === undefined || !isOurs(there.progId)) return false;
      return TcFilter.detach(filterId(ifindex, direction));
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  /** To remove clsact takes a grace period of RCU, in which the interface sends nothing. */
  tidy(ifindex: number): void {
    try {
      TcFilter.removeQdiscIfUnused(ifindex);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Pinned TCX links. To attach and to detach takes some 10 ms: only where it was asked for. */
export class TcxInterfaceHook implements InterfaceHook {
  readonly name = 'tcx';
  readonly #dir: string;

  /** @param dir where links are pinned */
  constructor(dir: string) {
    this.#dir = dir;
  }

  attach(ifindex: number, direction: Direction, program: HasFd): void {
    this.detach(ifindex, direction);
    const link = BpfLink.attachTcx(program, ifindex, direction);
    try {
      link.pin(this.#pin(ifindex, direction));
    } finally {
      link.close();
    }
  }

  carries(ifindex: number, direction: Direction, programId: number): boolean {
    let link: BpfLink;
    try {
      link = BpfLink.openPinned(this.#pin(ifindex, direction));
    } catch (error) {
      // No pin, or what is no link.
      if (error instanceof BpfError) return false;
      throw error;
    }
    try {
      const info = link.info();
      return info.ifindex === ifindex && info.progId === programId;
    } finally {
      link.close();
    }
  }

  detach(ifindex: number, direction: Direction): boolean {
    return removeLink(this.#pin(ifindex, direction));
  }

  tidy(): void {}

  #pin(ifindex: number, direction: Direction): string {
    return join(this.#dir, `link_${direction}_${ifindex}`);
  }
}

/** Takes a pinned link's program off its interface, and removes the pin. @returns whether there was one */
export function removeLink(pin: string): boolean {
  let link: BpfLink;
  try {
    link = BpfLink.openPinned(pin);
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT') return false;
    throw error;
  }
  try {
    link.detach();
  } catch (error) {
    // The interface is gone, and the link with it.
    if (!(error instanceof BpfError) || error.code !== 'ENOLINK') throw error;
  } finally {
    link.close();
    unlinkSync(pin);
  }
  return true;
}

function filterId(ifindex: number, direction: Direction) {
  return { ifindex, direction, priority: PRIORITY, handle: HANDLE } as const;
}

function isGone(error: unknown): boolean {
  return error instanceof BpfError && ['ENODEV', 'EINVAL', 'ENOENT'].includes(error.code);
}

function isOurs(programId: number): boolean {
  try {
    const program = BpfProgram.openId(programId);
    try {
      return OURS.has(program.info().name);
    } finally {
      program.close();
    }
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT') return false;
    throw error;
  }
}
