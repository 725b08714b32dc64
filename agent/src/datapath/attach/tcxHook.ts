import { existsSync } from 'node:fs';
import { BpfError, BpfLink } from '@iovisor-ovn/libbpf';
import type { Pins } from '../pins.js';
import type { Attachable, Hook, Role } from './hook.js';
import { Succession } from './succession.js';

/** Links held open: what is beyond lives by its pin alone, and ends when the BPF file system is unmounted. */
const MAX_HELD = 4096;

/**
 * TCX links, pinned as `links/<role>-<ifindex>`: they stay when the agent ends. While it runs it holds them, too, so that they
 * outlive their pins.
 */
export class TcxHook implements Hook {
  readonly name = 'tcx';
  readonly quick = false;
  readonly #pins: Pins;
  readonly #succession: Succession;
  /** By name of the pin. */
  readonly #held = new Map<string, BpfLink>();

  constructor(pins: Pins, succession = new Succession()) {
    this.#pins = pins;
    this.#succession = succession;
  }

  /** A pin whose device is gone is removed. */
  replace(role: Role, ifindex: number, program: Attachable): boolean {
    const pin = pinName(role, ifindex);
    const { waits } = this.#succession;
    if (this.#replaceHeld(pin, ifindex, program)) return true;
    for (const pins of [this.#pins, ...this.#succession.others]) {
      const link = openLink(pins, pin);
      if (link === undefined) continue;
      if (!this.#carry(link, ifindex, waits ? undefined : program)) {
        link.close();
        pins.remove('links', pin);
        continue;
      }
      if (waits) link.close();
      else this.#adopt(link, pin, pins);
      return true;
    }
    return false;
  }

  #replaceHeld(pin: string, ifindex: number, program: Attachable): boolean {
    const link = this.#held.get(pin);
    if (link === undefined) return false;
    if (!this.#carry(link, ifindex, program)) {
      this.#drop(pin);
      return false;
    }
    this.#ensurePinned(link, pin);
    return true;
  }

  /**
   * @param program undefined: it keeps the one it has
   * @returns false: the link leads to no such device any more
   */
  #carry(link: BpfLink, ifindex: number, program: Attachable | undefined): boolean {
    try {
      const info = link.info();
      if (info.ifindex !== ifindex) return false;
      if (program !== undefined && info.progId !== program.id) link.update(program);
      return true;
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOLINK') return false;
      link.close();
      throw error;
    }
  }

  /** The link of another version of the ABI becomes one of this version's. */
  #adopt(link: BpfLink, pin: string, from: Pins): void {
    if (from !== this.#pins) {
      this.#pins.remove('links', pin);
      link.pin(this.#pins.path('links', pin));
      from.remove('links', pin);
    }
    this.#hold(link, pin);
  }

  #hold(link: BpfLink, pin: string): void {
    if (this.#held.size < MAX_HELD) this.#held.set(pin, link);
    else link.close();
  }

  /** Somebody may have removed the pin, or put something else there, or the file system may have been another. */
  #ensurePinned(link: BpfLink, pin: string): void {
    const there = openLink(this.#pins, pin);
    const same = there !== undefined && there.info().id === link.info().id;
    there?.close();
    if (same) return;
    this.#pins.remove('links', pin);
    try {
      link.pin(this.#pins.path('links', pin));
    } catch {
      // No BPF file system: the guard of the pins says so, and the next look tries again.
    }
  }

  #drop(pin: string): void {
    this.#held.get(pin)?.close();
    this.#held.delete(pin);
    this.#pins.remove('links', pin);
  }

  async attach(role: Role, ifindex: number, program: Attachable): Promise<void> {
    const pin = pinName(role, ifindex);
    const link = await BpfLink.attachTcxAsync(program, ifindex, 'ingress');
    try {
      // replace() found no link of ours here: what has the name is another's, or leads nowhere.
      this.#pins.remove('links', pin);
      link.pin(this.#pins.path('links', pin));
    } catch (error) {
      // To close a link that is not pinned would wait here for what should be waited for elsewhere.
      await detach(link);
      link.close();
      throw error;
    }
    this.#hold(link, pin);
  }

  async release(role: Role, ifindex: number): Promise<void> {
    const pin = pinName(role, ifindex);
    const held = this.#held.get(pin);
    if (held !== undefined) {
      this.#held.delete(pin);
      await this.#end(held, pin, this.#pins);
    }
    for (const pins of [this.#pins, ...this.#succession.others]) {
      const link = openLink(pins, pin);
      if (link !== undefined) await this.#end(link, pin, pins);
    }
  }

  async #end(link: BpfLink, pin: string, pins: Pins): Promise<void> {
    try {
      await detach(link);
    } finally {
      link.close();
      pins.remove('links', pin);
    }
  }

  programAt(role: Role, ifindex: number): number | undefined {
    const pin = pinName(role, ifindex);
    const held = this.#held.get(pin);
    const link = held ?? openLink(this.#pins, pin);
    if (link === undefined) return undefined;
    try {
      const info = link.info();
      return info.ifindex === ifindex ? info.progId : undefined;
    } finally {
      if (held === undefined) link.close();
    }
  }

  intact(role: Role, ifindex: number, program: Attachable): boolean {
    const pin = pinName(role, ifindex);
    return this.programAt(role, ifindex) === program.id && existsSync(this.#pins.path('links', pin));
  }

  attached(role: Role): number[] {
    const pins = [this.#pins, ...this.#succession.others].flatMap((one) => one.list('links'));
    const devices = [...this.#held.keys(), ...pins].flatMap((name) => {
      const [, ofRole, ifindex] = /^(entry|uplink)-(\d+)$/.exec(name) ?? [];
      return ofRole === role ? [Number(ifindex)] : [];
    });
    return [...new Set(devices)];
  }

  close(): void {
    for (const link of this.#held.values()) link.close();
    this.#held.clear();
  }
}

/** @returns undefined when there is no such link; a pin that is none is as good as missing */
function openLink(pins: Pins, pin: string): BpfLink | undefined {
  try {
    return BpfLink.openPinned(pins.path('links', pin));
  } catch (error) {
    if (error instanceof BpfError && ['ENOENT', 'EINVAL', 'EPERM', 'EACCES'].includes(error.code))
      return undefined;
    throw error;
  }
}

async function detach(link: BpfLink): Promise<void> {
  try {
    await link.detachAsync();
  } catch (error) {
    // The device is gone, and the link with it.
    if (!(error instanceof BpfError) || error.code !== 'ENOLINK') throw error;
  }
}

function pinName(role: Role, ifindex: number): string {
  return `${role}-${ifindex}`;
}
