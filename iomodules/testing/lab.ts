import { type BpfMap, TcFilter } from '@iovisor-ovn/libbpf';
import * as abi from '../gen/abi.js';
import { type LoadedModules, loadIoModules } from '../loader.js';
import type { IovMapName } from '../shared-maps.js';
import { type TracedPacket, tracePacket } from '../trace.js';
import { ip4, ip4Bytes, ip6, mac } from './address.js';
import { groupRows } from './group-rows.js';
import { number32 } from './key.js';
import { enterPrivateNetns, type VethPair, vethPair } from './netns.js';
import { fixedSum, isIp6, mapped, type Outer, templateOf } from './outer.js';
import { type RunOptions, runPacket, type Verdict } from './run.js';
import { writeSecurity } from './security-rows.js';

/** A VLAN of a device. */
export interface LabVlan {
  id: number;
  /** Default: 0x8100. */
  proto?: number;
  /** Whose device. Default: one of its own, where untagged frames belong to no port. */
  on?: VethPair;
}

const TRUNK = 0x80000000; // IOV_IFINDEX_TRUNK

export interface LabPortOptions {
  /** The port is a VLAN of a device. */
  vlan?: LabVlan;
  datapath?: number;
  /** SB tunnel key. Default: the port number. */
  key?: number;
  /** Bits of enum iov_port_flag to have or not to have besides VALID and ENABLED. */
  set?: number;
  clear?: number;
  /** As in NB Logical_Switch_Port.addresses: "MAC IP…"; fills the L2 table and the responders. */
  addresses?: string[];
  /** As in NB Logical_Switch_Port.port_security. */
  security?: string[];
  /** false: never the inline form of port security. */
  inline?: boolean;
}

/** A logical port; of its veth pair the peer is the machine's end. */
export interface LabPort extends VethPair {
  number: number;
  key: number;
  datapath: number;
  vlan?: LabVlan;
}

/**
 * A chassis without an agent: all modules loaded into the kernel and their maps filled by hand, in a network namespace
 * of its own. Packets go through test runs.
 */
export class Lab {
  readonly modules: LoadedModules;
  readonly maps: Readonly<Record<IovMapName, BpfMap>>;
  #ports = 0;
  #tracing?: LoadedModules;

  constructor() {
    enterPrivateNetns();
    this.modules = loadIoModules({
      maxEntries: { iov_ports: 1024, iov_tunnels: 4096, iov_port_counters: 1024 },
    });
    this.maps = this.modules.maps;
  }

  close(): void {
    this.#tracing?.close();
    this.modules.close();
  }

  /** A logical switch. Groups are multicast keys, 0 for none. */
  addSwitch(
    datapath: number,
    a: { key?: number; flood?: number; unknown?: number; more?: Partial<abi.iov_datapath> } = {},
  ): void {
    const row = {
      tunnel_key: a.key ?? datapath,
      flood_group: a.flood ?? 0,
      unknown_group: a.unknown ?? 0,
      ...a.more,
    };
    this.maps.iov_datapaths.update(number32(datapath), abi.iov_datapathCodec.encode(row));
  }

  /** A logical port, on a veth pair of its own unless it is a VLAN of another port's. */
  addPort(options: LabPortOptions = {}): LabPort {
    const number = ++this.#ports;
    const { datapath = 1, key = number, vlan } = options;
    const { name, ifindex, peer, peerIfindex } = vlan?.on ?? vethPair();
    const port: LabPort = { number, key, datapath, name, ifindex, peer, peerIfindex };
    if (vlan) this.#addVlan(port, vlan);
    else this.#setDevice(ifindex, number);
    this.setPort(port, options);
    for (const addresses of options.addresses ?? []) this.#addAddresses(port, addresses);
    return port;
  }

  /** Which port the untagged frames of a device belong to. */
  #setDevice(ifindex: number, port: number): void {
    this.maps.iov_ifindex.update(number32(ifindex), abi.iov_ifindexCodec.encode({ ifindex, port }));
  }

  #addVlan(port: LabPort, vlan: LabVlan): void {
    const { ifindex } = port;
    port.vlan = vlan;
    const untagged = this.maps.iov_ifindex.lookup(number32(ifindex))!.readUInt32LE(4);
    this.#setDevice(ifindex, (untagged | TRUNK) >>> 0);
    const key = { ifindex, vlan_id: vlan.id, vlan_proto: vlan.proto ?? 0x8100 };
    this.maps.iov_vlan_ports.update(abi.iov_vlan_keyCodec.encode(key), number32(port.number));
  }

  /** Writes the port's own row anew. */
  setPort(port: LabPort, options: LabPortOptions = {}): void {
    const { IOV_PORT_VALID, IOV_PORT_ENABLED } = abi.iov_port_flag;
    const security = options.security?.length
      ? writeSecurity(this.maps, port.number, options.security, options.inline)
      : {};
    const tagged = port.vlan ? abi.iov_port_flag.IOV_PORT_VLAN : 0;
    const flags =
      (IOV_PORT_VALID | IOV_PORT_ENABLED | tagged | (security.flags ?? 0) | (options.set ?? 0)) &
      ~(options.clear ?? 0);
    const { ifindex, datapath, key: port_key, vlan } = port;
    const tag = vlan ? { vlan_id: vlan.id, vlan_proto: vlan.proto ?? 0x8100 } : {};
    const row = abi.iov_portCodec.encode({ ...security, ...tag, ifindex, datapath, port_key, flags });
    this.maps.iov_ports.update(number32(port.number), row);
  }

  #addAddresses(port: LabPort, addresses: string): void {
    const [address = '', ...ips] = addresses.split(' ');
    this.addMac(port.datapath, address, {
      kind: abi.iov_dest_kind.IOV_DEST_LOCAL,
      egress_key: port.key,
      index: port.number,
    });
    for (const ip of ips) this.addNeighbour(port.datapath, ip, address, port.key);
  }

  addMac(datapath: number, address: string, dest: Partial<abi.iov_dest>): void {
    const key = abi.iov_fdb_keyCodec.encode({ datapath, mac: mac(address) });
    this.maps.iov_fdb.update(key, abi.iov_destCodec.encode(dest));
    this.bumpEpoch(datapath);
  }

  /** What was remembered of the datapath is over. After a change of iov_fdb. */
  bumpEpoch(datapath: number): void {
    const epoch = this.maps.iov_epochs.lookup(number32(datapath))!.readUInt32LE();
    this.maps.iov_epochs.update(number32(datapath), number32(epoch + 1));
  }

  /** Like addMac(), of a MAC that was learned. */
  addLearned(datapath: number, address: string, dest: Partial<abi.iov_dest>): void {
    const key = abi.iov_fdb_keyCodec.encode({ datapath, mac: mac(address) });
    this.maps.iov_learned.update(key, abi.iov_destCodec.encode(dest));
  }

  /** Whose address it is, for the responders. */
  addNeighbour(datapath: number, ip: string, address: string, portKey: number): void {
    const value = abi.iov_neighbourCodec.encode({ mac: mac(address), port_key: portKey });
    if (ip.includes(':'))
      this.maps.iov_nd.update(abi.iov_nd_keyCodec.encode({ datapath, ip: ip6(ip) }), value);
    else this.maps.iov_arp.update(abi.iov_arp_keyCodec.encode({ datapath, ip: ip4(ip) }), value);
  }

  /** Members of a multicast group: port numbers, and tunnel numbers. */
  addGroup(datapath: number, group: number, members: { local?: number[]; remote?: number[] }): void {
    for (const [key, value] of groupRows(datapath, group, members)) this.maps.iov_groups.update(key, value);
  }

  /** An IP multicast address that somebody joined, with the key of its group. */
  addJoined(datapath: number, ip: string, group: number): void {
    this.maps.iov_mcast.update(abi.iov_mcast_keyCodec.encode({ datapath, ip: mapped(ip) }), number32(group));
  }

  /** A tunnel by `ifindex`, from `outer.src` to `outer.dst`; also lets the other side send to us. */
  addTunnel(
    number: number,
    ifindex: number,
    outer: Outer,
    a: { mtu?: number; set?: number; clear?: number } = {},
  ): void {
    const { IOV_TUNNEL_VALID, IOV_TUNNEL_RESOLVED, IOV_TUNNEL_GENEVE, IOV_TUNNEL_IP6 } = abi.iov_tunnel_flag;
    const type = (outer.type === 'geneve' ? IOV_TUNNEL_GENEVE : 0) | (isIp6(outer) ? IOV_TUNNEL_IP6 : 0);
    const flags = (IOV_TUNNEL_VALID | IOV_TUNNEL_RESOLVED | type | (a.set ?? 0)) & ~(a.clear ?? 0);
    const template = templateOf(outer);
    const row = {
      flags,
      ifindex,
      mtu: a.mtu ?? 1500,
      fixed_sum: fixedSum(outer),
      local_ip: mapped(outer.src),
      remote_ip: mapped(outer.dst),
      header_length: template.length,
      header: Buffer.concat([template, Buffer.alloc(80 - template.length)]),
    };
    this.maps.iov_tunnels.update(number32(number), abi.iov_tunnelCodec.encode(row));
    this.addTunnelSource(number, outer);
  }

  /** Lets `outer.dst` send to us at `outer.src`. */
  addTunnelSource(number: number, { src, dst }: Pick<Outer, 'src' | 'dst'>): void {
    const { maps } = this;
    if (src.includes(':')) {
      const key = { local_ip: ip6(src), remote_ip: ip6(dst) };
      maps.iov_tunnel_sources6.update(abi.iov_tunnel_source6Codec.encode(key), number32(number));
      maps.iov_tunnel_locals6.update(ip6(src), Buffer.from([1]));
      return;
    }
    const key = { local_ip: ip4(src), remote_ip: ip4(dst) };
    maps.iov_tunnel_sources.update(abi.iov_tunnel_sourceCodec.encode(key), number32(number));
    maps.iov_tunnel_locals.update(ip4Bytes(ip4(src)), Buffer.from([1]));
  }

  /** What an arriving tunnel packet with these keys leads to. */
  addTunnelDest(datapathKey: number, egressKey: number, dest: Partial<abi.iov_dest>): void {
    const key = abi.iov_tunnel_keyCodec.encode({ datapath_key: datapathKey, egress_key: egressKey });
    this.maps.iov_tunnel_dests.update(key, abi.iov_destCodec.encode(dest));
  }

  /** Sends a frame into the chain, from a port or from the underlay. */
  run(frame: Buffer, from: LabPort | 'uplink', options: RunOptions = {}): Verdict {
    const program = from === 'uplink' ? this.modules.uplink : this.modules.entry;
    const ctx = from === 'uplink' ? options.ctx : { ifindex: from.ifindex, ...options.ctx };
    return runPacket(this.maps, program, frame, { ...options, ctx });
  }

  /** Lets real packets that arrive at a device into the chain. */
  attach({ ifindex }: { ifindex: number }, hook: 'entry' | 'uplink' = 'entry'): void {
    const place = { ifindex, direction: 'ingress', priority: 1, handle: 1 } as const;
    TcFilter.attach({ ...place, program: this.modules[hook] });
  }

  /** Runs a frame like run(), through a load for tracing. */
  trace(frame: Buffer, from: LabPort | 'uplink'): TracedPacket {
    this.#tracing ??= loadIoModules({ maps: this.maps, tracing: true });
    const hook = from === 'uplink' ? 'uplink' : 'entry';
    return tracePacket(this.#tracing, hook, frame, { ifindex: from === 'uplink' ? 1 : from.ifindex });
  }

  /** Packets dropped at a port for a reason, all CPUs. */
  portDrops(port: LabPort, reason: number): bigint {
    const key = abi.iov_port_drop_keyCodec.encode({ port: port.number, reason });
    const values = this.maps.iov_port_drops.lookupPerCpu(key) ?? [];
    return values.reduce((sum, value) => sum + value.readBigUInt64LE(), 0n);
  }

  /** The description of the last packet that a port dropped for a reason. */
  lastDrop(port: LabPort, reason: number): abi.iov_port_drop | undefined {
    const key = abi.iov_port_drop_keyCodec.encode({ port: port.number, reason });
    const values = (this.maps.iov_port_drops.lookupPerCpu(key) ?? []).map((value) =>
      abi.iov_port_dropCodec.decode(value),
    );
    return values.sort((x, y) => Number(y.last - x.last))[0];
  }

  portCounters(port: LabPort): abi.iov_counters {
    return sumCounters(this.maps.iov_port_counters, port.number);
  }

  /** Sums of all CPUs; last_rx is the latest. */
  tunnelCounters(tunnel: number): abi.iov_tunnel_count {
    const values = (this.maps.iov_tunnel_counters.lookupPerCpu(number32(tunnel)) ?? []).map((value) =>
      abi.iov_tunnel_countCodec.decode(value),
    );
    let last_rx = 0n;
    for (const value of values) if (value.last_rx > last_rx) last_rx = value.last_rx;
    return { ...sumOf(values), last_rx };
  }
}

function sumCounters(map: BpfMap, index: number): abi.iov_counters {
  const values = map.lookupPerCpu(number32(index)) ?? [];
  return sumOf(values.map((value) => abi.iov_countersCodec.decode(value)));
}

/** Adds up counters, name by name. */
function sumOf<Counters extends { [Name in keyof Counters]: bigint }>(values: readonly Counters[]): Counters {
  return values.reduce((sum, value) => {
    const entries = Object.entries<bigint>(value).map(([name, count]) => [
      name,
      count + sum[name as keyof Counters],
    ]);
    return Object.fromEntries(entries) as Counters;
  });
}
