import { type BpfMap, BpfObject, type SkBuffFields } from '@iovisor-ovn/libbpf';
import type { BuiltinModule, JsonObject, ModuleControl, PortPeer } from '../builtin/module.js';
import { hover_drop, hover_edgeCodec, type hover_packet, hover_packetCodec } from '../gen/hover.js';
import { number32 } from './key.js';

/** The maps of include/iov/hover.h that an object of one's own has. */
const CHAIN_MAPS = /^hover_/;
const MODULE = 1;
const PORTS = 128;
const BROADCAST = 0xffff;
/** enum hover_end. */
const [END_INTERFACE, END_STACK] = [1, 2];
const [TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT] = [-1, 2, 7];
/** Interfaces that the ports lead to and that nobody has: a redirect is not carried out in a test run. */
const NO_DEVICE = 1_000_000;

/** What a module did with a packet. */
export type ModuleVerdict = {
  /** The packet afterwards. */
  data: Buffer;
} & (
  | { action: 'forward'; port: number }
  | { action: 'flood' }
  /** iov_to_controller(). `taken`: the module's own user space part has it. */
  | { action: 'controller'; reason: number; metadata: number[]; taken: boolean }
  /** iov_pass(), as policies do. */
  | { action: 'pass' }
  /** Name in enum hover_drop, without HOVER_DROP_. */
  | { action: 'drop'; reason: string }
);

export interface SentPacket {
  sense: 'ingress' | 'egress';
  port: number;
  data: Buffer;
}

/**
 * One module of one's own, loaded into the kernel, and frames run through it (BPF_PROG_TEST_RUN). All its ports lead somewhere
 * until {@link ModuleLab.unlink} says otherwise; they are called p1, p2 … in configurations.
 */
export class ModuleLab {
  readonly #object: BpfObject;
  readonly #control: ModuleControl | undefined;
  readonly #ports = new Map<number, PortPeer>();
  #config: JsonObject;
  /** What the user space part sent, oldest first. */
  readonly sent: SentPacket[] = [];
  readonly logged: string[] = [];

  /** One that is closed when the test is over; see the constructor. */
  static open(
    test: { teardown(close: () => void): void },
    ...of: ConstructorParameters<typeof ModuleLab>
  ): ModuleLab {
    const lab = new ModuleLab(...of);
    test.teardown(() => lab.close());
    return lab;
  }

  /** @param module or the path of an object without a user space part. @throws VerifierError, ConfigError */
  constructor(module: BuiltinModule | string, config: JsonObject = {}, ports = 4) {
    this.#config = config;
    this.#object = BpfObject.open(typeof module === 'string' ? module : module.object);
    this.#object.load();
    for (let port = 1; port <= ports; port++) this.link(port);
    if (typeof module === 'string') return;
    this.#control = module.start({
      map: (name) => this.map(name),
      packetOut: (sense, port, data) => this.sent.push({ sense, port, data }),
      log: (text) => this.logged.push(text),
    });
    this.#control.configure(config, [...this.#ports.values()]);
  }

  /** Of the module, by C name. */
  map(name: string): BpfMap {
    const map = this.#object.maps.get(name);
    if (map === undefined) throw new Error(`the module has no map ${name}`);
    return map;
  }

  /** The maps that are the module's own: Hover's tables. */
  get tables(): string[] {
    return [...this.#object.maps.keys()].filter((name) => !CHAIN_MAPS.test(name));
  }

  /** @throws ConfigError */
  configure(config: JsonObject): void {
    this.#control?.configure(config, [...this.#ports.values()]);
    this.#config = config;
  }

  /** @param ifindex of a real device, to see copies there */
  link(port: number, name = `p${port}`, ifindex = NO_DEVICE + port): void {
    const edge = { hops: [0, 0, 0, 0], end: END_INTERFACE, ifindex };
    this.map('hover_edges').update(number32(port), hover_edgeCodec.encode(edge));
    this.map('hover_ports').update(number32(MODULE * PORTS + port), number32(port));
    this.#ports.set(port, { port, name });
    this.#control?.configure(this.#config, [...this.#ports.values()]);
  }

  unlink(port: number): void {
    this.map('hover_ports').update(number32(MODULE * PORTS + port), number32(0));
    this.#ports.delete(port);
    this.#control?.configure(this.#config, [...this.#ports.values()]);
  }

  /**
   * A frame comes in by a port.
   * @throws Error when it was dropped without being counted, or counted and not dropped
   */
  run(frame: Buffer, port: number, ctx: Partial<SkBuffFields> = {}): ModuleVerdict {
    const fresh: hover_packet = {
      ...hover_packetCodec.decode(Buffer.alloc(hover_packetCodec.size)),
      module: MODULE,
      port,
      depth: 1,
      end: END_STACK,
    };
    const scratch = this.map('hover_scratch');
    scratch.update(number32(0), hover_packetCodec.encode(fresh));
    const before = this.#drops();
    const { retval, data } = this.#object.program('iov_module').testRun({ data: frame, ctx });
    const counted = this.#drops().flatMap((count, reason) => (count > before[reason]! ? [reason] : []));
    const untouched = hover_packetCodec.encode(fresh);
    const cpus = scratch.lookupPerCpu(number32(0)) ?? [];
    const used = cpus.find((cpu) => !cpu.subarray(0, untouched.length).equals(untouched)) ?? untouched;
    const after = hover_packetCodec.decode(used);
    if (retval === TC_ACT_UNSPEC && counted.length === 0) return { action: 'pass', data };
    if (retval === TC_ACT_REDIRECT && counted.every((reason) => reason === hover_drop.HOVER_DROP_COPY))
      return { action: 'forward', port: this.#portOf(after.ifindex), data };
    if (retval !== TC_ACT_SHOT || counted.length === 0)
      throw new Error(`verdict ${retval}, counted as ${counted.map(nameOf).join() || 'nothing'}`);
    // There is no controller's program here.
    if (counted[0] === hover_drop.HOVER_DROP_NO_MODULE && after.reason === BROADCAST)
      return { action: 'flood', data };
    if (counted[0] === hover_drop.HOVER_DROP_NO_MODULE) return this.#tell(port, after, data);
    return { action: 'drop', reason: nameOf(counted[0]!), data };
  }

  #tell(port: number, { reason, metadata }: hover_packet, data: Buffer): ModuleVerdict {
    const [a = 0, b = 0, c = 0] = metadata;
    const packet = { port, length: data.length, reason, metadata: [a, b, c] as const, data };
    const taken = this.#control?.packetIn?.(packet) ?? false;
    return { action: 'controller', reason, metadata, taken, data };
  }

  #portOf(ifindex: number): number {
    if (ifindex > NO_DEVICE) return ifindex - NO_DEVICE;
    const edges = this.map('hover_edges');
    for (const port of this.#ports.keys())
      if (hover_edgeCodec.decode(edges.lookup(number32(port))!).ifindex === ifindex) return port;
    throw new Error(`redirected to interface ${ifindex}, which no port leads to`);
  }

  #drops(): bigint[] {
    return Array.from({ length: hover_drop.HOVER_DROP_REASONS }, (_, reason) =>
      (this.map('hover_drops').lookupPerCpu(number32(reason)) ?? []).reduce(
        (sum, cpu) => sum + cpu.readBigUInt64LE(),
        0n,
      ),
    );
  }

  close(): void {
    this.#control?.close?.();
    this.#object.close();
  }
}

function nameOf(reason: number): string {
  const [name] = Object.entries(hover_drop).find(([, value]) => value === reason) ?? [String(reason)];
  return name.replace('HOVER_DROP_', '');
}
