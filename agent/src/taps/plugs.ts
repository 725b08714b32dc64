import type { Attachment } from './attachment.js';
import type { Complaint } from './complaint.js';
import type { PluggedInterface } from './pluggedInterface.js';

interface Candidate {
  readonly attachment: Attachment;
  readonly plug: PluggedInterface;
}

export interface PlugsChange {
  /** Interface rows that became, ceased to be or are otherwise plugged as a port; empty when `plugged` is as before. */
  readonly plugged: ReadonlySet<string>;
  /** Whether `devices` is another than before. */
  readonly devices: boolean;
}

/** Which devices are plugged into the integration bridge, and which of them is which logical port. */
export class Plugs {
  /** By iface-id. */
  readonly plugged = new Map<string, PluggedInterface>();
  /** Name by ifindex, with or without an iface-id. */
  readonly devices = new Map<number, string>();
  /** Interface uuid → ifindex. */
  readonly #ifindexes = new Map<string, number>();
  readonly #candidates = new Map<string, Candidate>();
  readonly #byIfaceId = new Map<string, Set<string>>();
  readonly #contested = new Map<string, readonly Candidate[]>();

  /** Takes over what became of these Interface rows; tells what is another than before, and for which rows. */
  update(changes: ReadonlyMap<string, Attachment | undefined>): PlugsChange {
    const touched = new Set<string>();
    for (const [uuid, attachment] of changes) {
      for (const candidate of [this.#candidates.get(uuid), candidateOf(attachment)])
        if (candidate !== undefined) touched.add(candidate.plug.ifaceId);
      this.#setCandidate(uuid, candidateOf(attachment));
    }
    const plugged = new Set<string>();
    for (const ifaceId of touched) for (const uuid of this.#choose(ifaceId)) plugged.add(uuid);
    return { plugged, devices: this.#setDevices(changes) };
  }

  /** Interfaces that lost their iface-id to another. */
  *complaints(): Iterable<Complaint> {
    for (const [ifaceId, [winner, ...losers]] of this.#contested)
      for (const { plug } of losers)
        yield {
          table: 'Interface',
          uuid: plug.uuid,
          name: plug.name,
          column: 'external_ids:iface-id',
          message: `iface-id "${ifaceId}" belongs to Interface ${winner?.plug.name} already; ${plug.name} is not plugged as that port`,
        };
  }

  #setCandidate(uuid: string, candidate: Candidate | undefined): void {
    const before = this.#candidates.get(uuid)?.plug.ifaceId;
    if (before !== undefined) {
      const others = this.#byIfaceId.get(before);
      others?.delete(uuid);
      if (others?.size === 0) this.#byIfaceId.delete(before);
    }
    if (candidate === undefined) {
      this.#candidates.delete(uuid);
      return;
    }
    this.#candidates.set(uuid, candidate);
    const { ifaceId } = candidate.plug;
    const bearers = this.#byIfaceId.get(ifaceId) ?? new Set();
    this.#byIfaceId.set(ifaceId, bearers.add(uuid));
  }

  /** The bearer stays; at a start the one that was installed before; else the one plugged first, which has the lower number. */
  #choose(ifaceId: string): string[] {
    const now = this.plugged.get(ifaceId);
    const rank = ({ attachment: { row, ofport }, plug }: Candidate): number[] => [
      plug.uuid === now?.uuid ? 0 : 1,
      row.external_ids.get('ovn-installed') === 'true' ? 0 : 1,
      ofport ?? Number.POSITIVE_INFINITY,
    ];
    const candidates = [...(this.#byIfaceId.get(ifaceId) ?? [])]
      .map((uuid) => this.#candidates.get(uuid)!)
      .map((candidate) => ({ candidate, rank: rank(candidate) }))
      .sort((a, b) => compare(a.rank, b.rank))
      .map(({ candidate }) => candidate);
    if (candidates.length > 1) this.#contested.set(ifaceId, candidates);
    else this.#contested.delete(ifaceId);
    const next = candidates[0]?.plug;
    if (next === now || (now !== undefined && next !== undefined && samePlug(now, next))) return [];
    if (next === undefined) this.plugged.delete(ifaceId);
    else this.plugged.set(ifaceId, next);
    return [now, next].filter((plug) => plug !== undefined).map(({ uuid }) => uuid);
  }

  #setDevices(changes: ReadonlyMap<string, Attachment | undefined>): boolean {
    const touched = new Map<number, string | undefined>();
    const remember = (ifindex: number) => {
      if (!touched.has(ifindex)) touched.set(ifindex, this.devices.get(ifindex));
    };
    // First all that go: a device may be named by a new row in the transaction that deletes its old one.
    for (const uuid of changes.keys()) {
      const ifindex = this.#ifindexes.get(uuid);
      if (ifindex === undefined) continue;
      remember(ifindex);
      this.#ifindexes.delete(uuid);
      this.devices.delete(ifindex);
    }
    for (const [uuid, attachment] of changes) {
      const link = attachment?.kind === 'device' ? attachment.link : undefined;
      if (link === undefined) continue;
      remember(link.ifindex);
      this.#ifindexes.set(uuid, link.ifindex);
      this.devices.set(link.ifindex, link.name);
    }
    return [...touched].some(([ifindex, name]) => this.devices.get(ifindex) !== name);
  }
}

function candidateOf(attachment: Attachment | undefined): Candidate | undefined {
  const link = attachment?.kind === 'device' ? attachment.link : undefined;
  if (attachment === undefined || link === undefined || attachment.error !== undefined) return undefined;
  const { _uuid: uuid, external_ids } = attachment.row;
  const ifaceId = external_ids.get('iface-id');
  if (ifaceId === undefined || ifaceId === '') return undefined;
  const plug: PluggedInterface = {
    uuid,
    name: link.name,
    ifindex: link.ifindex,
    ifaceId,
    ifaceIdVer: external_ids.get('iface-id-ver') || undefined,
    encapIp: external_ids.get('encap-ip') || undefined,
    mac: link.mac,
  };
  return { attachment, plug };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}

function samePlug(a: PluggedInterface, b: PluggedInterface): boolean {
  return (Object.keys(b) as (keyof PluggedInterface)[]).every((key) => a[key] === b[key]);
}
