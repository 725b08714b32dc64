import { type Resource, ResourceType } from '@iovisor-ovn/proto';
import {
  IFINDEX_TRUNK,
  iov_destCodec,
  iov_fdb_keyCodec,
  iov_group_keyCodec,
  iov_groupCodec,
  iov_ifindexCodec,
  iov_portCodec,
  iov_tunnel_keyCodec,
  iov_vlan_keyCodec,
} from '../abi.js';
import { Claims } from '../claims.js';
import type { Tap } from '../compile/port.js';
import type { TunnelPath } from '../compile/tunnelFacts.js';
import type { Underlay } from '../compiler/chassisTunnels.js';
import { Compiler } from '../compiler.js';
import { type ConfigMap, keyBuffer, keyText, u32 } from '../entry.js';
import { Instances, type Limits } from '../instances.js';

/** The way to every other chassis. */
export const PATH: TunnelPath = {
  mtu: 1500,
  ways: [
    {
      ifindex: 2,
      weight: 1,
      sourceMac: Buffer.from('0a0000000101', 'hex'),
      nextHopMac: Buffer.from('0a0000000102', 'hex'),
    },
  ],
};
const LIMITS: Limits = { datapaths: 64, ports: 1024, tunnels: 64 };

/** A compiler with its claims and no kernel; what is claimed counts as written after settle(). */
export class Bench {
  readonly claims = new Claims();
  /** The kernel's routing: to be set before compile(). */
  underlay: Underlay = { pathOf: () => PATH, sourceTo: () => undefined };
  readonly compiler: Compiler;
  readonly #instances: Instances;
  readonly #limits: Limits;
  readonly #taps = new Map<string, Tap>();
  readonly #networks = new Map<string, Tap>();
  readonly #resources = new Map<string, Resource>();

  constructor(limits: Partial<Limits> = {}, instances?: Instances, wires?: ReadonlyMap<string, unknown>) {
    this.#limits = { ...LIMITS, ...limits };
    this.#instances = instances ?? new Instances(this.#limits);
    const isWireThere = (name: string) => wires?.has(name) === true;
    const underlay: Underlay = {
      pathOf: (tunnel) => this.underlay.pathOf(tunnel),
      sourceTo: (ip) => this.underlay.sourceTo(ip),
    };
    this.compiler = new Compiler(this.claims, this.#instances, underlay, isWireThere);
  }

  put(...resources: Resource[]): void {
    for (const resource of resources) {
      this.#resources.set(`${resource.body?.$case}:${resource.id}`, resource);
      this.compiler.put(resource);
    }
  }

  remove(type: ResourceType, id: string): void {
    const kind = {
      [ResourceType.RESOURCE_TYPE_UNSPECIFIED]: '',
      [ResourceType.LOGICAL_SWITCH]: 'logicalSwitch',
      [ResourceType.LOGICAL_PORT]: 'logicalPort',
      [ResourceType.REMOTE_CHASSIS]: 'remoteChassis',
      [ResourceType.LEARNED_MAC]: 'learnedMac',
    }[type];
    this.#resources.delete(`${kind}:${id}`);
    this.compiler.remove({ type, id });
  }

  plug(name: string, tap: Tap | undefined): void {
    if (tap === undefined) this.#taps.delete(name);
    else this.#taps.set(name, tap);
    this.compiler.setTap(name, tap);
  }

  /** The device of a physical network. */
  wire(network: string, ifindex: number | undefined): void {
    const device = ifindex === undefined ? undefined : { ifindex, peer: false };
    if (device === undefined) this.#networks.delete(network);
    else this.#networks.set(network, device);
    this.compiler.setNetwork(network, device);
  }

  compile(): void {
    for (const _ of this.compiler.compile());
  }

  /** As the datapath does: compile, write, give numbers back, try again what was refused. */
  settle(): void {
    do {
      this.compile();
      for (const numbers of this.#instances.all) numbers.settle();
    } while (this.compiler.retryRefused());
  }

  /** What a new agent process makes of the same resources and the maps as they are. */
  restarted(): Bench {
    const instances = new Instances(this.#limits);
    instances.recover((map) => this.contents(map));
    const fresh = new Bench(this.#limits, instances, this.compiler.furtherWires);
    fresh.compiler.setLocalEncaps(
      ['vxlan', 'geneve'].map((type) => ({ type, ip: '192.0.2.1', csum: false })),
    );
    for (const [name, tap] of this.#taps) fresh.plug(name, tap);
    for (const [name, { ifindex }] of this.#networks) fresh.wire(name, ifindex);
    fresh.put(...this.#resources.values());
    fresh.compile();
    instances.releaseUnclaimed();
    fresh.settle();
    return fresh;
  }

  contents(map: ConfigMap): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const entry of this.claims.entries()) if (entry.map === map) found.set(entry.key, entry.value);
    return found;
  }

  /** Everything claimed, as text. */
  text(): string[] {
    const lines = [...this.claims.entries()].map(
      ({ map, key, value }) => `${map} ${keyBuffer(key).toString('hex')} ${value.toString('hex')}`,
    );
    return lines.sort();
  }

  get(map: ConfigMap, key: Buffer): Buffer | undefined {
    return this.claims.wanted(map, keyText(key))?.value;
  }

  /** Of an array. */
  entry(map: ConfigMap, index: number): Buffer | undefined {
    return this.get(map, u32(index));
  }

  count(map: ConfigMap): number {
    return this.contents(map).size;
  }

  /** Slots of iov_ifindex as `ifindex%slots→port`, with `+` where VLANs are told apart. */
  keys(map: 'iov_ifindex'): string[] {
    return [...this.contents(map).values()].map((value) => {
      const { ifindex, port } = iov_ifindexCodec.decode(value);
      return `${ifindex}%65536→${port % IFINDEX_TRUNK}${port >= IFINDEX_TRUNK ? '+' : ''}`;
    });
  }

  /** iov_vlan_ports as `ifindex.vlan→port`; service tags with an `s`. */
  vlans(): string[] {
    return [...this.contents('iov_vlan_ports')]
      .map(([key, value]) => {
        const { ifindex, vlan_id, vlan_proto } = iov_vlan_keyCodec.decode(keyBuffer(key));
        return `${ifindex}.${vlan_id}${vlan_proto === 0x88a8 ? 's' : ''}→${value.readUInt32LE()}`;
      })
      .sort();
  }

  /** iov_ports of the number. */
  port(number: number) {
    const value = this.entry('iov_ports', number);
    return value === undefined ? undefined : iov_portCodec.decode(value);
  }

  fdb(datapath: number, mac: Buffer, map: 'iov_fdb' | 'iov_learned' = 'iov_fdb') {
    const value = this.get(map, iov_fdb_keyCodec.encode({ datapath, mac }));
    return value === undefined ? undefined : iov_destCodec.decode(value);
  }

  tunnelDest(datapath_key: number, egress_key: number) {
    const value = this.get('iov_tunnel_dests', iov_tunnel_keyCodec.encode({ datapath_key, egress_key }));
    return value === undefined ? undefined : iov_destCodec.decode(value);
  }

  #head(datapath: number, group: number, scope: 'local' | 'remote') {
    const key = { datapath, group, generation: 0, chunk: 0, scope: scope === 'local' ? 0 : 1 };
    const value = this.get('iov_groups', iov_group_keyCodec.encode(key));
    return value === undefined ? undefined : { key, ...iov_groupCodec.decode(value) };
  }

  headGeneration(datapath: number, group: number): number | undefined {
    return this.#head(datapath, group, 'local')?.generation;
  }

  /** As a program reads them: the head, then the chunks it names. */
  members(datapath: number, group: number, scope: 'local' | 'remote'): number[] {
    const head = this.#head(datapath, group, scope);
    if (head === undefined) return [];
    const all = head.members.slice(0, head.count);
    for (let chunk = 1; chunk < head.chunks; chunk++) {
      const key = iov_group_keyCodec.encode({ ...head.key, generation: head.generation, chunk });
      const { members, count } = iov_groupCodec.decode(this.get('iov_groups', key)!);
      all.push(...members.slice(0, count));
    }
    return all;
  }
}
