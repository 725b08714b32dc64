import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { type BpfObject, RingBuffer } from '@iovisor-ovn/libbpf';
import type { Damages } from '../../datapath/audit/damages.js';
import type { LinkEvent, Log, Netlink } from '../../netlink/index.js';
import { Compiler, type CompilerOptions } from '../compile/compiler.js';
import { ForwardChainTable, ModulesTable } from '../tables/chainTables.js';
import { AttachmentGuard } from './attachmentGuard.js';
import { checkModule, checkPort, Edges, u32 } from './edges.js';
import {
  type CompiledModule,
  CompileError,
  type Hop,
  type HoverEngine,
  LoadError,
  type ModuleInstance,
  type PacketIn,
  type PacketOut,
} from './hoverEngine.js';
import type { InterfaceHook } from './interfaceHook.js';
import { Interfaces } from './interfaces.js';
import { InternalDevice } from './internalDevice.js';
import { KernelSide } from './kernelSide.js';
import { removeLeftovers } from './leftovers.js';
import { LoadedModule } from './loadedModule.js';
import { asLoadError, type Declared, declaredMaps, guarded, openModule, programOf } from './moduleObject.js';
import { decodePacketIn, packetOutMark } from './packetIn.js';
import { PacketSocket } from './packetSocket.js';
import { Ports } from './ports.js';
import { Promiscuity } from './promiscuity.js';
import { PublicTables } from './publicTables.js';

/** Destination, source and type. */
const ETHERNET_HEADER = 14;

export interface KernelHoverEngineOptions {
  netlink: Netlink;
  hook: InterfaceHook;
  /** Where maps and links are pinned. */
  dir: string;
  compiler: CompilerOptions;
  /** Are told what others took off interfaces. */
  damages: Damages;
  /** See AttachmentGuard. */
  beatMs?: number;
  log: Log;
}

/** What is open while a module is being loaded. */
interface Opened {
  readonly object: BpfObject;
  readonly declared: Declared;
}

/** User modules in the kernel. */
export class KernelHoverEngine extends EventEmitter<{ packetIn: [PacketIn] }> implements HoverEngine {
  readonly #netlink: Netlink;
  readonly #dir: string;
  readonly #hook: InterfaceHook;
  readonly #device: InternalDevice;
  readonly #kernel: KernelSide;
  readonly #compiler: Compiler;
  readonly #objects = new WeakMap<CompiledModule, string>();
  readonly #ports: Ports;
  readonly #interfaces: Interfaces;
  readonly #promiscuity: Promiscuity;
  readonly #guard: AttachmentGuard;
  readonly #socket = new PacketSocket();
  readonly #ring: RingBuffer;
  readonly #publicTables = new PublicTables();
  /** Numbers of modules that are loaded, or being loaded. */
  readonly #modules = new Map<number, LoadedModule | undefined>();
  /** Ids of the modules' programs, by number. */
  readonly #programIds = new Map<number, number>();
  #closing: Promise<void> | undefined;

  private constructor(options: KernelHoverEngineOptions, device: InternalDevice, kernel: KernelSide) {
    super();
    this.#netlink = options.netlink;
    this.#dir = options.dir;
    this.#hook = options.hook;
    this.#device = device;
    this.#kernel = kernel;
    this.#compiler = new Compiler(options.compiler);
    const edges = new Edges(kernel.map('hover_edges'));
    this.#ports = new Ports(
      { ports: kernel.map('hover_ports'), lastPort: kernel.map('hover_last_port') },
      edges,
    );
    this.#interfaces = new Interfaces(kernel.map('hover_interfaces'), edges, options.hook, {
      ingress: kernel.object.program('hover_ingress'),
      egress: kernel.object.program('hover_egress'),
    });
    this.#promiscuity = new Promiscuity(options.dir, options.netlink.writer);
    device.follow((pair) => {
      options.hook.attach(pair.in, 'ingress', kernel.object.program('hover_internal'));
      kernel.use(pair);
      this.#socket.use(pair.out);
    });
    const internal = kernel.object.program('hover_internal');
    const { netlink, hook, damages, beatMs } = options;
    this.#guard = new AttachmentGuard({
      netlink,
      hook,
      damages,
      beatMs,
      wanted: (ifindex) => {
        const { in: own } = device.pair;
        const pair = { ifindex: own, direction: 'ingress', program: internal } as const;
        const isAsked = (ifindex ?? own) === own && device.problem === undefined;
        return [...this.#interfaces.attached(ifindex), ...(isAsked ? [pair] : [])];
      },
    });
    this.#ring = new RingBuffer(kernel.map('hover_packets_in'), (record) => {
      this.emit('packetIn', decodePacketIn(record));
    });
    this.#netlink.on('link', this.#onLink);
  }

  /** Begins with nothing: what an engine that was killed has left is removed first. */
  static async open(options: KernelHoverEngineOptions): Promise<KernelHoverEngine> {
    const { netlink, dir } = options;
    const leftovers = () =>
      removeLeftovers(dir, { links: [...netlink.links.values()], writer: netlink.writer });
    leftovers();
    const device = await InternalDevice.make(netlink, options.log);
    let kernel: KernelSide | undefined;
    try {
      kernel = await KernelSide.load(dir);
      return new KernelHoverEngine(options, device, kernel);
    } catch (error) {
      await device.close();
      leftovers();
      kernel?.object.close();
      throw error;
    }
  }

  readonly #onLink = ({ kind, link }: LinkEvent): void => {
    if (kind !== 'removed') return;
    this.#interfaces.forget(link.ifindex);
    this.#promiscuity.forget(link.ifindex);
  };

  async compile(source: string): Promise<CompiledModule> {
    const { digest, path } = await this.#compiler.compile(source);
    const compiled: CompiledModule = { digest };
    this.#objects.set(compiled, path);
    return compiled;
  }

  open(path: string): CompiledModule {
    let object: Buffer;
    try {
      object = readFileSync(path);
    } catch (error) {
      throw new CompileError(`the module is not built: ${(error as Error).message}`, { cause: error });
    }
    const compiled: CompiledModule = { digest: createHash('sha256').update(object).digest('hex') };
    this.#objects.set(compiled, path);
    return compiled;
  }

  load(number: number, compiled: CompiledModule): ModuleInstance {
    const opened = this.#open(number, compiled);
    try {
      guarded(() => opened.object.load());
      return this.#add(number, opened);
    } catch (error) {
      this.#abandon(number, opened);
      throw error;
    }
  }

  async loadAsync(number: number, compiled: CompiledModule): Promise<ModuleInstance> {
    const opened = this.#open(number, compiled);
    try {
      await opened.object.loadAsync();
      if (this.#closing !== undefined) throw new LoadError('the agent is ending');
      return this.#add(number, opened);
    } catch (error) {
      this.#abandon(number, opened);
      throw asLoadError(error);
    }
  }

  #open(number: number, compiled: CompiledModule): Opened {
    checkModule(number);
    const path = this.#objects.get(compiled);
    if (path === undefined) throw new LoadError('this was not compiled here');
    if (this.#modules.has(number)) throw new LoadError(`module ${number} is loaded already`);
    return guarded(() => {
      const declared = declaredMaps(path);
      this.#publicTables.checkFree(declared.tables);
      const glue = declared.glue.map((name) => [name, this.#kernel.object.map(name)] as const);
      const object = openModule(path, {
        ...Object.fromEntries(glue),
        ...this.#publicTables.mapsFor(declared.tables),
      });
      this.#modules.set(number, undefined);
      return { object, declared };
    });
  }

  #abandon(number: number, { object }: Opened): void {
    this.#modules.delete(number);
    object.close();
  }

  #add(number: number, { object, declared: { tables } }: Opened): LoadedModule {
    // Another one may have been loaded meanwhile.
    this.#publicTables.checkFree(tables);
    const program = programOf(object);
    const shown = [
      new ModulesTable(this.#kernel.map('hover_modules'), this.#programIds),
      new ForwardChainTable(this.#kernel.map('hover_ports'), (port) => this.#ports.hopsOf(number, port)),
    ];
    const module = new LoadedModule(number, object, tables, shown, () => this.#takeOut(number));
    this.#kernel.map('hover_modules').updateFd(u32(number), program);
    this.#publicTables.add(number, tables, ({ map }) => object.map(map));
    this.#programIds.set(number, program.id);
    this.#modules.set(number, module);
    return module;
  }

  #takeOut(number: number): void {
    this.#kernel.map('hover_modules').delete(u32(number));
    this.#programIds.delete(number);
    this.#publicTables.remove(number);
    this.#ports.clear(number);
    this.#modules.delete(number);
  }

  setPort(module: number, port: number, hops: readonly Hop[]): void {
    this.#ports.set(module, port, hops);
  }

  setInterface(ifindex: number, hops: readonly Hop[]): void {
    this.#interfaces.set(ifindex, 'ingress', hops);
  }

  setEgress(ifindex: number, hops: readonly Hop[]): void {
    this.#interfaces.set(ifindex, 'egress', hops);
  }

  setPromiscuous(ifindex: number, on: boolean): void {
    this.#promiscuity.set(ifindex, on);
  }

  get problem(): string | undefined {
    return this.#device.problem;
  }

  /** @throws RangeError for what is no packet, or no port */
  packetOut({ module, port, sense, data }: PacketOut): void {
    checkPort(module, port);
    if (data.length < ETHERNET_HEADER)
      throw new RangeError(`a packet of ${data.length} bytes has no Ethernet header`);
    this.#socket.send(data, packetOutMark(module, port, sense));
  }

  drops(): Map<string, bigint> {
    return this.#kernel.drops();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#netlink.off('link', this.#onLink);
    this.#guard.close();
    this.#ring.close();
    this.#socket.close();
    this.#interfaces.close();
    for (const module of this.#modules.values()) module?.close();
    await this.#device.close();
    this.#hook.detach(this.#device.pair.in, 'ingress');
    removeLeftovers(this.#dir, { links: [], writer: this.#netlink.writer });
    this.#netlink.writer.remove(this.#device.pair.out);
    this.#kernel.object.close();
    this.#compiler.close();
    await this.#netlink.writer.removed;
  }
}
