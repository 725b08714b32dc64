import { netmask } from '../builtin/config.js';
import {
  defineBuiltin,
  type JsonObject,
  type ModuleControl,
  type ModuleHost,
  type ModulePacket,
  type PortPeer,
} from '../builtin/module.js';
import { number32 } from '../builtin/number32.js';
import { replaceEntries } from '../builtin/replace.js';
import {
  router_interfaceCodec,
  router_macCodec,
  router_prefixCodec,
  router_reason,
  router_routeCodec,
} from '../gen/router.js';
import { type RouterConfig, type RouterInterface, readRouterConfig } from './config.js';
import { arpRequest, completeChecksum, icmpError } from './frames.js';
import { Resolution } from './resolution.js';

/** ICMP type and code. */
const TIME_EXCEEDED = [11, 0] as const;
const NET_UNREACHABLE = [3, 0] as const;
const HOST_UNREACHABLE = [3, 1] as const;
const ERRORS_A_SECOND = 100;

/** Routes IPv4 between its ports. */
export const router = defineBuiltin(
  'router',
  ['router'],
  'IPv4 between its ports: longest prefix, ARP, ICMP',
  (host) => new Router(host),
);

class Router implements ModuleControl {
  readonly #host: ModuleHost;
  /** By port. */
  #interfaces = new Map<number, RouterInterface>();
  /** What makes neighbours void when it changes, by port. */
  readonly #identities = new Map<number, { text: string; generation: number }>();
  readonly #resolution: Resolution;
  #second = 0;
  #errors = 0;

  constructor(host: ModuleHost) {
    this.#host = host;
    this.#resolution = new Resolution({
      ask: (ip, port) => this.#ask(ip, port),
      // From the beginning, as if they came in now: the program does with them what it does with all.
      resolved: (packets) => {
        for (const { port, data } of packets) {
          completeChecksum(data);
          host.packetOut('ingress', port, data);
        }
      },
      failed: (packets) => {
        for (const packet of packets) this.#error(packet, HOST_UNREACHABLE);
      },
    });
  }

  configure(config: JsonObject, ports: readonly PortPeer[]): void {
    const wanted = readRouterConfig(config);
    const numbers = new Map(ports.map(({ name, port }) => [name, port]));
    this.#writeInterfaces(wanted, numbers);
    const own = [...this.#interfaces].map(([port, { ip }]) => [number32be(ip), number32(port)] as const);
    replaceEntries(this.#host.map('own'), own);
    replaceEntries(this.#host.map('routes'), routeRows(wanted, numbers));
    const fixed = wanted.neighbours.map(
      ({ ip, mac }) => [number32be(ip), router_macCodec.encode({ mac })] as const,
    );
    replaceEntries(this.#host.map('fixed'), fixed);
  }

  #writeInterfaces({ interfaces }: RouterConfig, numbers: ReadonlyMap<string, number>): void {
    const now = new Map<number, RouterInterface>();
    for (const wanted of interfaces) {
      const port = numbers.get(wanted.name);
      if (port !== undefined) now.set(port, wanted);
    }
    for (const port of new Set([...now.keys(), ...this.#interfaces.keys()])) {
      const up = now.get(port);
      const text = up === undefined ? '' : `${up.name} ${up.ip}/${up.prefix} ${up.mac.toString('hex')}`;
      const before = this.#identities.get(port);
      if (before?.text === text) continue;
      const generation = (before?.generation ?? 0) + 1;
      this.#identities.set(port, { text, generation });
      const row = router_interfaceCodec.encode({
        ip: up?.ip ?? 0,
        mask: netmask(up?.prefix ?? 0),
        mac: up?.mac ?? Buffer.alloc(6),
        up: up === undefined ? 0 : 1,
        generation,
        unused: 0,
      });
      this.#host.map('interfaces').update(number32(port), row);
    }
    this.#interfaces = now;
  }

  packetIn(packet: ModulePacket): boolean {
    const [ip, port] = packet.metadata;
    if (packet.reason === router_reason.ROUTER_RESOLVED) this.#resolution.resolved(ip, packet.port);
    else if (packet.reason === router_reason.ROUTER_UNRESOLVED) this.#resolution.add(ip, port, packet);
    else if (packet.reason === router_reason.ROUTER_TTL) this.#error(packet, TIME_EXCEEDED);
    else if (packet.reason === router_reason.ROUTER_NO_ROUTE) this.#error(packet, NET_UNREACHABLE);
    else return false;
    return true;
  }

  #ask(ip: number, port: number): void {
    const from = this.#interfaces.get(port);
    if (from !== undefined) this.#host.packetOut('egress', port, arpRequest(from, ip));
  }

  #error({ port, data }: ModulePacket, [type, code]: readonly [number, number]): void {
    const from = this.#interfaces.get(port);
    const error = from === undefined ? undefined : icmpError(data, type, code, from);
    if (error !== undefined && this.#mayComplain()) this.#host.packetOut('egress', port, error);
  }

  #mayComplain(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#errors = 0;
    this.#second = second;
    return this.#errors++ < ERRORS_A_SECOND;
  }

  close(): void {
    this.#resolution.close();
  }
}

/** Through ports that nothing is linked to there are none. */
function routeRows({ routes }: RouterConfig, numbers: ReadonlyMap<string, number>): [Buffer, Buffer][] {
  return routes.flatMap(({ network, prefix, interface: name, nextHop }): [Buffer, Buffer][] => {
    const port = numbers.get(name);
    if (port === undefined) return [];
    const key = router_prefixCodec.encode({ length: prefix, network });
    return [[key, router_routeCodec.encode({ port, next_hop: nextHop })]];
  });
}

function number32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
