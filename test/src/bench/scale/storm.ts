import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { AtMost } from './atMost.js';
import type { Northbound } from './northbound.js';
import { addCommands, plug, type ScalePort, scalePort } from './ports.js';

/** Ports come in groups of this many, as from a cloud that starts several machines at once. */
export const GROUP = 10;
/** More than this many under way are no load any more but a jam: the next one waits, and the rate is missed. */
const UNDER_WAY = 10;
/**
 * Of so many ovs-vsctl at once at one hypervisor, each has to begin anew whenever another one was faster, and each reads all
 * ports: ten of them at 3,000 ports do little else. What plugs for a cloud has one connection (os-vif), or few at a time.
 */
const PLUGS_AT_ONCE = 2;
/** So late the rate is not held … */
const LATE_MS = 2000;
/** … and so late it is no use to go on. */
const HOPELESS_MS = 10_000;
const UP_SECONDS = 120;

/** One `ovn-nbctl --wait=hv lsp-add …` while the others came. */
export interface Probe {
  /** Since the storm began, s. */
  at: number;
  /** Ports there were by then, about. */
  ports: number;
  totalMs: number;
  /** From northd's commit to the Southbound DB until the last hypervisor has it, ms. */
  belowMs: number;
}

export interface Storm {
  probes: Probe[];
  /** From its tap's making until a group is up, ms, in the order of the groups. */
  upMs: number[];
  /** What it took to send the groups, s; all of them were due in `seconds`. */
  sentIn: number;
  /** From the last group's making until everything was up, ms. */
  lastUpMs: number;
  /** Ports there were when a group was two seconds late for the first time; undefined: none was. */
  lateAt?: number;
  /** It was given up, at this many ports. */
  givenUpAt?: number;
  /** Why the first group or probe failed that did. */
  failure?: string;
}

export interface StormOptions {
  lab: Lab;
  northbound: Northbound;
  /** Number of the first port. */
  first: number;
  /** Ports a second. */
  rate: number;
  seconds: number;
  probe: ScalePort;
}

/** Adds a port whose tap is plugged already, waiting for all hypervisors; removes it again. */
export async function probe(lab: Lab, port: ScalePort): Promise<{ totalMs: number; belowMs: number }> {
  const start = performance.now();
  await lab.nbctl('--timeout=60', '--wait=hv', ...addCommands([port]).slice(1));
  const totalMs = performance.now() - start;
  const stamps = await lab.nbctl('get', 'NB_Global', '.', 'sb_cfg_timestamp', 'hv_cfg_timestamp');
  const [sb, hv] = stamps.split('\n').map(Number) as [number, number];
  await lab.nbctl('lsp-del', port.name);
  return { totalMs, belowMs: hv - sb };
}

/**
 * Adds `rate` ports a second for `seconds` to hypervisor 1, with a probe each second. Gives up when it is ten seconds late or
 * something fails, and says so.
 */
export async function storm(o: StormOptions): Promise<Storm> {
  const groups = Math.floor((o.rate * o.seconds) / GROUP);
  const pauseMs = (1000 * GROUP) / o.rate;
  const result: Storm = { probes: [], upMs: [], sentIn: 0, lastUpMs: 0 };
  const plugs = new AtMost(PLUGS_AT_ONCE);
  const began = performance.now();
  const fail = (error: unknown) => {
    result.failure ??= String(error instanceof Error ? error.message : error).slice(0, 500);
  };
  let sent = 0;
  let over = false;
  const ports = () => o.first + sent * GROUP;
  const probing = (async () => {
    while (!over) {
      const at = (performance.now() - began) / 1000;
      const before = ports();
      const { totalMs, belowMs } = await probe(o.lab, o.probe);
      result.probes.push({ at, ports: before, totalMs, belowMs });
      await sleep(Math.max(0, 1000 - totalMs));
    }
  })().catch(fail);
  const pending = new Set<Promise<void>>();
  let lastMade = began;
  for (; sent < groups && result.failure === undefined; sent++) {
    const due = began + sent * pauseMs;
    await sleep(Math.max(0, due - performance.now()));
    while (pending.size >= UNDER_WAY) await Promise.race(pending);
    lastMade = performance.now();
    if (lastMade > due + LATE_MS) result.lateAt ??= ports();
    if (lastMade > due + HOPELESS_MS) {
      result.givenUpAt = ports();
      break;
    }
    const some = Array.from({ length: GROUP }, (_, i) => scalePort(ports() + i));
    const index = sent;
    const made = group(o, plugs, some)
      .then((ms) => {
        result.upMs[index] = ms;
      }, fail)
      .then(() => void pending.delete(made));
    pending.add(made);
  }
  over = true;
  result.sentIn = (performance.now() - began) / 1000;
  await Promise.all(pending);
  result.lastUpMs = performance.now() - lastMade;
  await probing;
  return result;
}

/** Makes a group; resolves with how long it took until it was up, ms. */
async function group({ lab, northbound }: StormOptions, plugs: AtMost, some: ScalePort[]): Promise<number> {
  const start = performance.now();
  const up = northbound.whenUp(some, UP_SECONDS);
  await Promise.all([plugs.run(() => plug(lab, 1, some)), northbound.add(some), up]);
  return performance.now() - start;
}
