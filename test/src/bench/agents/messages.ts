/** What the benchmark tells a worker (worker.ts). */
export type Order =
  | { order: 'start'; address: string; agents: readonly AgentSpec[] }
  /** All break off at once and come back by themselves. */
  | { order: 'drop' };

/** One simulated agent. */
export interface AgentSpec {
  name: string;
  /** Address of its tunnels. */
  ip: string;
  /** iface-ids plugged. */
  ports: readonly string[];
}

/** What a worker tells. */
export type News =
  /** So many of its agents have acknowledged a first, full commit of their present session, with all their ports. */
  | { news: 'settled'; agents: number }
  /** Numbered changes that arrived (and were acknowledged): number, time (ns of CLOCK_MONOTONIC), whether the port is local. */
  | { news: 'seen'; changes: readonly (readonly [number: number, at: string, local: boolean])[] };

/** First byte of a MAC that carries the number of a change in its last four. */
export const CHANGE_MARK = 0x0e;

/** The MAC of change `number`. */
export function changeMac(number: number): string {
  const bytes = [CHANGE_MARK, 0, number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The number of the change that gave a port this MAC; undefined when none did. */
export function changeNumber(mac: Uint8Array | undefined): number | undefined {
  if (mac?.length !== 6 || mac[0] !== CHANGE_MARK) return undefined;
  return Buffer.from(mac.buffer, mac.byteOffset, 6).readUInt32BE(2);
}
