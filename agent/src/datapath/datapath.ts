import { EventEmitter } from 'node:events';
import type { Encap, HeldResource, Refusal, Resource, ResourceRef } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import type { Log, Netlink } from '../netlink/index.js';
import {
  iov_datapathCodec,
  type iov_path_mtu_event,
  type iov_port,
  iov_portCodec,
  type iov_tunnel,
  iov_tunnel_flag,
  iov_tunnelCodec,
} from './abi.js';
import { Announcements } from './announce/announcements.js';
import { Attachments, type KnownDevice } from './attach/attachments.js';
import { type DeviceChange, EntryDevices } from './attach/entryDevices.js';
import type { Role } from './attach/hook.js';
import { type HookChoice, hooksFor } from './attach/hooksFor.js';
import { type Audit, type AuditOptions, audit } from './audit/audit.js';
import { Damages } from './audit/damages.js';
import { auditPrograms, repairPrograms } from './audit/programAudit.js';
import { Rounds } from './audit/rounds.js';
import type { Applied, Change } from './change.js';
import { addresses, type OuterSettings } from './chooseTunnel.js';
import { Claims } from './claims.js';
import type { Tunnel, TunnelPath } from './compile/tunnelFacts.js';
import { rowAddress, rowAddressText } from './compile/underlay.js';
import { Compiler } from './compiler.js';
import { PortCounters } from './counters.js';
import { keyText, u32 } from './entry.js';
import { type ForwardingDelta, ForwardingPorts } from './forwardingPorts.js';
import { refKey } from './identities.js';
import { Instances } from './instances.js';
import { type Loaded, load } from './load.js';
import { Networks } from './networks.js';
import { type Observation, Observer } from './observe/observer.js';
import { PinGuard } from './pinGuard.js';
import { Queriers } from './querier/queriers.js';
import { refOfUnit } from './refOfUnit.js';
import { Refused } from './refused.js';
import { TimeSlice } from './timeSlice.js';
import { Tracer } from './tracer.js';
import { TunnelPaths } from './tunnelPaths.js';
import { resourceType, validate } from './validate.js';
import type { FurtherWire } from './wires.js';
import { Writer } from './write/writer.js';

export interface DatapathOptions {
  /** Directory in a BPF file system; one per agent. */
  bpffs: string;
  hook: HookChoice;
  netlink: Netlink;
  log: Log;
  /** Map sizes other than the IOModules' own; for new maps only. */
  maxEntries?: Record<string, number>;
  /** How long it takes until all that others may have changed was looked at again, but for maps that take long; 0: never. */
  recheckMs?: number;
  /** Of a core, how much it may take to look at all maps again and again; see Rounds. */
  auditShare?: number;
  /** For how long a path has the MTU that a router on it said; default: ten minutes. */
  learnedMtuMs?: number;
  /** Machines are announced to their physical networks. Default: they are not. */
  announce?: boolean;
}

/** The device of a logical port, as the local database says. */
export interface Plugged {
  ifindex: number;
}

/** How often a device that did not take a program is tried again. */
const RETRY_ATTACH_MS = 2000;
/**
 * How long it takes until each device, the pins and the program array were looked at again, and at least between two looks at all
 * maps: others may change them, and the kernel tells nobody.
 */
const RECHECK_MS = 10_000;
/** When an entry that the kernel refused is tried again: memory may be short for a moment only. */
const RETRY_WRITE_MS = { min: 20, max: 5000 };

interface DatapathEvents {
  /** Resources that apply() refused are in effect now, though nobody sent them again: there is room, or the kernel has memory again. */
  healed: [resources: HeldResource[]];
  /**
   * The set of forwarding ports changed.
   * @param applied because of a change that is about to be answered; otherwise a tap came or went, or a retry succeeded
   */
  forwarding: [delta: ForwardingDelta, applied: boolean];
  /** The data plane saw something that OVN wants to know of. */
  observed: [observation: Observation];
  /**
   * Other wires into physical networks are wanted beside one for each, by name. Whoever makes them and says so by setNetworks()
   * before this returns has them in what is about to be applied.
   */
  wires: [wires: ReadonlyMap<string, FurtherWire>];
  /**
   * Ports do not use these wires any more (by their names, or by that of their network), and the data plane knows: whoever has
   * learned machines there should forget them.
   */
  wiresLeft: [names: readonly string[]];
}

/** How the plugged ports change, by name: those removed first. */
export interface PlugChange {
  upserts: Iterable<readonly [name: string, plugged: Plugged]>;
  removals: Iterable<string>;
}

/** What a change brought. */
interface Taken {
  refs: HeldResource[];
  /** Of resources that a coordinator must not have sent. */
  invalid: Refusal[];
}

interface Job extends Change {
  done(applied: Applied): void;
  failed(error: unknown): void;
}

/**
 * The kernel side of an agent: loads the IOModules (taking over pinned maps and links of an earlier run), and keeps maps and
 * attachments as resources and local facts demand. Until the first full change the maps stay as they were found.
 */
export class Datapath extends EventEmitter<DatapathEvents> {
  readonly loaded: Loaded;
  readonly compiler: Compiler;
  readonly writer: Writer;
  readonly attachments: Attachments;
  readonly #entryDevices: EntryDevices;
  readonly #networks: Networks;
  readonly #queriers: Queriers;
  readonly #announcements: Announcements | undefined;
  #observer: Observer | undefined;
  readonly #log: Log;
  readonly #netlink: Netlink;
  readonly #instances: Instances;
  readonly #paths: TunnelPaths;
  readonly counters: PortCounters;
  readonly tracer: Tracer;
  readonly #claims: Claims;
  readonly pins: PinGuard;
  /** What others did to all of this, and what became of it. */
  readonly damages: Damages;
  readonly rounds: Rounds;
  /** Devices whose turn it is to be looked at again. */
  #rechecked: KnownDevice[] = [];
  #auditing: Promise<unknown> = Promise.resolve();
  readonly #versions = new Map<string, HeldResource>();
  readonly #jobs: Job[] = [];
  /** Called after the next run: see #caughtUp(). */
  readonly #waiting: (() => void)[] = [];
  readonly #plugged = new Map<string, Plugged>();
  readonly #nameOf = new Map<number, string>();
  /** Undefined until the local database was read: what an earlier agent attached stays until then. */
  #localIps: readonly string[] | undefined;
  readonly #forwarding = new ForwardingPorts();
  /** Resources of which the kernel refused an entry. */
  #failedRefs = new Map<string, { ref: ResourceRef; message: string }>();
  /** Those of them that apply() has told of. */
  readonly #told = new Map<string, HeldResource>();
  #running: Promise<void> | undefined;
  #busySince: number | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #recheckMs: number;
  #rewriteTimer: NodeJS.Timeout | undefined;
  #rewriteMs = RETRY_WRITE_MS.min;
  #again = false;
  #synced = false;
  /** As last told; undefined until all ports are known. */
  #wires: ReadonlyMap<string, FurtherWire> | undefined;
  #closed = false;

  private constructor(options: DatapathOptions) {
    super();
    this.#log = options.log;
    this.#netlink = options.netlink;
    this.#recheckMs = options.recheckMs ?? RECHECK_MS;
    this.loaded = load(options.bpffs, options.maxEntries);
    const { maps } = this.loaded;
    const claims = new Claims();
    this.#claims = claims;
    this.damages = new Damages(options.log);
    this.pins = new PinGuard(this.loaded, options.bpffs, this.damages);
    this.rounds = new Rounds({
      least: this.#recheckMs,
      share: options.auditShare,
      walk: async (slice) => {
        if (this.loaded.succession.waits) return false;
        return (await this.#audit({ repair: true, against: 'live', slice })).error === '';
      },
      log: options.log,
    });
    this.writer = new Writer(claims, { config: (name) => maps[name], epochs: maps.iov_epochs });
    this.#instances = new Instances({
      datapaths: maps.iov_datapaths.maxEntries,
      ports: maps.iov_ports.maxEntries,
      tunnels: maps.iov_tunnels.maxEntries,
    });
    this.counters = new PortCounters(maps);
    this.tracer = new Tracer(maps);
    this.#paths = new TunnelPaths(options.netlink, options.learnedMtuMs);
    const isWireThere = (wire: string) => this.#networks.hasNamed(wire);
    this.compiler = new Compiler(claims, this.#instances, this.#paths, isWireThere);
    const { entry, uplink } = this.loaded.modules;
    const hooks = hooksFor(options.hook, this.loaded);
    this.attachments = new Attachments({
      ...hooks,
      programs: { entry, uplink },
      succession: this.loaded.succession,
      damages: this.damages,
      deviceName: (ifindex) => this.deviceName(ifindex),
      isThere: (ifindex) => options.netlink.refreshLink(ifindex) !== undefined,
      log: options.log,
    });
    this.#entryDevices = new EntryDevices(this.attachments);
    this.#queriers = new Queriers({
      receivers: (switchId) => this.compiler.receivers(switchId),
      send: (ifindex, frame) => void options.netlink.frames.send(ifindex, frame),
    });
    if (options.announce)
      this.#announcements = new Announcements({
        localnets: (switchId) => this.compiler.localnets(switchId),
        send: (ifindex, frame) => void options.netlink.frames.send(ifindex, frame),
      });
    this.#networks = new Networks({
      compiler: this.compiler,
      attachments: this.attachments,
      entryDevices: this.#entryDevices,
      links: options.netlink.links,
    });
  }

  /** @throws BpfError, VerifierError when the kernel does not take the IOModules or their pinned maps */
  static async open(options: DatapathOptions): Promise<Datapath> {
    const datapath = new Datapath(options);
    await datapath.#adopt();
    return datapath;
  }

  async #adopt(): Promise<void> {
    await this.writer.refresh(new TimeSlice().breathe);
    this.#instances.recover((map) => this.writer.mirrors.get(map)!);
    this.attachments.on('changed', (role, ifindexes) => {
      if (role === 'entry') for (const ifindex of ifindexes) this.#syncDevice(ifindex);
    });
    this.attachments.adopt(new Set(this.#netlink.links.keys()));
    if (!this.loaded.succession.waits) this.#supersede();
    this.#paths.on('changed', (concerns) => {
      this.compiler.refreshPaths(concerns);
      this.#syncUplinks();
      this.#schedule();
    });
    this.#netlink.on('link', this.#onLink);
    this.#netlink.on('filters', this.#onFilters);
    const often = Math.min(RETRY_ATTACH_MS, this.#recheckMs || RETRY_ATTACH_MS);
    this.#retryTimer = setInterval(() => this.#recheck(), often).unref();
    this.#observer = new Observer(
      this.loaded.maps.iov_events,
      this.compiler,
      this.#onObservation,
      this.#onPathMtu,
    );
  }

  #recheck(): void {
    this.attachments.retry();
    this.damages.beat();
    if (this.#recheckMs === 0 || this.loaded.succession.waits) return;
    if (this.#rechecked.length === 0) {
      this.#rechecked = this.attachments.known;
      this.pins.mend();
      this.#mendPrograms();
    }
    const turns = Math.max(1, this.#recheckMs / RETRY_ATTACH_MS);
    const share = Math.ceil(this.attachments.known.length / turns);
    void this.attachments.lookAgain(this.#rechecked.splice(0, share));
  }

  /** Without waiting for a round: a program that is missing in the chain may stop all traffic. */
  #mendPrograms(): void {
    try {
      repairPrograms(this.loaded, auditPrograms(this.loaded), this.damages);
    } catch (error) {
      this.#log.error({ error: String(error) }, 'the program array cannot be read');
    }
  }

  /** Ours may be among the filters that are gone. */
  readonly #onFilters = (ifindexes: ReadonlySet<number>): void => {
    if (this.#recheckMs === 0 || this.loaded.succession.waits) return;
    const places = (role: Role) => [...ifindexes].map((ifindex) => ({ role, ifindex }));
    void this.attachments.lookAgain([...places('entry'), ...places('uplink')]);
  };

  /** Every device carries the present programs, over maps that are filled. */
  #supersede(): void {
    const { pins, succession } = this.loaded;
    this.loaded.supersede();
    pins.markFilled();
    for (const others of succession.others) others.removeAll();
  }

  /** The new maps are filled: the new programs take the place of those that have forwarded by others until now. */
  #succeed(): void {
    this.loaded.succession.end();
    this.attachments.recheck(this.attachments.known);
    void this.attachments.settled().then(() => {
      try {
        if (!this.#closed) this.#supersede();
      } catch (error) {
        // The guard of the pins says what is missing.
        this.#log.error({ error: String(error) }, 'what an earlier agent left is not removed');
      }
    });
  }

  /**
   * Compares what the kernel has with what a fresh start would compute of the same resources and local facts. Changes nothing,
   * and changes go on meanwhile; one audit at a time.
   * @param repair what differs is put right, as far as it can be
   */
  audit(repair = false): Promise<Audit> {
    this.rounds.interrupt();
    return this.#audit({ repair, against: 'fresh' });
  }

  #audit(options: AuditOptions): Promise<Audit> {
    const next = this.#auditing.then(() =>
      audit(
        {
          synced: this.#synced,
          compiler: this.compiler,
          claims: this.#claims,
          writer: this.writer,
          attachments: this.attachments,
          loaded: this.loaded,
          pins: this.pins,
          damages: this.damages,
          devices: new Set(this.#netlink.links.keys()),
          caughtUp: () => this.#caughtUp(),
          flush: () => {
            this.#schedule();
            return this.#caughtUp();
          },
        },
        options,
      ),
    );
    this.#auditing = next.catch(() => undefined);
    return next;
  }

  /** Resolves when all that waits now to be compiled and written has been. */
  #caughtUp(): Promise<void> {
    if (this.#running === undefined) return Promise.resolve();
    // The run that is on may have looked already at what changed since.
    this.#again = true;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Stops; the data plane goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#retryTimer);
    clearTimeout(this.#rewriteTimer);
    this.#netlink.off('link', this.#onLink);
    this.#netlink.off('filters', this.#onFilters);
    await this.rounds.close();
    this.#paths.close();
    this.#queriers.close();
    this.#announcements?.close();
    this.#observer?.close();
    await this.#running;
    await this.attachments.close();
    await this.tracer.close();
    this.loaded.close();
  }

  /** Every device of the integration bridge: each carries the entry program, which drops what has no port yet. */
  setDevices(devices: ReadonlySet<number>): void {
    this.#entryDevices.setBridge(devices);
  }

  /** Like setDevices(), by what changed. An ifindex in both lists is another device than before. */
  changeDevices(change: DeviceChange): void {
    this.#entryDevices.changeBridge(change);
  }

  /**
   * The physical networks that are to be had here and the further wires into them, with their devices. To be called before setDevices() first,
   * so that what an earlier agent attached to them stays.
   */
  setNetworks(networks: ReadonlyMap<string, number>): void {
    this.#networks.set(networks);
    this.#schedule();
  }

  /** All plugged ports. */
  setPlugged(plugged: ReadonlyMap<string, Plugged>): void {
    this.changePlugged({
      upserts: plugged,
      removals: [...this.#plugged.keys()].filter((name) => !plugged.has(name)),
    });
  }

  /** Like setPlugged(), by what changed. */
  changePlugged({ upserts, removals }: PlugChange): void {
    const changed = [...upserts];
    const names = [...removals, ...changed.map(([name]) => name)];
    for (const name of names) {
      const before = this.#plugged.get(name)?.ifindex;
      if (before !== undefined && this.#nameOf.get(before) === name) this.#nameOf.delete(before);
      this.#plugged.delete(name);
    }
    for (const [name, { ifindex }] of changed) {
      this.#plugged.set(name, { ifindex });
      this.#nameOf.set(ifindex, name);
    }
    for (const name of names) this.#syncTap(name);
    this.#schedule();
  }

  setLocalEncaps(encaps: readonly Encap[], outer?: OuterSettings): void {
    this.#localIps = addresses(encaps);
    this.compiler.setLocalEncaps(encaps, outer);
    this.#syncUplinks();
    this.#schedule();
  }

  readonly #onLink = ({ link: { ifindex } }: { link: { ifindex: number } }): void => {
    this.#syncDevice(ifindex);
    if (this.attachments.isAttached('uplink', ifindex)) this.#syncUplinks();
  };

  #syncDevice(ifindex: number): void {
    if (this.#networks.has(ifindex)) {
      this.#networks.sync();
      this.#schedule();
    }
    const name = this.#nameOf.get(ifindex);
    if (name === undefined) return;
    this.#syncTap(name);
    this.#schedule();
  }

  /** Tells the compiler of a port's device, if it is there and carries the program. */
  #syncTap(name: string): void {
    const ifindex = this.#plugged.get(name)?.ifindex ?? 0;
    const link = this.#netlink.links.get(ifindex);
    const usable = link !== undefined && this.attachments.isAttached('entry', ifindex);
    const tap = usable ? { ifindex, peer: link.kind === 'veth' && link.peerInOtherNetns } : undefined;
    this.compiler.setTap(name, tap);
  }

  readonly #onObservation = (observation: Observation): void => {
    if (observation.kind === 'activated') {
      // At once, as ovn-controller does: the coordinator hears of it and will agree.
      if (!this.compiler.activate(observation.portId)) return;
      this.#schedule();
    }
    this.emit('observed', observation);
  };

  readonly #onPathMtu = ({ tunnel: number, mtu, remote_ip, router_ip }: iov_path_mtu_event): void => {
    const tunnel = this.compiler.tunnelOf(number);
    // The number may be another tunnel's by now.
    if (tunnel === undefined || !rowAddress(tunnel.remoteIp).equals(Buffer.from(remote_ip))) return;
    if (!this.#paths.learnMtu(tunnel, mtu)) return;
    const router = rowAddressText(router_ip);
    this.#log.info({ remoteIp: tunnel.remoteIp, mtu, router }, 'a router says that less fits to a chassis');
  };

  /**
   * The coordinator is another than before, or had forgotten what it was told: lets the programs tell of MACs anew, and tells
   * of ports that were activated.
   */
  async observeAnew(): Promise<void> {
    for (const portId of this.compiler.activated) this.emit('observed', { kind: 'activated', portId });
    const slice = new TimeSlice();
    const told = this.loaded.maps.iov_learning;
    for (const [key] of told.entries(1024)) {
      told.delete(key);
      await slice.breathe();
      if (this.#closed) return;
    }
  }

  #syncUplinks(): void {
    if (this.#localIps === undefined) return;
    const { links } = this.#netlink;
    const devices = [...this.#paths.devices(this.#localIps)];
    // An address may sit on the loopback device; its packets come in elsewhere.
    const real = devices.filter((ifindex) => links.has(ifindex) && links.get(ifindex)?.name !== 'lo');
    this.attachments.set('uplink', new Set(real));
  }

  /** Resolves when the maps hold what the change asks for, except for what was refused. */
  apply(change: Change): Promise<Applied> {
    return new Promise((done, failed) => {
      this.#jobs.push({ ...change, done, failed });
      this.#schedule();
    });
  }

  /** Local ports whose device forwards, name by id. */
  get forwarding(): ReadonlyMap<string, string> {
    return this.#forwarding.ids;
  }

  /** Their names. */
  get forwardingNames(): Iterable<string> {
    return this.#forwarding.names;
  }

  /** Resources in effect, with their versions: what a reconnecting session states. */
  get held(): HeldResource[] {
    return [...this.#versions.values()];
  }

  /** When the pass over what changed began that is not over yet, as performance.now() counts. */
  get busySince(): number | undefined {
    return this.#busySince;
  }

  /** Whether the maps follow the coordinator's intents (since the first full change). */
  get synced(): boolean {
    return this.#synced;
  }

  #schedule(): void {
    this.#again = true;
    if (this.#closed) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#closed) for (const resolve of this.#waiting.splice(0)) resolve();
      this.#busySince = undefined;
      // Somebody may have come between the last look and now.
      if (this.#again) this.#schedule();
    });
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const waiting = this.#waiting.splice(0);
      this.#busySince = performance.now();
      const jobs = this.#jobs.splice(0);
      try {
        const slice = new TimeSlice();
        const touched = [];
        for (const job of jobs) touched.push(await this.#take(job, slice));
        await this.#bringUpToDate(
          jobs.some(({ full }) => full),
          slice,
        );
        const delta = this.#forwarding.take();
        if (delta !== undefined) this.emit('forwarding', delta, jobs.length > 0);
        for (const [index, job] of jobs.entries()) job.done(this.#appliedOf(touched[index]!));
        this.#tellHealed();
      } catch (error) {
        this.#log.error(
          { error: String((error as Error).stack) },
          'the data plane could not be brought up to date',
        );
        for (const job of jobs) job.failed(error);
      }
      for (const resolve of waiting) resolve();
    }
  }

  async #take({ upserts, removals }: Change, slice: TimeSlice): Promise<Taken> {
    const refs: HeldResource[] = [];
    const invalid: Refusal[] = [];
    for (const ref of removals) {
      this.compiler.remove(ref);
      if (ref.type === ResourceType.LOGICAL_SWITCH) this.#queriers.set(ref.id, undefined);
      this.#versions.delete(refKey(ref));
    }
    for (const resource of upserts) {
      const held = { type: resourceType(resource), id: resource.id, version: resource.version };
      const refusal = this.#put(resource, held);
      if (refusal === undefined) refs.push(held);
      else invalid.push(refusal);
      await slice.breathe();
    }
    return { refs, invalid };
  }

  #put(resource: Resource, held: HeldResource): Refusal | undefined {
    try {
      validate(resource);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { resource: { type: held.type, id: held.id }, version: held.version, message: error.message };
    }
    this.compiler.put(resource);
    if (resource.body?.$case === 'logicalSwitch')
      this.#queriers.set(resource.id, resource.body.value.querier);
    this.#versions.set(refKey(held), held);
    return undefined;
  }

  async #bringUpToDate(full: boolean, slice: TimeSlice): Promise<void> {
    this.#tellWires(full);
    await this.#compile(slice);
    if (!full && !this.#synced) return;
    if (full) await this.#prepareSweep(slice);
    await this.#flush(slice);
    while (this.compiler.retryRefused()) {
      await this.#compile(slice);
      await this.#flush(slice);
    }
    if (this.loaded.succession.waits) this.#succeed();
    this.#updateForwarding(this.#collectFailures());
    const left = this.compiler.takeLeftWires();
    if (left.length > 0) this.emit('wiresLeft', left);
    this.#queriers.begin();
  }

  /** Before what uses them is compiled. Until all ports are known, what an earlier agent has left stays. */
  #tellWires(full: boolean): void {
    const { furtherWires } = this.compiler;
    if (this.#wires === furtherWires || (this.#wires === undefined && !full)) return;
    this.#wires = furtherWires;
    this.emit('wires', furtherWires);
  }

  async #flush(slice: TimeSlice): Promise<void> {
    const { all, ports, tunnels } = this.#instances;
    const released = all.map((numbers) => numbers.released);
    await this.writer.flush(slice.breathe);
    // Nothing is compiled during a flush, so what was released before it is out of the maps now.
    this.counters.reset(released[all.indexOf(ports)]!);
    this.counters.resetTunnels(released[all.indexOf(tunnels)]!);
    for (const [index, numbers] of all.entries()) numbers.settle(released[index]);
  }

  /** Everything that is in the maps and not wanted shall go; everything wanted shall be there. */
  async #prepareSweep(slice: TimeSlice): Promise<void> {
    if (this.#synced) await this.writer.refresh(slice.breathe);
    else this.#instances.releaseUnclaimed();
    await this.writer.touchAll(slice.breathe);
    this.#synced = true;
    this.#networks.portsAreKnown();
  }

  async #compile(slice: TimeSlice): Promise<void> {
    if (this.compiler.takeNetworksTouched()) this.#networks.sync();
    for (const _ of this.compiler.compile()) if (slice.over) await slice.turn();
    for (const portId of this.compiler.takeFoundActive())
      this.emit('observed', { kind: 'activated', portId });
    if (!this.compiler.takeTunnelsCompiled()) return;
    this.#paths.keepOnly([...this.compiler.tunnels.values()].flat().map(({ tunnel }) => tunnel));
    this.#syncUplinks();
  }

  /** @param failed ports of which the kernel refused an entry, or no longer does */
  #updateForwarding(failed: Iterable<string>): void {
    const { ports } = this.compiler.resources;
    for (const id of new Set([...this.compiler.takeCompiledPorts(), ...failed])) {
      const whole =
        this.compiler.isComplete(id) &&
        !this.#failedRefs.has(refKey({ type: ResourceType.LOGICAL_PORT, id }));
      const port = whole ? ports.get(id) : undefined;
      this.#forwarding.set(id, port?.name);
      this.#announcements?.set(id, port);
    }
  }

  /** @returns ids of ports that were or are among the failures */
  #collectFailures(): string[] {
    const before = this.#failedRefs;
    const now: typeof before = new Map();
    for (const [unit, error] of this.writer.failures) {
      const ref = refOfUnit(unit);
      if (ref !== undefined) now.set(refKey(ref), { ref, message: error.message });
    }
    this.#failedRefs = now;
    this.#rewriteLater();
    return [...before.values(), ...now.values()].flatMap(({ ref: { type, id } }) =>
      type === ResourceType.LOGICAL_PORT ? [id] : [],
    );
  }

  /** Nothing else may happen for long, and what was refused must not wait for it. */
  #rewriteLater(): void {
    clearTimeout(this.#rewriteTimer);
    if (this.writer.failures.size === 0) {
      this.#rewriteMs = RETRY_WRITE_MS.min;
      return;
    }
    this.#rewriteTimer = setTimeout(() => this.#schedule(), this.#rewriteMs).unref();
    this.#rewriteMs = Math.min(this.#rewriteMs * 2, RETRY_WRITE_MS.max);
  }

  /** Name of a device, or its number once it is gone. */
  deviceName(ifindex: number): string {
    return this.#netlink.links.get(ifindex)?.name ?? `device ${ifindex}`;
  }

  /** Tunnel addresses of this chassis that no device has. */
  get absentAddresses(): string[] {
    const present = new Set<string>();
    for (const addresses of this.#netlink.addresses.values())
      for (const { address } of addresses) present.add(address);
    return (this.#localIps ?? []).filter((ip) => !present.has(ip));
  }

  /** Chassis to one of whose addresses there is no route, as the kernel has the tunnels. */
  get unreachable(): string[] {
    const { IOV_TUNNEL_VALID } = iov_tunnel_flag;
    return [...this.compiler.tunnels].flatMap(([chassis, tunnels]) =>
      tunnels.some(
        ({ number }) => ((this.tunnelRow(number)?.flags ?? IOV_TUNNEL_VALID) & IOV_TUNNEL_VALID) === 0,
      )
        ? [chassis]
        : [],
    );
  }

  /** Whether the next hop of a tunnel is known. */
  isResolved(tunnel: number): boolean {
    const { flags = 0 } = this.tunnelRow(tunnel) ?? {};
    return (flags & iov_tunnel_flag.IOV_TUNNEL_RESOLVED) !== 0;
  }

  /** The way to the other end of a tunnel as the kernel's routing says now; undefined: none. */
  pathOf(tunnel: Tunnel): TunnelPath | undefined {
    return this.#paths.pathOf(tunnel);
  }

  /** Ifindex of the device that is plugged for a port, whether it can be used or not. */
  pluggedDevice(name: string): number | undefined {
    return this.#plugged.get(name)?.ifindex;
  }

  /** What the kernel has of a tunnel. */
  tunnelRow(tunnel: number): iov_tunnel | undefined {
    const value = this.writer.mirrors.get('iov_tunnels')?.get(keyText(u32(tunnel)));
    return value === undefined ? undefined : iov_tunnelCodec.decode(value);
  }

  /** What the kernel has of a local port. */
  portRow(port: number): iov_port | undefined {
    const value = this.writer.mirrors.get('iov_ports')?.get(keyText(u32(port)));
    return value === undefined ? undefined : iov_portCodec.decode(value);
  }

  /** The tunnel key of a datapath number. */
  datapathKey(datapath: number): number | undefined {
    const value = this.writer.mirrors.get('iov_datapaths')?.get(keyText(u32(datapath)));
    return value === undefined ? undefined : iov_datapathCodec.decode(value).tunnel_key;
  }

  /** Why resources are not in effect, or not wholly. */
  get refusals(): { ref: ResourceRef; message: string }[] {
    return [...new Map([...this.#failedRefs, ...this.compiler.refusals]).values()];
  }

  #tellHealed(): void {
    const healed: HeldResource[] = [];
    for (const [key, held] of this.#told) {
      if (this.compiler.refusals.has(key) || this.#failedRefs.has(key)) continue;
      this.#told.delete(key);
      // What was changed or removed meanwhile was answered with its change.
      if (this.#versions.get(key)?.version === held.version) healed.push(held);
    }
    if (healed.length > 0) this.emit('healed', healed);
  }

  #appliedOf({ refs, invalid }: Taken): Applied {
    const refusals = [...invalid];
    const forwarding: string[] = [];
    for (const { type, id, version } of refs) {
      if (type === ResourceType.LOGICAL_PORT && this.forwarding.has(id)) forwarding.push(id);
      const key = refKey({ type, id });
      const found = this.compiler.refusals.get(key) ?? this.#failedRefs.get(key);
      if (found === undefined) continue;
      refusals.push({ resource: { type, id }, version, message: found.message });
      this.#told.set(key, { type, id, version });
    }
    return { refusals, forwarding };
  }
}
