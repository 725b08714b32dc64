import type { Interface } from '../gen/vswitch.js';
import type { Link, Netlink } from '../netlink/index.js';
import type { Attachment } from './attachment.js';
import type { Complaint } from './complaint.js';
import type { DeviceSetup } from './deviceSetup.js';
import { interfaceKind } from './interfaceKind.js';
import { Ofports } from './ofports.js';
import type { ReportComplaints } from './problemBook.js';

/** An Interface row and the name of its bridge. */
export interface BridgeInterface {
  readonly row: Interface;
  readonly bridge: string;
}

type Draft = Omit<Attachment, 'ofport'>;

/** All Interface rows that belong to a bridge, with device, number and what is wrong. Only what changed is looked at. */
export class Attachments {
  readonly #netlink: Netlink;
  readonly #setup: DeviceSetup;
  readonly #report: ReportComplaints;
  readonly #ofports = new Map<string, Ofports>();
  readonly #byUuid = new Map<string, Attachment>();

  constructor(netlink: Netlink, setup: DeviceSetup, report: ReportComplaints) {
    this.#netlink = netlink;
    this.#setup = setup;
    this.#report = report;
  }

  get(uuid: string): Attachment | undefined {
    return this.#byUuid.get(uuid);
  }

  values(): Iterable<Attachment> {
    return this.#byUuid.values();
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
      if (found === undefined) this.#store(uuid, undefined);
      else drafts.push(this.#draft(found.row, found.bridge, mayChange));
    }
    this.#number(drafts);
  }

  *#complaintsAbout({ row, link, error, kind }: Attachment): Iterable<Complaint> {
    const about = { table: 'Interface', uuid: row._uuid, name: row.name };
    if (error !== undefined) {
      const advice =
        kind === 'device' && row.type === 'internal'
          ? 'devices of type internal are not made here: plug a veth or a tap of that name'
          : 'not plugged until that changes';
      yield { ...about, column: kind === 'unsupported' ? 'type' : 'name', message: `${error}; ${advice}` };
    }
    if (link === undefined) return;
    for (const [column, message] of this.#setup.failures(link.ifindex)) yield { ...about, column, message };
  }

  #store(uuid: string, attachment: Attachment | undefined): void {
    if (attachment === undefined) this.#byUuid.delete(uuid);
    else this.#byUuid.set(uuid, attachment);
    this.#report(`Interface ${uuid}`, attachment === undefined ? [] : [...this.#complaintsAbout(attachment)]);
  }

  #ofportsOf(bridge: string): Ofports {
    const ofports = this.#ofports.get(bridge) ?? new Ofports();
    this.#ofports.set(bridge, ofports);
    return ofports;
  }

  #draft(row: Interface, bridge: string, mayChange: boolean): Draft {
    const kind = interfaceKind(row, bridge);
    const reach = (error: string) => `could not open network device ${row.name} (${error})`;
    if (kind === 'unsupported')
      return { row, bridge, kind, error: reach('Address family not supported by protocol') };
    if (kind === 'virtual') return { row, bridge, kind };
    let link = this.#netlink.findLink(row.name);
    if (kind === 'local') return { row, bridge, kind, link };
    if (link === undefined) return { row, bridge, kind, error: reach('No such device') };
    if (mayChange) link = this.#configure(row, link);
    return { row, bridge, kind, link };
  }

  #configure(row: Interface, link: Link): Link {
    // Not one that was plugged before a restart: an operator may have set it down.
    const known = row.ofport !== undefined && row.ofport > 0;
    if (!known || (row.ifindex ?? link.ifindex) !== link.ifindex) this.#setup.raise(link);
    this.#setup.requestMtu(link, row.mtu_request);
    return this.#netlink.links.get(link.ifindex) ?? link;
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
        this.#store(draft.row._uuid, { ...draft, ofport, error });
      }
    }
  }
}

function needsNumber({ kind, error }: Draft): boolean {
  return kind !== 'local' && error === undefined;
}
