import { BpfError, BpfLink } from '@iovisor-ovn/libbpf';
import type { Pins } from '../pins.js';
import type { Attachable, Hook, Role } from './hook.js';

/** TCX links, pinned as `links/<role>-<ifindex>`: they stay when the agent ends. */
export class TcxHook implements Hook {
  readonly name = 'tcx';
  readonly quick = false;
  readonly #pins: Pins;

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  /** A pin whose device is gone is removed. */
  replace(role: Role, ifindex: number, program: Attachable): boolean {
    const pin = pinName(role, ifindex);
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

  async attach(role: Role, ifindex: number, program: Attachable): Promise<void> {
    const link = await BpfLink.attachTcxAsync(program, ifindex, 'ingress');
    try {
      link.pin(this.#pins.path('links', pinName(role, ifindex)));
    } catch (error) {
      // To close a link that is not pinned would wait here for what should be waited for elsewhere.
      await detach(link);
      throw error;
    } finally {
      link.close();
    }
  }

  #open(pin: string): BpfLink | undefined {
    try {
      return BpfLink.openPinned(this.#pins.path('links', pin));
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async release(role: Role, ifindex: number): Promise<void> {
    const pin = pinName(role, ifindex);
    const link = this.#open(pin);
    if (link === undefined) return;
    try {
      await detach(link);
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
