import type { Arena } from './arena.js';
import type { Deviation } from './deviations.js';
import { generateNetwork } from './generateNetwork.js';
import { PacketMaker } from './generatePacket.js';
import type { NetworkSpec } from './network.js';
import type { Packet } from './packet.js';
import { Random } from './random.js';
import { shrink } from './shrink.js';
import type { Comparison } from './site.js';

/** A network and a packet of which the two sides make different things. */
export interface Case {
  network: NetworkSpec;
  packet: Packet;
}

export interface Failure {
  /** Which network of the run. */
  network: number;
  /** As it was found. */
  found: Case;
  /** As small as it could be made. */
  least: Case;
  comparison: Comparison;
}

export interface RunOptions {
  seed: number;
  packets: number;
  perNetwork: number;
  only?: number;
  maxFailures: number;
  shrink: boolean;
  stop?: () => boolean;
  onFailure?: (failure: Failure) => void;
  onProgress?: (text: string) => void;
}

export interface Summary {
  packets: number;
  networks: number;
  /** Packets that reached somebody, unchanged or as an answer, by what ovn-trace and the model say. */
  delivered: number;
  answered: number;
  deviations: Map<Deviation, number>;
  knownBugs: Map<string, number>;
  failures: Failure[];
}

/** Runs networks with packets until there were enough of either packets or failures. */
export async function fuzz(arena: Arena, options: RunOptions): Promise<Summary> {
  const summary: Summary = {
    packets: 0,
    networks: 0,
    delivered: 0,
    answered: 0,
    deviations: new Map(),
    knownBugs: new Map(),
    failures: [],
  };
  let number = options.only ?? 0;
  while (summary.packets < options.packets && summary.failures.length < options.maxFailures) {
    if (options.stop?.()) break;
    await runNetwork(arena, options, number, summary);
    options.onProgress?.(`${summary.packets} packets, ${summary.failures.length} disagreements`);
    if (options.only !== undefined) break;
    number++;
  }
  return summary;
}

async function runNetwork(
  arena: Arena,
  options: RunOptions,
  number: number,
  summary: Summary,
): Promise<void> {
  const random = new Random(options.seed, number);
  const network = generateNetwork(random);
  const site = await arena.build(network);
  const maker = new PacketMaker(random, network, await arena.dynamicAddresses());
  summary.networks++;
  if (!maker.possible) return;
  const packets = Math.min(options.perNetwork, options.packets - summary.packets);
  for (let sent = 0; sent < packets; sent++) {
    const packet = maker.packet();
    const comparison = await site.compare(packet);
    count(summary, comparison);
    if (comparison.agree) continue;
    const failure = await investigate(arena, options, { network, packet }, comparison, number);
    summary.failures.push(failure);
    options.onFailure?.(failure);
    // Shrinking has replaced the network.
    return;
  }
}

function count(summary: Summary, { expected, because, knownBug }: Comparison): void {
  summary.packets++;
  if (expected.some((receipt) => receipt.endsWith(': unchanged'))) summary.delivered++;
  else if (expected.length > 0) summary.answered++;
  for (const name of because) summary.deviations.set(name, (summary.deviations.get(name) ?? 0) + 1);
  if (knownBug !== undefined) summary.knownBugs.set(knownBug, (summary.knownBugs.get(knownBug) ?? 0) + 1);
}

async function investigate(
  arena: Arena,
  options: RunOptions,
  found: Case,
  comparison: Comparison,
  network: number,
): Promise<Failure> {
  if (!options.shrink) return { network, found, least: found, comparison };
  const least = await shrink(arena, found);
  if (least === undefined) return { network, found, least: found, comparison };
  return { network, found, ...least };
}
