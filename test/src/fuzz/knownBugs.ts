import type { NetworkSpec } from './network.js';
import type { Packet } from './packet.js';

/** A bug of ours that is known and somebody is at work on: what is wrong, and whether a disagreement shows it. */
interface KnownBug {
  what: string;
  shows(disagreement: Disagreement): boolean;
}

interface Disagreement {
  network: NetworkSpec;
  packet: Packet;
  seen: readonly string[];
}

/** To be taken out once they are mended, as those in the conformance table are. */
const knownBugs: readonly KnownBug[] = [];

/** What is wrong, if it is known. */
export function knownBug(disagreement: Disagreement): string | undefined {
  return knownBugs.find((bug) => bug.shows(disagreement))?.what;
}
