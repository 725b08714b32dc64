import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Link as Device, LinkEvent, Log } from '../../netlink/index.js';
import {
  type HoverEngine,
  MAX_MODULES,
  type ModuleInstance,
  type PacketIn,
  type PacketOut,
} from '../engine/hoverEngine.js';
import type { BuiltinRegistry, PortPeer } from './builtin.js';
import { arrival, type Grouped, groupsOf, policyHops } from './hops.js';
import { HoverError } from './hoverError.js';
import type { Json, JsonObject } from './json.js';
import {
  type BridgeNode,
  bridgePath,
  type End,
  InterfaceNode,
  type Link,
  ModuleNode,
  otherEnd,
} from './node.js';
import { NumberPool } from './numberPool.js';
import { type Slot, Wiring, type Wish } from './wiring.js';

/** The last number is that of Hover's own controller. */
const LAST_MODULE = MAX_MODULES - 2;
/** The engine's own devices, by which packets of controllers come in. */
const HIDDEN: ReadonlySet<string> = new Set(['iovh0', 'iovh1']);
/** In every network namespace. */
const LOOPBACK = 1;

/** What a client says of a module. */
export interface ModuleSpec {
  /** `bpf`, `bpf/policy`, `bpf/` and anything, or a built-in type. */
  readonly type: string;
  readonly displayName: string;
  readonly tags: readonly string[] | null;
  /** For `bpf`: `code`. For built-in types: their configuration. Undefined: none was given. */
  readonly config: JsonObject | undefined;
}

/** Network devices, as `Netlink` has them. */
export interface Devices {
  readonly links: ReadonlyMap<number, Device>;
  findLink(name: string): Device | undefined;
  on(event: 'link', listener: (event: LinkEvent) => void): unknown;
  on(event: 'resync', listener: () => void): unknown;
  off(event: 'link', listener: (event: LinkEvent) => void): unknown;
}

export interface HoverGraphOptions {
  /** Called when the first module or link needs it; again only when it rejects. */
  readonly engine: () => Promise<HoverEngine>;
  readonly devices: Devices;
  readonly builtins: BuiltinRegistry;
  /** Why a device must not be touched, as a part of a sentence (`belongs to OVN`); undefined: it is free. */
  readonly reserved: (device: Device) => string | undefined;
  readonly log: Log;
}

/**
 * Modules, the links between them and interfaces, the policies around them. Every change is made wholly or not at all, and
 * between two events of the event loop: only compiling takes longer, and it changes nothing.
 */
export class HoverGraph extends EventEmitter<{ packetIn: [PacketIn] }> {
  readonly #options: HoverGraphOptions;
  #engine: HoverEngine | undefined;
  #starting: Promise<HoverEngine> | undefined;
  readonly #wiring: Wiring;
  /** Of modules, bridges and linked interfaces together, as ever in Hover. */
  readonly #numbers = new NumberPool(0, undefined, 'No module number is free');
  readonly #modules = new Map<number, ModuleNode>();
  readonly #policies = new Set<ModuleNode>();
  readonly #interfaces = new Map<number, InterfaceNode>();
  readonly #bridges = new Map<number, BridgeNode>();
  readonly #links = new Map<string, Link>();
  readonly #onLink = (event: LinkEvent) => this.#deviceChanged(event);
  #closed = false;

  constructor(options: HoverGraphOptions) {
    super();
    this.#options = options;
    this.#wiring = new Wiring(() => this.#engine!);
    for (const device of options.devices.links.values()) this.#findBridge(device);
    options.devices.on('link', this.#onLink);
  }

  get modules(): ReadonlyMap<number, ModuleNode> {
    return this.#modules;
  }

  /** By the order in which they were found. */
  get bridges(): Iterable<BridgeNode> {
    return this.#bridges.values();
  }

  get links(): ReadonlyMap<string, Link> {
    return this.#links;
  }

  /** Devices that may be linked, by ifindex. */
  get externalInterfaces(): readonly Device[] {
    const found = [...this.#options.devices.links.values()].filter(
      ({ kind, name }) => kind !== 'bridge' && !HIDDEN.has(name),
    );
    return found.sort((a, b) => a.ifindex - b.ifindex);
  }

  /** By id; `m:00000003`. */
  module(path: string): ModuleNode | undefined {
    const match = /^m:(\d{8})$/.exec(path);
    return match === null ? undefined : this.#modules.get(Number(match[1]));
  }

  bridge(path: string): BridgeNode | undefined {
    return [...this.#bridges.values()].find((bridge) => bridgePath(bridge) === path);
  }

  /**
   * Loads a module. `signal`: the client has gone; what was compiled meanwhile is not loaded.
   * @throws HoverError, CompileError, LoadError
   */
  async createModule(spec: ModuleSpec, signal?: AbortSignal): Promise<ModuleNode> {
    const builtin = builtinOf(spec.type, this.#options.builtins);
    const engine = await this.#startedEngine();
    const code = builtin === undefined ? codeOf(spec.config) : undefined;
    const compiled = await (builtin === undefined ? engine.compile(code ?? '') : builtin.compile(engine));
    this.#checkWanted(signal);
    const number = this.#numbers.take(LAST_MODULE);
    let instance: ModuleInstance | undefined;
    try {
      instance = await engine.loadAsync(number, compiled);
      this.#checkWanted(signal);
      const module = new ModuleNode(number, shownType(spec.type), instance, builtin?.maxPorts);
      module.builtin = builtin?.start(instance, engine);
      module.displayName = spec.displayName;
      module.tags = spec.tags;
      module.config = code === undefined ? (spec.config ?? {}) : { code };
      if (spec.config !== undefined) module.builtin?.configure(spec.config, []);
      this.#modules.set(number, module);
      if (module.isPolicy) {
        this.#policies.add(module);
        this.#rewirePolicy(module.tags);
      }
      return module;
    } catch (error) {
      const module = this.#modules.get(number);
      if (module !== undefined) this.#policies.delete(module);
      this.#modules.delete(number);
      instance?.close();
      this.#numbers.release(number);
      throw error;
    }
  }

  /**
   * Changes name, tags and, of a built-in module, the configuration. Without `config` a built-in module keeps what it has.
   * @throws HoverError, EntryError
   */
  updateModule(module: ModuleNode, spec: Omit<ModuleSpec, 'type'>): void {
    if (module.builtin === undefined && codeOf(spec.config) !== module.config.code)
      throw new HoverError('BPF code update not supported');
    const { tags } = module;
    module.tags = spec.tags;
    try {
      if (module.isPolicy) this.#rewirePolicy([...(tags ?? []), ...(spec.tags ?? [])]);
      if (spec.config !== undefined) module.builtin?.configure(spec.config, this.#peersOf(module));
    } catch (error) {
      module.tags = tags;
      throw error;
    }
    if (module.builtin !== undefined) module.config = spec.config ?? module.config;
    const renamed = module.displayName !== spec.displayName;
    module.displayName = spec.displayName;
    if (renamed) for (const { node } of this.#neighbours(module)) this.#portsChanged(node);
  }

  /** Its links go, too; other modules keep running without it. */
  deleteModule(module: ModuleNode): void {
    for (const link of [...module.links.values()]) this.#removeLink(link);
    if (this.#policies.delete(module)) this.#withoutPolicy(module.tags);
    this.#modules.delete(module.number);
    module.builtin?.close?.();
    module.instance.close();
    this.#numbers.release(module.number);
  }

  /** `from` and `to` are `m:…`, `i:NAME` or `external_interfaces:NAME`. @throws HoverError, or what the engine says */
  async createLink(from: string, to: string): Promise<Link> {
    await this.#startedEngine();
    return this.#link(from, to);
  }

  #link(from: string, to: string): Link {
    const made: InterfaceNode[] = [];
    const taken: End[] = [];
    try {
      const fromNode = this.#nodeFor(from, made);
      const toNode = this.#nodeFor(to, made);
      if (fromNode === toNode)
        throw new HoverError(`A link needs two ends, and "${fromNode.path}" is only one`);
      if (this.#neighbours(fromNode).some(({ node }) => node === toNode))
        throw new HoverError(`Link already exists between "${fromNode.path}" and "${toNode.path}"`);
      const link = { id: randomUUID(), from: takePort(fromNode, taken), to: takePort(toNode, taken) };
      for (const end of taken) connect(end, link);
      // A port has its rules before its first packet.
      for (const { node } of taken) this.#portsChanged(node);
      this.#wiring.apply(this.#wishesOf([link]));
      this.#links.set(link.id, link);
      for (const { node } of taken) if (node.kind === 'interface') this.#openWide(node);
      return link;
    } catch (error) {
      for (const end of taken) disconnect(end);
      for (const { node, port } of taken) if (node.kind === 'module') node.ports.release(port);
      for (const { node } of taken) this.#portsChanged(node);
      for (const node of made) this.#forgetInterface(node);
      throw error;
    }
  }

  /** A network card gives only frames for its own address; modules want all. What cannot is left as it is. */
  #openWide(node: InterfaceNode): void {
    if (this.#options.devices.links.get(node.ifindex)?.promiscuous !== false) return;
    node.madePromiscuous = this.#setPromiscuous(node, true);
  }

  #setPromiscuous(node: InterfaceNode, on: boolean): boolean {
    try {
      this.#engine!.setPromiscuous(node.ifindex, on);
      return true;
    } catch (error) {
      this.#options.log.debug({ interface: node.name, on, error: String(error) }, 'promiscuous mode');
      return false;
    }
  }

  deleteLink(link: Link): void {
    this.#removeLink(link);
  }

  /** A packet from a controller. Whether there is such a module. */
  packetOut(packet: PacketOut): boolean {
    if (!this.#modules.has(packet.module)) return false;
    this.#engine?.packetOut(packet);
    return true;
  }

  /** Devices came to belong to somebody else, or ceased to: links of those that are reserved now go. */
  reservationsChanged(): void {
    for (const node of [...this.#interfaces.values()]) {
      const device = this.#options.devices.links.get(node.ifindex);
      const reason = device && this.#options.reserved(device);
      if (reason === undefined || node.link === undefined) continue;
      this.#options.log.warn({ interface: node.name, reason }, 'an interface was taken from its module');
      this.#removeLink(node.link);
    }
    this.#rewireBridges();
  }

  /** What keeps packets from going where they should, for people; undefined: nothing. */
  get problem(): string | undefined {
    return this.#engine?.problem;
  }

  /** Packets dropped, by reason. */
  drops(): Map<string, bigint> {
    return this.#engine?.drops() ?? new Map();
  }

  /** Everything goes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.devices.off('link', this.#onLink);
    for (const module of this.#modules.values()) module.builtin?.close?.();
    for (const node of [...this.#interfaces.values()]) this.#forgetInterface(node);
    await this.#starting?.catch(() => undefined);
    await this.#engine?.close();
  }

  /** A client that is gone would not know of what it gets. @throws HoverError */
  #checkWanted(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) throw new HoverError('The client is gone');
    if (this.#closed) throw new HoverError('The agent is stopping');
  }

  /** @throws HoverError when the agent ends; what opening it throws */
  async #startedEngine(): Promise<HoverEngine> {
    if (this.#closed) throw new HoverError('The agent is stopping');
    this.#starting ??= this.#options.engine();
    try {
      const engine = await this.#starting;
      if (this.#engine === undefined) engine.on('packetIn', (packet) => this.#packetIn(packet));
      this.#engine = engine;
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
    if (this.#closed) throw new HoverError('The agent is stopping');
    return this.#engine;
  }

  #packetIn(packet: PacketIn): void {
    const module = this.#modules.get(packet.module);
    // It waited while its module was removed.
    if (module === undefined) return;
    try {
      if (module.builtin?.packetIn?.(packet) === true) return;
    } catch (error) {
      this.#options.log.warn({ module: module.path, error: String(error) }, 'a packet of a module');
      return;
    }
    this.emit('packetIn', packet);
  }

  /** @throws HoverError in Hover's words */
  #nodeFor(path: string, made: InterfaceNode[]): ModuleNode | InterfaceNode {
    const colon = path.indexOf(':');
    if (colon < 0) throw new HoverError(`Malformed node path "${path}"`);
    const prefix = path.slice(0, colon);
    if (prefix === 'm' || prefix === 'modules') {
      const module = this.module(path);
      if (module === undefined) throw new HoverError(`Module "${path}" not found`);
      return module;
    }
    if (prefix !== 'i' && prefix !== 'external_interfaces')
      throw new HoverError(`Unknown node path prefix "${prefix}"`);
    return this.#interfaceFor(path.slice(colon + 1), made);
  }

  #interfaceFor(name: string, made: InterfaceNode[]): InterfaceNode {
    const device = this.#options.devices.findLink(name);
    if (device === undefined) throw new HoverError('Link not found');
    if (device.kind === 'bridge' || HIDDEN.has(name)) throw new HoverError(`No interface ${name} found`);
    if (device.ifindex === LOOPBACK)
      throw new HoverError(
        `Interface "i:${name}" is the host's loopback, by which this API itself is reached`,
      );
    const reason = this.#options.reserved(device);
    if (reason !== undefined) throw new HoverError(`Interface "i:${name}" ${reason}`);
    const known = this.#interfaces.get(device.ifindex);
    if (known !== undefined) return known;
    if (device.master !== undefined && this.#bridges.has(device.master))
      throw new HoverError(`Invalid # edges for node i:${name}, must be 2, got 4`);
    const node = new InterfaceNode(this.#numbers.take(), device.ifindex, name);
    this.#interfaces.set(device.ifindex, node);
    made.push(node);
    return node;
  }

  #forgetInterface(node: InterfaceNode): void {
    if (node.madePromiscuous && this.#options.devices.links.has(node.ifindex))
      this.#setPromiscuous(node, false);
    this.#interfaces.delete(node.ifindex);
    this.#numbers.release(node.number);
  }

  #removeLink(link: Link): void {
    this.#links.delete(link.id);
    const ends = [link.from, link.to];
    for (const end of ends) disconnect(end);
    this.#wiring.forget(
      ends.map(slotOf).sort((a, b) => (a.kind === 'port' ? 1 : 0) - (b.kind === 'port' ? 1 : 0)),
    );
    for (const { node, port } of ends) {
      if (node.kind === 'module') node.ports.release(port);
      else this.#forgetInterface(node);
    }
    for (const { node } of ends) this.#portsChanged(node);
    const devices = ends.flatMap(({ node }) => (node.kind === 'interface' ? [node.ifindex] : []));
    // It may have been put into a bridge meanwhile, where policies hold.
    this.#rewireBridges(devices);
  }

  /** A built-in module looks up the names of its ports again. */
  #portsChanged(node: ModuleNode | InterfaceNode): void {
    if (node.kind !== 'module' || node.builtin === undefined || !this.#modules.has(node.number)) return;
    try {
      node.builtin.configure(node.config, this.#peersOf(node));
    } catch (error) {
      this.#options.log.warn({ module: node.path, error: String(error) }, 'a module after its links changed');
    }
  }

  #peersOf(module: ModuleNode): PortPeer[] {
    return [...module.links].map(([port, link]) => {
      const { node } = otherEnd(link, link.from.node === module ? link.from : link.to);
      return { port, path: node.path, name: node.kind === 'module' ? node.displayName : node.name };
    });
  }

  #neighbours(node: ModuleNode | InterfaceNode): End[] {
    const links =
      node.kind === 'module' ? [...node.links.values()] : node.link === undefined ? [] : [node.link];
    return links.map((link) => (link.from.node === node ? link.to : link.from));
  }

  /** Both directions of each link. @throws HoverError when a way is too long */
  #wishesOf(links: Iterable<Link>): Wish[] {
    return [...links].flatMap(({ from, to }): Wish[] => {
      const [a, b] = [this.#grouped(from.node.path), this.#grouped(to.node.path)];
      return [
        [slotOf(from), [...policyHops(a, b), arrival(to)]],
        [slotOf(to), [...policyHops(b, a), arrival(from)]],
      ];
    });
  }

  #grouped(path: string): Grouped {
    return groupsOf(path, this.#policies);
  }

  /** A policy came to guard other nodes: those it guarded and those it guards. @throws HoverError, after which nothing changed */
  #rewirePolicy(tags: readonly string[] | null): void {
    this.#wiring.apply(this.#wishesAt(new Set(tags)));
  }

  /** As `rewirePolicy` when a policy goes, which nothing can prevent: what cannot be led past it goes nowhere. */
  #withoutPolicy(tags: readonly string[] | null): void {
    const paths = new Set(tags);
    for (const wish of this.#wishesOf(this.#linksAt(paths))) {
      try {
        this.#wiring.apply([wish]);
      } catch {
        this.#wiring.forget([wish[0]]);
      }
    }
    this.#rewireBridges(this.#portsAt(paths).map(({ ifindex }) => ifindex));
  }

  #wishesAt(paths: ReadonlySet<string>): Wish[] {
    const ports = this.#portsAt(paths).flatMap((device) => this.#bridgePortWishes(device));
    return [...this.#wishesOf(this.#linksAt(paths)), ...ports];
  }

  #linksAt(paths: ReadonlySet<string>): Link[] {
    return [...this.#links.values()].filter(
      ({ from, to }) => paths.has(from.node.path) || paths.has(to.node.path),
    );
  }

  /** Ports of bridges that are named themselves, or by their bridge. */
  #portsAt(paths: ReadonlySet<string>): Device[] {
    if (this.#bridges.size === 0) return [];
    return [...this.#options.devices.links.values()].filter(({ name, master }) => {
      const bridge = master === undefined ? undefined : this.#bridges.get(master);
      return bridge !== undefined && (paths.has(`i:${name}`) || paths.has(bridgePath(bridge)));
    });
  }

  /**
   * What policies do between a port and its bridge; nothing at a port that is linked or in no bridge.
   * @throws HoverError when they would touch a device that is not free
   */
  #bridgePortWishes(device: Device): Wish[] {
    if (this.#interfaces.has(device.ifindex)) return [];
    const bridge = device.master === undefined ? undefined : this.#bridges.get(device.master);
    const port = this.#grouped(`i:${device.name}`);
    const inside = bridge === undefined ? port : this.#grouped(bridgePath(bridge));
    const [inward, outward] = [policyHops(port, inside), policyHops(inside, port)];
    const reason = inward.length + outward.length > 0 ? this.#options.reserved(device) : undefined;
    if (reason !== undefined) throw new HoverError(`Interface "i:${device.name}" ${reason}`);
    const stack = { kind: 'stack' } as const;
    const { ifindex } = device;
    return [
      [{ kind: 'ingress', ifindex }, inward.length === 0 ? [] : [...inward, stack]],
      [{ kind: 'egress', ifindex }, outward.length === 0 ? [] : [...outward, stack]],
    ];
  }

  /** After devices changed by themselves: nobody asked, so nobody hears of what cannot be, but the log. */
  #rewireBridges(ifindexes: Iterable<number> = this.#options.devices.links.keys()): void {
    for (const ifindex of ifindexes) {
      const device = this.#options.devices.links.get(ifindex);
      if (device === undefined) continue;
      try {
        this.#wiring.apply(this.#bridgePortWishes(device));
      } catch (error) {
        this.#options.log.warn({ device: device.name, error: String(error) }, 'a policy is not applied');
        this.#wiring.forget([
          { kind: 'ingress', ifindex },
          { kind: 'egress', ifindex },
        ]);
      }
    }
  }

  #findBridge(device: Device): void {
    if (device.kind !== 'bridge') return;
    const known = this.#bridges.get(device.ifindex);
    const number = known?.number ?? this.#numbers.take();
    this.#bridges.set(device.ifindex, { kind: 'bridge', number, ifindex: device.ifindex, name: device.name });
  }

  #deviceChanged({ kind, link: device, old }: LinkEvent): void {
    if (kind === 'removed') {
      this.#deviceRemoved(device);
      return;
    }
    this.#findBridge(device);
    const renamed = old !== undefined && old.name !== device.name;
    const node = this.#interfaces.get(device.ifindex);
    if (renamed && node !== undefined) node.name = device.name;
    if (renamed || old?.master !== device.master) this.#rewireBridges([device.ifindex]);
    if (renamed && device.kind === 'bridge') this.#rewireBridges();
    if (renamed && node?.link !== undefined) this.#rewire(node, node.link);
  }

  /** Policies name the interface, or do not any more. */
  #rewire(node: InterfaceNode, link: Link): void {
    try {
      this.#wiring.apply(this.#wishesOf([link]));
      for (const { node: neighbour } of this.#neighbours(node)) this.#portsChanged(neighbour);
    } catch (error) {
      this.#options.log.warn({ interface: node.name, error: String(error) }, 'a link is cut');
      this.#removeLink(link);
    }
  }

  #deviceRemoved(device: Device): void {
    const { ifindex } = device;
    const bridge = this.#bridges.get(ifindex);
    this.#bridges.delete(ifindex);
    if (bridge !== undefined) {
      this.#numbers.release(bridge.number);
      this.#rewireBridges();
    }
    const link = this.#interfaces.get(ifindex)?.link;
    if (link !== undefined) this.#removeLink(link);
    this.#wiring.forget([
      { kind: 'ingress', ifindex },
      { kind: 'egress', ifindex },
    ]);
  }
}

function slotOf({ node, port }: End): Slot {
  return node.kind === 'module'
    ? { kind: 'port', module: node.number, port }
    : { kind: 'ingress', ifindex: node.ifindex };
}

/** @throws HoverError */
function takePort(node: ModuleNode | InterfaceNode, taken: End[]): End {
  if (node.kind === 'interface' && node.link !== undefined)
    throw new HoverError(`Interface "${node.path}" is linked already`);
  const end = { node, port: node.kind === 'module' ? node.ports.take() : 1 };
  taken.push(end);
  return end;
}

function connect({ node, port }: End, link: Link): void {
  if (node.kind === 'module') node.links.set(port, link);
  else node.link = link;
}

function disconnect({ node, port }: End): void {
  if (node.kind === 'module') node.links.delete(port);
  else node.link = undefined;
}

/** Of a built-in type; undefined for `bpf`. @throws HoverError for a type that nobody knows */
function builtinOf(type: string, builtins: BuiltinRegistry) {
  const [family] = type.split('/');
  const builtin = builtins.get(type);
  if (family !== 'bpf' && builtin === undefined) throw new HoverError(`unknown ModuleType ${type}`);
  return family === 'bpf' ? undefined : builtin;
}

/** `bpf/` without anything behind it is `bpf`, as in Hover. */
function shownType(type: string): string {
  return type === 'bpf/' ? 'bpf' : type;
}

/** The key is `code` in any case, as in Hover. @throws HoverError */
function codeOf(config: JsonObject | undefined): string {
  let code: Json = '';
  for (const [key, value] of Object.entries(config ?? {})) if (key.toLowerCase() === 'code') code = value;
  if (typeof code !== 'string') throw new HoverError('Expected code argument to be a string');
  return code;
}
