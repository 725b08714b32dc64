import { BpfError } from '@iovisor-ovn/libbpf';
import type { Damages } from '../../datapath/audit/damages.js';
import type { Difference } from '../../datapath/audit/difference.js';
import type { Netlink } from '../../netlink/index.js';
import type { InterfaceHook } from './interfaceHook.js';
import type { Attached } from './interfaces.js';

/** From one look at all interfaces to the next: that a TCX link was detached is announced to nobody. */
const BEAT_MS = 10_000;

export interface AttachmentGuardOptions {
  netlink: Netlink;
  hook: InterfaceHook;
  /** What should be attached now: all of it, or that of one interface. */
  wanted(ifindex?: number): Iterable<Attached>;
  damages: Damages;
  /** Default {@link BEAT_MS} */
  beatMs?: number;
}

/** Puts the programs of user modules back where somebody takes them off an interface. */
export class AttachmentGuard {
  readonly #options: AttachmentGuardOptions;
  readonly #timer: NodeJS.Timeout;
  /** What could not be put back, by its key in the damages. */
  readonly #failed = new Map<string, Difference>();

  constructor(options: AttachmentGuardOptions) {
    this.#options = options;
    options.netlink.on('filters', this.#onFilters);
    this.#timer = setInterval(() => this.#mendAll(), options.beatMs ?? BEAT_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#options.netlink.off('filters', this.#onFilters);
    for (const difference of this.#failed.values()) this.#options.damages.forget(difference);
  }

  readonly #onFilters = (ifindexes: ReadonlySet<number>): void => {
    for (const ifindex of ifindexes)
      for (const attached of this.#options.wanted(ifindex)) this.#mend(attached);
  };

  #mendAll(): void {
    const wanted = new Set<string>();
    for (const attached of this.#options.wanted()) wanted.add(this.#mend(attached));
    for (const [name, difference] of this.#failed) {
      if (wanted.has(name)) continue;
      this.#failed.delete(name);
      this.#options.damages.forget(difference);
    }
  }

  /** @returns its name among what failed */
  #mend({ ifindex, direction, program }: Attached): string {
    const { netlink, hook, damages } = this.#options;
    const name = `${direction} ${ifindex}`;
    const difference: Difference = {
      kind: 'attachment',
      where: netlink.links.get(ifindex)?.name ?? `device ${ifindex}`,
      key: `${direction} program of user modules`,
      wanted: `program ${program.id}`,
      found: '',
      unit: '',
    };
    try {
      if (!hook.carries(ifindex, direction, program.id)) {
        hook.attach(ifindex, direction, program);
        damages.repaired(difference);
      } else if (damages.has(difference)) damages.forget(difference);
      this.#failed.delete(name);
    } catch (error) {
      // It is gone: the event that says so is on its way.
      if (error instanceof BpfError && error.code === 'ENODEV') return name;
      this.#failed.set(name, difference);
      damages.failed(difference, (error as Error).message);
    }
    return name;
  }
}
