import type { Membership, Observations } from '@iovisor-ovn/proto';
import type { Membership as Observed } from '../datapath/observe/membership.js';
import type { Observation } from '../datapath/observe/observer.js';

/** In one message, and between two of them. */
export const MAX_MACS = 200;
export const MAX_MEMBERSHIPS = 200;
export const INTERVAL_MS = 20;
/** MACs, and memberships, that may wait: what comes beyond is dropped, traffic repeats it. */
const MAX_WAITING = 4096;

/** What the data plane saw and the coordinator was not told of, on one stream: each thing once, however often it was seen. */
export class ObservationState {
  readonly #macs = new Map<string, { portId: string; mac: Uint8Array }>();
  /** Parent by virtual port: the latest has it. */
  readonly #claims = new Map<string, string>();
  readonly #activated = new Set<string>();
  /** By port and group: the latest counts. */
  readonly #memberships = new Map<string, Membership>();
  #sentAt = Number.NEGATIVE_INFINITY;

  add(observation: Observation): void {
    const { portId } = observation;
    if (observation.kind === 'activated') this.#activated.add(portId);
    if (observation.kind === 'virtual') {
      this.#claims.delete(portId);
      this.#claims.set(portId, observation.parentId);
    }
    if (observation.kind === 'membership') this.#addMembership(portId, observation.membership);
    if (observation.kind === 'mac' && this.#macs.size < MAX_WAITING) {
      this.#macs.set(`${portId} ${observation.mac.toString('hex')}`, { portId, mac: observation.mac });
    }
  }

  #addMembership(portId: string, { group, left }: Observed): void {
    const key = `${portId} ${group.toString('hex')}`;
    if (this.#memberships.size >= MAX_WAITING && !this.#memberships.has(key)) return;
    // Behind those that came before: who joins the last is the one to stay.
    this.#memberships.delete(key);
    this.#memberships.set(key, { portId, group, left });
  }

  /** Milliseconds until next() may say something; undefined: there is nothing to say. */
  due(now: number): number | undefined {
    if (this.#macs.size + this.#claims.size + this.#activated.size + this.#memberships.size === 0)
      return undefined;
    return Math.max(0, this.#sentAt + INTERVAL_MS - now);
  }

  /** What to send now; undefined: nothing, or not yet. */
  next(now: number): Observations | undefined {
    if (this.due(now) !== 0) return undefined;
    this.#sentAt = now;
    const macs = [];
    for (const [key, mac] of this.#macs) {
      if (macs.length === MAX_MACS) break;
      macs.push(mac);
      this.#macs.delete(key);
    }
    const memberships = [];
    for (const [key, membership] of this.#memberships) {
      if (memberships.length === MAX_MEMBERSHIPS) break;
      memberships.push(membership);
      this.#memberships.delete(key);
    }
    const virtualClaims = [...this.#claims].map(([portId, parentId]) => ({ portId, parentId }));
    const activated = [...this.#activated];
    this.#claims.clear();
    this.#activated.clear();
    return { macs, virtualClaims, activated, memberships };
  }
}
