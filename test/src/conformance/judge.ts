import { afterMarkers } from './marker.js';
import { hearers, isPlugged, onCable, type StagePort, type StageSwitch } from './ports.js';
import type { Stage } from './stage.js';
import type { Case, Expected } from './table.js';
import type { Arrival } from './wire.js';

/** What a case came to. */
export interface Outcome {
  scenario: string;
  name: string;
  /** Undefined: as expected. Otherwise what was expected, and what happened. */
  wrong?: { expected: string; seen: string };
  differsFromStock?: string;
  knownBug?: string;
}

const SETTLE_MS = 5000;

/**
 * Runs one case. Never throws: a marker that does not arrive is an outcome too. On stock, a case for which something was changed
 * may need several runs: ovn-controller reports a change when the flow tables have it, and ovs-vswitchd goes through its caches
 * afterwards. Ours has no such excuse.
 */
export async function judge(stage: Stage, scenario: string, test: Case): Promise<Outcome> {
  const deadline = performance.now() + SETTLE_MS;
  let outcome = await judgeOnce(stage, scenario, test);
  const { prepare, ...again } = test;
  while (prepare && stage.side === 'stock' && outcome.wrong && performance.now() < deadline)
    outcome = await judgeOnce(stage, scenario, again);
  return outcome;
}

async function judgeOnce(stage: Stage, scenario: string, test: Case): Promise<Outcome> {
  const outcome: Outcome = { scenario, name: test.name };
  if (test.differsFromStock) outcome.differsFromStock = test.differsFromStock;
  if (test.knownBug) outcome.knownBug = test.knownBug;
  let before = stage.drops?.read();
  try {
    const made = stage.switches.get(scenario)!;
    const from = made.ports.get(test.from);
    if (from === undefined || !isPlugged(from)) throw new Error(`${test.from} cannot send`);
    await test.prepare?.(stage, made);
    before = stage.drops?.read();
    const arrivals = (await afterMarkers(stage.wire, made, from, [onCable(from, test.frame)])).filter(
      ({ frame }) => !isAnnouncement(frame) || isAnnouncement(test.frame),
    );
    const after = stage.drops?.read();
    const seen = describe(stage, made, arrivals, test.frame);
    const expected = describe(stage, made, wanted(made, from, test), test.frame);
    if (seen !== expected) outcome.wrong = { expected, seen: `${seen}${grown(before, after)}` };
    else if (before && after && 'drop' in test.expected) {
      const { drop } = test.expected;
      const all = grown(before, after);
      const counted = drop === '' ? all !== '' : (after.get(drop) ?? 0n) > (before.get(drop) ?? 0n);
      if (!counted) outcome.wrong = { expected: `dropped as ${drop || 'whatever'}`, seen: `dropped${all}` };
    }
  } catch (error) {
    const counted = grown(before, stage.drops?.read()) || ' (nothing counted)';
    outcome.wrong = {
      expected: 'a verdict',
      seen: `${(error as Error).message}${counted}; lost since the start: ${await stage.lost()}`,
    };
  }
  return outcome;
}

function wanted(made: StageSwitch, from: StagePort, { expected, frame }: Case): Arrival[] {
  if ('answer' in expected) return [onCable(from, expected.answer)];
  if ('frames' in expected) return expected.frames.map((f) => onCable(portOf(made, f.at), f.frame));
  return receivers(made, from, expected).map((port) => onCable(port, frame));
}

function receivers(made: StageSwitch, from: StagePort, expected: Expected): StagePort[] {
  if (!('to' in expected)) return [];
  if (expected.to === 'everyone') return hearers(made, from);
  return expected.to.map((short) => portOf(made, short));
}

function portOf(made: StageSwitch, short: string): StagePort {
  const port = made.ports.get(short);
  if (!port) throw new Error(`the switch ${made.setup.name} has no port ${short}`);
  return port;
}

/** Sorted text, in which the same arrivals look the same: "b, c; a: 0200…". */
function describe(stage: Stage, made: StageSwitch, arrivals: readonly Arrival[], original: Buffer): string {
  // The switch of the case first: ports to a physical network share a device.
  const switches = new Set([made, ...stage.switches.values()]);
  const ports = [...switches].flatMap((one) => [...one.ports.values()]).filter(isPlugged);
  const text = ({ device, frame }: Arrival) => {
    const here = ports.filter((port) => port.device === device);
    const same = here.find((port) => sameFrame(frame, onCable(port, original).frame));
    return same?.name ?? `${here[0]?.name ?? device}: ${trimmed(frame).toString('hex')}`;
  };
  return arrivals.map(text).sort().join(', ') || 'nothing';
}

/**
 * A gratuitous ARP request: hypervisors send it for the machines of a provider network in the first half minute after they
 * came, whatever a test does meanwhile.
 */
function isAnnouncement(tagged: Buffer): boolean {
  const frame = tagged.readUInt16BE(12) === 0x8100 ? tagged.subarray(4) : tagged;
  if (frame.length < 42) return false;
  if (frame.readUInt16BE(12) === 0x8035) return frame.subarray(22, 28).equals(frame.subarray(32, 38));
  if (frame.readUInt16BE(12) !== 0x0806 || frame.readUInt16BE(20) !== 1) return false;
  return frame.subarray(28, 32).equals(frame.subarray(38, 42));
}

/** Ethernet padding may be added or lost on the way. */
const sameFrame = (a: Buffer, b: Buffer): boolean => trimmed(a).equals(trimmed(b));

function trimmed(frame: Buffer): Buffer {
  let end = frame.length;
  while (end > 14 && frame[end - 1] === 0) end--;
  return frame.subarray(0, end);
}

/** " (counted: portsec_in_mac)" */
function grown(before?: Map<string, bigint>, after?: Map<string, bigint>): string {
  if (!before || !after) return '';
  const reasons = [...after].flatMap(([reason, n]) => (n > (before.get(reason) ?? 0n) ? reason : []));
  return reasons.length > 0 ? ` (counted: ${reasons.join(', ')})` : '';
}
