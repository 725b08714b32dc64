import type { Attachment } from './attachment.js';
import type { DevicesDelta, PluggedDelta } from './pluggedDelta.js';
import type { PluggedInterface } from './pluggedInterface.js';
import type { ReportComplaints } from './problemBook.js';

interface Candidate {
  readonly attachment: Attachment;
  readonly plug: PluggedInterface;
}

/** Which devices are plugged into the integration bridge, and which of them is which logical port. */
export class Plugs {
  /** By iface-id. */
  readonly plugged = new Map<string, PluggedInterface>();
  /** Name by ifindex, with or without an iface-id. */
  readonly devices = new Map<number, string>();
  readonly #report: ReportComplaints;
  /** Interface uuid → ifindex. */
  readonly #ifindexes = new Map<string, number>();
  /** And back. */
  readonly #ownerOf = new Map<number, string>();
  readonly #candidates = new Map<string, Candidate>();
  readonly #byIfaceId = new Map<string, Set<string>>();
  /** What was there when the differences were asked for last, of what was touched since. */
  readonly #pluggedBefore = new Map<string, PluggedInterface | undefined>();
  readonly #devicesBefore = new Map<number, string | undefined>();
  /** ifindexes that came to stand for another device since then. */
  readonly #reused = new Set<number>();
  /** Until everything was looked at once nobody bears a name yet: the order of the looks is chance. */
  #settled = false;

  constructor(report: ReportComplaints) {
    this.#report = report;
  }

  /**
   * Takes over what became of these Interface rows. `reborn` are those whose device went since they were looked at last, even if
   * there is one of that name, or of that ifindex, again. Returns the rows that became, ceased to be or are otherwise plugged.
   */
  update(changes: ReadonlyMap<string, Attachment | undefined>, reborn: ReadonlySet<string>): Set<string> {
    const touched = new Set<string>();
    for (const [uuid, attachment] of changes) {
      for (const candidate of [this.#candidates.get(uuid), candidateOf(attachment)])
        if (candidate !== undefined) touched.add(candidate.plug.ifaceId);
      this.#setCandidate(uuid, candidateOf(attachment));
    }
    const plugged = new Set<string>();
    for (const ifaceId of touched) for (const uuid of this.#choose(ifaceId, reborn)) plugged.add(uuid);
    this.#setDevices(changes, reborn);
    return plugged;
  }

  /** Everything there is was looked at: from now on who bears an iface-id keeps it. */
  settle(): void {
    this.#settled = true;
  }

  /** How `plugged` changed since the last call; undefined when it did not. */
  takePluggedDelta(): PluggedDelta | undefined {
    const upserts: PluggedInterface[] = [];
    const removals: string[] = [];
    for (const [ifaceId, before] of this.#pluggedBefore) {
      const now = this.plugged.get(ifaceId);
      if (now === before) continue;
      if (now === undefined) removals.push(ifaceId);
      else upserts.push(now);
    }
    this.#pluggedBefore.clear();
    return upserts.length + removals.length > 0 ? { upserts, removals } : undefined;
  }

  /** How `devices` changed since the last call; undefined when it did not. */
  takeDevicesDelta(): DevicesDelta | undefined {
    const added: number[] = [];
    const removed: number[] = [];
    for (const [ifindex, before] of this.#devicesBefore) {
      const now = this.devices.get(ifindex);
      const reused = before !== undefined && now !== undefined && this.#reused.has(ifindex);
      if (now !== undefined && (now !== before || reused)) added.push(ifindex);
      if (before !== undefined && (now === undefined || reused)) removed.push(ifindex);
    }
    this.#devicesBefore.clear();
    this.#reused.clear();
    return added.length + removed.length > 0 ? { added, removed } : undefined;
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
  #choose(ifaceId: string, reborn: ReadonlySet<string>): string[] {
    const now = this.plugged.get(ifaceId);
    const rank = ({ attachment: { row, ofport }, plug }: Candidate): number[] => [
      this.#settled && plug.uuid === now?.uuid ? 0 : 1,
      row.external_ids.get('ovn-installed') === 'true' ? 0 : 1,
      ofport ?? Number.POSITIVE_INFINITY,
    ];
    const candidates = [...(this.#byIfaceId.get(ifaceId) ?? [])]
      .map((uuid) => this.#candidates.get(uuid)!)
      .map((candidate) => ({ candidate, rank: rank(candidate) }))
      .sort((a, b) => compare(a.rank, b.rank))
      .map(({ candidate }) => candidate.plug);
    this.#complain(ifaceId, candidates);
    const [next] = candidates;
    if (next === now) return [];
    if (now !== undefined && next !== undefined && samePlug(now, next) && !reborn.has(next.uuid)) return [];
    if (!this.#pluggedBefore.has(ifaceId)) this.#pluggedBefore.set(ifaceId, now);
    if (next === undefined) this.plugged.delete(ifaceId);
    else this.plugged.set(ifaceId, next);
    return [now, next].filter((plug) => plug !== undefined).map(({ uuid }) => uuid);
  }

  /** About interfaces that lose their iface-id to another. */
  #complain(ifaceId: string, [winner, ...losers]: readonly PluggedInterface[]): void {
    const complaints = losers.map(({ uuid, name }) => ({
      table: 'Interface',
      uuid,
      name,
      column: 'external_ids:iface-id',
      message: `iface-id "${ifaceId}" belongs to Interface ${winner?.name} already; ${name} is not plugged as that port`,
    }));
    this.#report(`iface-id ${ifaceId}`, complaints);
  }

  #setDevices(changes: ReadonlyMap<string, Attachment | undefined>, reborn: ReadonlySet<string>): void {
    const remember = (ifindex: number) => {
      if (!this.#devicesBefore.has(ifindex)) this.#devicesBefore.set(ifindex, this.devices.get(ifindex));
    };
    for (const uuid of changes.keys()) {
      const ifindex = this.#ifindexes.get(uuid);
      if (ifindex === undefined) continue;
      this.#ifindexes.delete(uuid);
      // A new row may have taken the device over, in the transaction that deletes its old one.
      if (this.#ownerOf.get(ifindex) !== uuid) continue;
      remember(ifindex);
      if (reborn.has(uuid)) this.#reused.add(ifindex);
      this.#ownerOf.delete(ifindex);
      this.devices.delete(ifindex);
    }
    for (const [uuid, attachment] of changes) {
      const end = attachment?.kind === 'device' ? attachment.end : undefined;
      if (end === undefined) continue;
      remember(end.ifindex);
      this.#ifindexes.set(uuid, end.ifindex);
      this.#ownerOf.set(end.ifindex, uuid);
      this.devices.set(end.ifindex, end.name);
    }
  }
}

function candidateOf(attachment: Attachment | undefined): Candidate | undefined {
  const end = attachment?.kind === 'device' ? attachment.end : undefined;
  if (attachment === undefined || end === undefined || attachment.error !== undefined) return undefined;
  const { _uuid: uuid, name, external_ids } = attachment.row;
  const ifaceId = external_ids.get('iface-id');
  if (ifaceId === undefined || ifaceId === '') return undefined;
  const plug: PluggedInterface = {
    uuid,
    name,
    ifindex: end.ifindex,
    shownIfindex: attachment.link?.ifindex,
    ifaceId,
    ifaceIdVer: external_ids.get('iface-id-ver') || undefined,
    encapIp: external_ids.get('encap-ip') || undefined,
    mac: attachment.link?.mac,
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
