import type { NetworkSpec } from './network.js';
import { switchOf } from './network.js';
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

const asks = ({ body }: Packet): boolean =>
  (body.kind === 'arp' && body.op === 1) ||
  (body.kind === 'ip6' && body.l4.kind === 'nd' && body.l4.type === 135);

/** To be taken out once they are mended, as those in the conformance table are. */
const knownBugs: readonly KnownBug[] = [
  {
    what: 'vlan-passthru: ARP and NS are answered (conformance/cases/vlan.ts, "responder")',
    shows: ({ network, packet, seen }) =>
      switchOf(network, packet.from).otherConfig['vlan-passthru'] === 'true' &&
      asks(packet) &&
      seen.length === 1 &&
      / (ARP reply|NA\[|something else)/.test(seen[0]!),
  },
];

/** What is wrong, if it is known. */
export function knownBug(disagreement: Disagreement): string | undefined {
  return knownBugs.find((bug) => bug.shows(disagreement))?.what;
}
