import type { Lab } from '../../lab/index.js';

/** The parts of iovctl's JSON that tests look at (proto: admin.proto). */
export interface Drop {
  node: string;
  port: string;
  reason: string;
  packets: number;
}
export interface Problem {
  where: string;
  table: string;
  name: string;
  column: string;
  message: string;
}
export interface Port {
  name: string;
  switchName: string;
  node: string;
  up: boolean;
  local?: { tap: string; instances: string[]; hook: string; forwarding: boolean };
}
export interface Node {
  chassis: string;
  connected: boolean;
  kind: string;
}

export async function drops(lab: Lab): Promise<Drop[]> {
  const rows = await lab.coordinator.json<{ node: string; drop: Omit<Drop, 'node'> }[]>('drops');
  return rows.map(({ node, drop }) => ({ ...drop, node, packets: Number(drop.packets) }));
}

/** Packets dropped under a reason, at one port or (without it) at all. */
export async function dropped(lab: Lab, reason: string, port?: string): Promise<number> {
  const fits = (d: Drop) => d.reason === reason && (port === undefined || d.port === port);
  return (await drops(lab)).filter(fits).reduce((sum, { packets }) => sum + packets, 0);
}

export const problems = (lab: Lab): Promise<Problem[]> => lab.coordinator.json<Problem[]>('problems');
export const ports = (lab: Lab): Promise<Port[]> => lab.coordinator.json<Port[]>('ports');
export const nodes = (lab: Lab): Promise<Node[]> => lab.coordinator.json<Node[]>('nodes');

/** One of `iovctl tunnels`. */
export interface Tunnel {
  node: string;
  chassis: string;
  encap: string;
  localIp: string;
  remoteIp: string;
  state: string;
  csum: boolean;
  txPackets: number;
  lastSeen: string;
}

export async function tunnels(lab: Lab): Promise<Tunnel[]> {
  const rows = await lab.coordinator.json<{ node: string; tunnel: Omit<Tunnel, 'node'> }[]>('tunnels');
  return rows.map(({ node, tunnel }) => ({ ...tunnel, node }));
}
