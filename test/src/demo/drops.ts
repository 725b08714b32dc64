import type { Stage } from './stage.js';

/** One line of `iovctl drops --json`. */
interface Drop {
  node: string;
  drop: { reason: string; port: string; packets: number | string; description: string };
}

/** Packets dropped at a port, by reason. */
export async function dropsOf(stage: Stage, port: string): Promise<Map<string, number>> {
  const drops = await stage.lab.coordinator.json<Drop[]>('drops');
  return new Map(
    drops.filter(({ drop }) => drop.port === port).map(({ drop }) => [drop.reason, Number(drop.packets)]),
  );
}

/** What was added between two readings: "portsec_in_arp 3". */
export function increase(before: Map<string, number>, after: Map<string, number>): Map<string, number> {
  const more = [...after].map(([reason, packets]) => [reason, packets - (before.get(reason) ?? 0)] as const);
  return new Map(more.filter(([, packets]) => packets > 0));
}
