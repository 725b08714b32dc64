import { dropReasons } from '@iovisor-ovn/iomodules';
import type { BpfMap } from '@iovisor-ovn/libbpf';
import {
  type iov_counters,
  iov_countersCodec,
  type iov_port_drop,
  iov_port_drop_keyCodec,
  iov_port_dropCodec,
  type iov_tunnel_count,
  iov_tunnel_countCodec,
} from './abi.js';
import { u32 } from './entry.js';

/** The counter maps of a load. */
export type CounterMaps = Record<
  'iov_port_counters' | 'iov_port_drops' | 'iov_drops' | 'iov_tunnel_counters',
  BpfMap
>;

/** Drops of one reason at one port. */
export interface PortDrop {
  port: number;
  reason: number;
  packets: bigint;
}

/** Drops of one reason at one port, with the last packet that was dropped. */
export interface LastDrop {
  reason: number;
  packets: bigint;
  /** What it was; `last` is its time, CLOCK_MONOTONIC, ns. */
  drop: iov_port_drop;
}

/** What the programs count per CPU, summed. */
export class PortCounters {
  readonly #maps: CounterMaps;

  constructor(maps: CounterMaps) {
    this.#maps = maps;
  }

  /** Tunnel numbers go to somebody else: the counters begin anew. */
  resetTunnels(tunnels: readonly number[]): void {
    const zero = Buffer.alloc(iov_tunnel_countCodec.size);
    for (const tunnel of tunnels) this.#maps.iov_tunnel_counters.update(u32(tunnel), zero);
  }

  /** A port number goes to somebody else: the counters begin anew. */
  reset(ports: readonly number[]): void {
    if (ports.length === 0) return;
    const gone = new Set(ports);
    const zero = Buffer.alloc(iov_countersCodec.size);
    for (const port of ports) this.#maps.iov_port_counters.update(u32(port), zero);
    for (const key of [...this.#maps.iov_port_drops.keys()]) {
      if (gone.has(iov_port_drop_keyCodec.decode(key).port)) this.#maps.iov_port_drops.delete(key);
    }
  }

  ofPort(port: number): iov_counters {
    return sumOf(this.#maps.iov_port_counters.lookupPerCpu(u32(port)) ?? []);
  }

  /** `last_rx` is the latest of all CPUs. */
  ofTunnel(tunnel: number): iov_tunnel_count {
    const sum = iov_tunnel_countCodec.decode(Buffer.alloc(iov_tunnel_countCodec.size));
    for (const cpu of this.#maps.iov_tunnel_counters.lookupPerCpu(u32(tunnel)) ?? []) {
      const { last_rx, ...counts } = iov_tunnel_countCodec.decode(cpu);
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) sum[name] += counts[name];
      if (last_rx > sum.last_rx) sum.last_rx = last_rx;
    }
    return sum;
  }

  *portDrops(): Generator<PortDrop> {
    for (const [key, value] of this.#maps.iov_port_drops.entries()) {
      const packets = this.#maps.iov_port_drops
        .splitPerCpu(value)
        .reduce((sum, cpu) => sum + cpu.readBigUInt64LE(), 0n);
      if (packets > 0n) yield { ...iov_port_drop_keyCodec.decode(key), packets };
    }
  }

  /** What one port dropped, by reason. */
  dropsAt(port: number): LastDrop[] {
    const map = this.#maps.iov_port_drops;
    return dropReasons.flatMap(({ value: reason }) => {
      const key = iov_port_drop_keyCodec.encode({ port, reason });
      const cpus = (map.lookupPerCpu(key) ?? []).map((cpu) => iov_port_dropCodec.decode(cpu));
      const packets = cpus.reduce((sum, cpu) => sum + cpu.packets, 0n);
      if (packets === 0n) return [];
      const drop = cpus.reduce((latest, cpu) => (cpu.last > latest.last ? cpu : latest));
      return [{ reason, packets, drop }];
    });
  }

  /** Packets dropped for a reason, wherever. */
  drops(reason: number): bigint {
    const cpus = this.#maps.iov_drops.lookupPerCpu(u32(reason)) ?? [];
    return cpus.reduce((sum, cpu) => sum + cpu.readBigUInt64LE(), 0n);
  }
}

function sumOf(cpus: readonly Buffer[]): iov_counters {
  const sum: iov_counters = { rx_packets: 0n, rx_bytes: 0n, tx_packets: 0n, tx_bytes: 0n };
  for (const cpu of cpus) {
    const counters = iov_countersCodec.decode(cpu);
    sum.rx_packets += counters.rx_packets;
    sum.rx_bytes += counters.rx_bytes;
    sum.tx_packets += counters.tx_packets;
    sum.tx_bytes += counters.tx_bytes;
  }
  return sum;
}
