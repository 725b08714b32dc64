import { BpfError, BpfLink } from '@iovisor-ovn/libbpf';
import type { Pins } from '../pins.js';
import type { Attachable, Hook, Role } from './hook.js';

/** TCX links, pinned as `links/<role>-<ifindex>`: they stay when the agent ends. */
export class TcxHook implements Hook {
  readonly name = 'tcx';
  readonly #pins: Pins;

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  ensure(role: Role, ifindex: number, program: Attachable): void {
    const pin = pinName(role, ifindex);
    if (this.#update(pin, ifindex, program)) return;
    const link = BpfLink.attachTcx(program, ifindex, 'ingress');
    try {
      link.pin(this.#pins.path('links', pin));
    } finally {
      link.close();
    }
  }

  /** @returns false when there is no link, or only one to a device that is gone: its pin is removed */
  #update(pin: string, ifindex: number, program: Attachable): boolean {
    const link = this.#open(pin);
    if (link === undefined) return false;
    try {
      const info = link.info();
      if (info.ifindex === ifindex) {
        if (info.progId !== program.id) link.update(program);
        return true;
      }
    } catch (error) {
      if (!(error instanceof BpfError) || error.code !== 'ENOLINK') throw error;
    } finally {
      link.close();
    }
    this.#pins.remove('links', pin);
    return false;
  }

  #open(pin: string): BpfLink | undefined {
    try {
      return BpfLink.openPinned(this.#pins.path('links', pin));
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  release(role: Role, ifindex: number): void {
    const pin = pinName(role, ifindex);
    const link = this.#open(pin);
    if (link === undefined) return;
    try {
      link.detach();
    } catch (error) {
      // The device is gone, and the link with it.
      if (!(error instanceof BpfError) || error.code !== 'ENOLINK') throw error;
    } finally {
      link.close();
      this.#pins.remove('links', pin);
    }
  }

  attached(role: Role): number[] {
    return this.#pins.list('links').flatMap((name) => {
      const [, ofRole, ifindex] = /^(entry|uplink)-(\d+)$/.exec(name) ?? [];
      return ofRole === role ? [Number(ifindex)] : [];
    });
  }
}

function pinName(role: Role, ifindex: number): string {
  return `${role}-${ifindex}`;
}
