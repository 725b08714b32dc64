import type { LogicalPort } from '@iovisor-ovn/proto';
import { type Receiver, withTag } from '../querier/index.js';
import { TimeSlice } from '../timeSlice.js';
import { announcementOf } from './announcementFrames.js';

export interface AnnouncementsOptions {
  /** The devices by which a switch reaches its physical networks from here. */
  localnets(switchId: string): Iterable<Receiver>;
  /** Best effort: what is lost comes again. */
  send(ifindex: number, frame: Buffer): void;
  /** Until the first one, and the unit of the pauses after it. Default: a second. */
  unitMs?: number;
}

/** Pauses before each of the five, in units: what ovn-controller keeps. */
const PAUSES = [1, 2, 4, 8, 16];

interface Announcing {
  /** What changes begin anew. */
  readonly about: string;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Tells the physical network of each machine that is here from now on, as ovn-controller does: a gratuitous ARP of its first IPv4 address, or a
 * RARP where it has none. The network's switches learn from it by which cable the MAC is to be had, above all after a live migration.
 */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #announcing = new Map<string, Announcing>();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** @param port undefined: it does not forward here */
  set(id: string, port: LogicalPort | undefined): void {
    const before = this.#announcing.get(id);
    const frame = port && this.#isToBeAnnounced(port) ? announcementOf(port) : undefined;
    const about = frame && port ? `${port.switchId} ${frame.toString('hex')}` : undefined;
    if (before?.about === about) return;
    clearTimeout(before?.timer);
    this.#announcing.delete(id);
    if (port === undefined || frame === undefined || about === undefined) return;
    const announcing: Announcing = { about, timer: undefined };
    this.#announcing.set(id, announcing);
    this.#wait(announcing, port.switchId, frame, 0);
  }

  close(): void {
    for (const { timer } of this.#announcing.values()) clearTimeout(timer);
    this.#announcing.clear();
  }

  /** A machine of this chassis alone: while two have it, it is where it was. */
  #isToBeAnnounced({ type, local, enabled, parent, additionalChassis, switchId }: LogicalPort): boolean {
    if (type !== '' || !local || !enabled || parent !== '' || additionalChassis.length > 0) return false;
    for (const _ of this.#options.localnets(switchId)) return true;
    return false;
  }

  #wait(announcing: Announcing, switchId: string, frame: Buffer, turn: number): void {
    const pause = PAUSES[turn];
    announcing.timer =
      pause === undefined
        ? undefined
        : setTimeout(
            () => {
              void this.#announce(switchId, frame);
              this.#wait(announcing, switchId, frame, turn + 1);
            },
            pause * (this.#options.unitMs ?? 1000),
          ).unref();
  }

  async #announce(switchId: string, frame: Buffer): Promise<void> {
    const slice = new TimeSlice();
    for (const { ifindex, vlan } of [...this.#options.localnets(switchId)]) {
      this.#options.send(ifindex, vlan === undefined ? frame : withTag(frame, vlan));
      await slice.breathe();
    }
  }
}
