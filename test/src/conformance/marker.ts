import { ether, linkOption, nd } from '@iovisor-ovn/iomodules/testing';
import { until } from '../lab/index.js';
import { beacons, broadcast, host, solicited } from './host.js';
import { hearers, onCable, type StagePort, type StageSwitch } from './ports.js';
import type { Arrival, Wire } from './wire.js';

/** IEEE local experimental ethertype 2: no case uses it. */
const MARKER = 0x88b6;
const TIMEOUT_MS = 5000;
/** Sends the markers of cases that begin on a physical network. */
const wireHost = host(0xf3);
let sequence = 0;

/** Sends `frames`, and behind them what shows that they have been dealt with; resolves with everything that came. */
export async function afterMarkers(
  wire: Wire,
  made: StageSwitch,
  from: StagePort,
  frames: readonly Arrival[],
  timeoutMs = TIMEOUT_MS,
): Promise<Arrival[]> {
  // Behind the frames on the same way: from the beacon of the hypervisor, or from the physical network.
  const sender = from.network ? from : beaconOf(made, from.hv);
  const questions = !from.network && answersQuestions(made) ? [question(sender.hv)] : [];
  const seen: Arrival[] = [];
  wire.send(frames);
  // A user space switch polls its ports in turn and may read the marker's before the frame's, but not twice.
  await round(wire, made, sender, seen, [], timeoutMs);
  // ovn-controller makes NAs itself, in the order of the questions: with this answer, earlier ones are out too.
  await round(wire, made, sender, seen, questions, timeoutMs);
  return seen;
}

/**
 * Sends markers until they arrive: what comes first meets tunnels whose next hop is not resolved yet.
 */
export async function warmUp(wire: Wire, made: StageSwitch): Promise<void> {
  for (const hv of [1, 2] as const)
    await until(`the switch ${made.setup.name} forwards`, async () => {
      await afterMarkers(wire, made, beaconOf(made, hv), [], 500);
      return true;
    });
}

/** OVN answers neither ARP nor ND in a switch that is transparent for VLANs. */
const answersQuestions = ({ setup }: StageSwitch): boolean => setup.otherConfig?.['vlan-passthru'] !== 'true';

/** Sends a broadcast and `more` from the beacon and waits for the broadcast everywhere, and for an answer to `more`. */
async function round(
  wire: Wire,
  made: StageSwitch,
  sender: StagePort,
  seen: Arrival[],
  more: readonly Buffer[],
  timeoutMs: number,
): Promise<void> {
  const id = Buffer.alloc(46);
  id.writeUInt32BE(++sequence);
  const { mac } = sender.network ? wireHost : ownOf(sender.hv);
  const frame = ether({ src: mac, dst: broadcast, type: MARKER }, id);
  const missing = new Map(hearers(made, sender).map((port) => [textOf(onCable(port, frame)), port.name]));
  if (more.length > 0) missing.set(ANSWER, `${sender.name} (the answer to its question)`);
  wire.send([frame, ...more].map((f) => onCable(sender, f)));
  const started = performance.now();
  const odd: Arrival[] = [];
  while (missing.size > 0) {
    if (!(await wire.more(started + timeoutMs - performance.now()))) {
      const waited = Math.round(performance.now() - started);
      const strange = odd.map((a) => `, but ${a.device} got ${a.frame.toString('hex')}`).join('');
      throw new Error(
        `marker ${sequence} did not arrive at ${[...missing.values()].join(', ')} in ${waited} ms${strange}`,
      );
    }
    for (const arrival of wire.take()) {
      if (missing.delete(textOf(arrival))) continue;
      if (arrival.device === sender.device && isAnswer(arrival.frame, sender.hv)) missing.delete(ANSWER);
      else if (isMarker(arrival.frame)) odd.push(arrival);
      else seen.push(arrival);
    }
  }
}

const ANSWER = 'answer';
const textOf = ({ device, frame }: Arrival): string => `${device} ${frame.toString('hex')}`;

const beaconOf = ({ ports }: StageSwitch, hv: 1 | 2): StagePort => ports.get(hv === 1 ? 'x' : 'y')!;
const otherOf = (hv: 1 | 2) => beacons[hv === 1 ? 'y' : 'x'].host;
const ownOf = (hv: 1 | 2) => beacons[hv === 1 ? 'x' : 'y'].host;

/** With or without a VLAN tag. */
const isMarker = (frame: Buffer): boolean =>
  frame.readUInt16BE(12) === MARKER ||
  (frame.readUInt16BE(12) === 0x8100 && frame.readUInt16BE(16) === MARKER);

/** A beacon asks for the other one's MAC. */
function question(hv: 1 | 2): Buffer {
  const [own, other] = [ownOf(hv), otherOf(hv)];
  const to = solicited(other.ip6);
  const options = [linkOption(1, own.mac)];
  const packet = nd({ type: 135, src: own.lla, dst: to.ip6, target: other.ip6, options });
  return ether({ src: own.mac, dst: to.mac, type: 0x86dd }, packet);
}

/** The NA to a beacon's own link-local address: no case has that destination. */
function isAnswer(frame: Buffer, hv: 1 | 2): boolean {
  const [own, other] = [ownOf(hv), otherOf(hv)];
  const header = ether({ src: other.mac, dst: own.mac, type: 0x86dd }, Buffer.alloc(0));
  return frame.subarray(0, 14).equals(header) && frame[54] === 136;
}
