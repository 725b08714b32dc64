import type { Bridge, Interface, Port } from '../gen/vswitch.js';
import { type Link, type Netlink, NetlinkError } from '../netlink/index.js';
import type { AbandonedTaps } from './abandonedTaps.js';
import type { Attachment } from './attachment.js';
import type { BridgeDevices } from './bridgeDevices.js';
import type { Complaint } from './complaint.js';
import type { DeviceSetup } from './deviceSetup.js';
import { interfaceKind } from './interfaceKind.js';
import { InternalPorts } from './internalPorts.js';
import { Ofports } from './ofports.js';
import { PatchPorts } from './patchPorts.js';
import type { ReportComplaints } from './problemBook.js';

/** An Interface row and where it belongs. */
export interface BridgeInterface {
  readonly row: Interface;
  /** Name of its bridge. */
  readonly bridge: string;
  readonly port: Port | undefined;
  /** Of a port with several interfaces, a bond, it is not the one that carries the traffic. */
  readonly standby: boolean;
}

/** What is looked up in the database about the surroundings of an interface. */
export interface Surroundings {
  /** Name of the integration bridge. */
  readonly bridgeName: string;
  bridge(name: string): Bridge | undefined;
  /** The interface of that name, if it is in a bridge. */
  inBridge(name: string): BridgeInterface | undefined;
}

export interface AttachmentsOptions {
  readonly netlink: Netlink;
  readonly abandoned: AbandonedTaps;
  readonly setup: DeviceSetup;
  readonly bridges: BridgeDevices;
  readonly surroundings: Surroundings;
  readonly report: ReportComplaints;
}

type Draft = Omit<Attachment, 'ofport' | 'facts'>;
/** What became of the device. */
type Device = Pick<Draft, 'link' | 'end' | 'error' | 'warning'>;

/** All Interface rows that belong to a bridge, with device, number and what is wrong. Only what changed is looked at. */
export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #internal: InternalPorts;
  readonly #patches: PatchPorts;
  readonly #ofports = new Map<string, Ofports>();
  readonly #byUuid = new Map<string, Attachment>();
  /** ifindex of a device of this namespace → Interface row. */
  readonly #byIfindex = new Map<number, string>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#internal = new InternalPorts(options.netlink, options.abandoned);
    this.#patches = new PatchPorts(options.netlink);
  }

  get(uuid: string): Attachment | undefined {
    return this.#byUuid.get(uuid);
  }

  values(): Iterable<Attachment> {
    return this.#byUuid.values();
  }

  /** uuid of the interface that has this device. */
  ownerOf(ifindex: number): string | undefined {
    return this.#byIfindex.get(ifindex);
  }

  /** Whether the devices are what they were when the interface was looked at. */
  isCurrent({ row, link, end }: Attachment): boolean {
    const { netlink } = this.#options;
    if (end === undefined) return netlink.linkByName(row.name) === link;
    if (netlink.links.get(end.ifindex) !== end) return false;
    if (end === link) return netlink.linkByName(row.name) === end;
    // In another namespace: what happens there is announced to nobody here.
    return end.peerInOtherNetns || link === undefined || netlink.links.get(link.ifindex) === link;
  }

  /** Takes over a row of which only what this process writes, or nobody here reads, is another than before. */
  refresh(row: Interface): void {
    const attachment = this.#byUuid.get(row._uuid);
    if (attachment !== undefined) this.#byUuid.set(row._uuid, { ...attachment, row });
  }

  /** Keeps the numbers that rows bring along, then those that they ask for, before any other is given out. */
  reserve(found: readonly BridgeInterface[]): void {
    for (const { row, bridge } of found) this.#ofportsOf(bridge).reserve(row._uuid, row.ofport);
    for (const { row, bridge } of found) this.#ofportsOf(bridge).reserve(row._uuid, row.ofport_request);
  }

  /**
   * Looks at these interfaces anew. `find` gives row and bridge, undefined when the row is gone or in no bridge. `mayChange`
   * allows changes to the devices themselves.
   */
  update(
    uuids: Iterable<string>,
    find: (uuid: string) => BridgeInterface | undefined,
    mayChange: boolean,
  ): void {
    const drafts: Draft[] = [];
    for (const uuid of uuids) {
      const found = find(uuid);
      const before = this.#byUuid.get(uuid);
      if (before !== undefined && before.bridge !== found?.bridge)
        this.#ofports.get(before.bridge)?.forget(uuid);
      if (before !== undefined && mayChange) this.#release(before, found);
      if (found === undefined) this.#store(uuid, undefined);
      else drafts.push(this.#draft(found, mayChange));
    }
    this.#number(drafts);
  }

  *#complaintsAbout({ row, bridge: name, link, error, warning, kind }: Attachment): Iterable<Complaint> {
    const { bridges, surroundings, setup } = this.#options;
    const about = { table: 'Interface', uuid: row._uuid, name: row.name };
    if (error !== undefined) {
      const column =
        kind === 'unsupported' || (kind === 'device' && row.type === 'internal') ? 'type' : 'name';
      yield { ...about, column, message: `${error}; not plugged until that changes` };
    }
    if (warning !== undefined)
      yield { ...about, column: 'options', message: `${warning}; nothing passes it` };
    const bridge = kind === 'local' ? surroundings.bridge(name) : undefined;
    if (bridge !== undefined) yield* bridges.complaintsAbout(bridge, name === surroundings.bridgeName);
    if (link === undefined) return;
    for (const [column, message] of setup.failures(link.ifindex)) yield { ...about, column, message };
  }

  #store(uuid: string, attachment: Attachment | undefined): void {
    const before = this.#byUuid.get(uuid);
    for (const device of [before?.link, before?.end])
      if (device !== undefined && this.#byIfindex.get(device.ifindex) === uuid)
        this.#byIfindex.delete(device.ifindex);
    if (attachment === undefined) this.#byUuid.delete(uuid);
    else {
      this.#byUuid.set(uuid, attachment);
      const { link, end } = attachment;
      if (end !== undefined) this.#byIfindex.set(end.ifindex, uuid);
      if (link !== undefined && !(link !== end && end?.peerInOtherNetns))
        this.#byIfindex.set(link.ifindex, uuid);
    }
    this.#options.report(
      `Interface ${uuid}`,
      attachment === undefined ? [] : [...this.#complaintsAbout(attachment)],
    );
  }

  #ofportsOf(bridge: string): Ofports {
    const ofports = this.#ofports.get(bridge) ?? new Ofports();
    this.#ofports.set(bridge, ofports);
    return ofports;
  }

  /** Undoes what an interface had that it has no more; not what a row of the same name has taken over. */
  #release(before: Attachment, now: BridgeInterface | undefined): void {
    const { bridges, surroundings } = this.#options;
    const { row, bridge, kind, end } = before;
    const heir = now ?? surroundings.inBridge(row.name);
    const heirKind = heir && interfaceKind(heir.row, heir.bridge);
    try {
      if (kind === 'local') {
        // The integration bridge may have become another: its device is an idle one, of another kind.
        if (surroundings.bridge(bridge) === undefined) bridges.remove(bridge);
      } else if (kind === 'device' && row.type === 'internal') {
        if (heirKind !== 'device' || heir?.row.type !== 'internal') this.#internal.remove(row.name);
      } else if (row.type === 'patch') {
        if (heir?.row.type !== 'patch') this.#patches.remove(row.name);
      }
    } catch (error) {
      this.#tolerate(error);
    }
    if (now === undefined) this.#internal.forget(row._uuid);
    if (heir?.bridge === bridge && heirKind === kind && heir.row.type === row.type) return;
    if (kind !== 'local') bridges.leave(bridge, row._uuid, end);
  }

  #draft(found: BridgeInterface, mayChange: boolean): Draft {
    const { row, bridge } = found;
    const kind = interfaceKind(row, bridge);
    try {
      return { row, bridge, kind, ...this.#device(found, mayChange) };
    } catch (error) {
      this.#tolerate(error);
      return { row, bridge, kind, error: unreachable(row.name, (error as NetlinkError).message) };
    }
  }

  #device(found: BridgeInterface, mayChange: boolean): Device {
    const { row, bridge } = found;
    switch (interfaceKind(row, bridge)) {
      case 'unsupported':
        return { error: unreachable(row.name, 'Address family not supported by protocol') };
      case 'local':
        return this.#local(found, mayChange);
      case 'virtual':
        return row.type === 'patch' ? this.#patch(found, mayChange) : {};
      default:
        return this.#plain(found, mayChange);
    }
  }

  #local({ row, bridge: name, port }: BridgeInterface, mayChange: boolean): Device {
    const { bridges, surroundings } = this.#options;
    const bridge = surroundings.bridge(name);
    if (bridge === undefined) return {};
    const idle = name === surroundings.bridgeName;
    const link = bridges.ensure(bridge, idle, mayChange);
    // A port of the name is there all the same, with nothing behind it. The integration bridge needs no more.
    if (link === 'No such device' || (idle && typeof link === 'string')) return {};
    if (typeof link === 'string') return { error: notAdded(name, link) };
    if (idle) return { link, end: link };
    if (mayChange) this.#raise(row, link);
    const wrong = bridges.setLocal(name, row.mtu_request, port, mayChange);
    const now = this.#now(link);
    return { link: now, end: now, error: wrong && notAdded(name, wrong) };
  }

  #plain(found: BridgeInterface, mayChange: boolean): Device {
    const { netlink, setup, surroundings } = this.#options;
    const { row } = found;
    const internal = row.type === 'internal';
    const bridge = surroundings.bridge(found.bridge);
    const device = netlink.findLink(row.name);
    const ends = internal
      ? this.#internal.ends(row, bridge, mayChange)
      : device && { link: device, end: device };
    if (ends === undefined) return { error: unreachable(row.name, 'No such device') };
    const { link, end } = ends;
    if (mayChange && link !== undefined) {
      // An internal port is down until somebody sets it up.
      if (link === end) this.#raise(row, link);
      if (link === end || !end.peerInOtherNetns) setup.requestMtu(link, row.mtu_request);
    }
    const error = this.#join(found, end, internal, mayChange);
    const now = this.#now(end);
    return { link: link === end ? now : netlink.peerOf(now), end: now, error };
  }

  #patch(found: BridgeInterface, mayChange: boolean): Device {
    const { surroundings } = this.#options;
    const { row, bridge } = found;
    const name = row.options.get('peer');
    if (name === undefined || name === '' || name === row.name)
      return { error: `${row.name}: patch type requires valid 'peer' argument` };
    const peer = surroundings.inBridge(name);
    if (peer === undefined || peer.row.type !== 'patch')
      return { warning: `No usable peer '${name}' exists in 'system' datapath.` };
    const switched = [bridge, peer.bridge].every((each) => each !== surroundings.bridgeName);
    if (!switched || bridge === peer.bridge || peer.row.options.get('peer') !== row.name) {
      // What leads to the integration bridge, the data plane does by itself (ovn-bridge-mappings).
      if (mayChange) this.#patches.remove(row.name);
      return {};
    }
    const end = this.#patches.end(row.name, name, mayChange);
    if (end === undefined) return {};
    const error = this.#join(found, end, true, mayChange);
    if (error !== undefined) return { error };
    const other = mayChange ? this.#patches.end(name, row.name, mayChange) : undefined;
    if (other !== undefined) this.#join(peer, other, true, mayChange);
    return { end: this.#now(end) };
  }

  /** Puts the device into the bridge, unless that is the integration bridge; returns why it is not there. */
  #join(
    { row, bridge: name, port, standby }: BridgeInterface,
    end: Link,
    internal: boolean,
    mayChange: boolean,
  ): string | undefined {
    const { bridges, surroundings } = this.#options;
    const bridge = surroundings.bridge(name);
    if (name === surroundings.bridgeName || bridge === undefined) return undefined;
    if (standby) {
      if (mayChange) bridges.leave(name, row._uuid, end);
      return undefined;
    }
    bridges.ensure(bridge, false, mayChange);
    const reason = bridges.join(name, row._uuid, end, internal, port, mayChange);
    return reason && notAdded(row.name, reason);
  }

  /** Sets up a device that is plugged for the first time. */
  #raise(row: Interface, link: Link): void {
    // Not one that was plugged before a restart: an operator may have set it down.
    const known = row.ofport !== undefined && row.ofport > 0;
    if (!known || (row.ifindex ?? link.ifindex) !== link.ifindex) this.#options.setup.raise(link);
  }

  #now(link: Link): Link {
    return this.#options.netlink.links.get(link.ifindex) ?? link;
  }

  #tolerate(error: unknown): void {
    if (!(error instanceof NetlinkError)) throw error;
  }

  #number(drafts: readonly Draft[]): void {
    const byBridge = new Map<string, Draft[]>();
    for (const draft of drafts) {
      const here = byBridge.get(draft.bridge);
      if (here === undefined) byBridge.set(draft.bridge, [draft]);
      else here.push(draft);
    }
    for (const [bridge, here] of byBridge) {
      const ofports = this.#ofportsOf(bridge);
      for (const { row, error } of here) if (error !== undefined) ofports.release(row._uuid);
      const numbered = here.filter(needsNumber);
      ofports.assign(numbered.map(({ row }) => ({ uuid: row._uuid, request: row.ofport_request })));
      for (const draft of here) {
        const ofport = ofports.get(draft.row._uuid);
        const full = needsNumber(draft) && ofport === undefined;
        const error = full ? `no free port number in bridge ${bridge}` : draft.error;
        const facts = draft.end && this.#options.netlink.driverFacts(draft.end.name);
        this.#store(draft.row._uuid, { ...draft, ofport, error, facts });
      }
    }
  }
}

function needsNumber({ kind, error }: Draft): boolean {
  return kind !== 'local' && error === undefined;
}

function unreachable(name: string, reason: string): string {
  return `could not open network device ${name} (${reason})`;
}

function notAdded(name: string, reason: string): string {
  return `could not add network device ${name} to ofproto (${reason})`;
}
