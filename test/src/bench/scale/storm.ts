import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { addCommands, plug, type ScalePort, scalePort, whenUp } from './ports.js';

/** Ports come in groups of this many, as from a cloud that starts several machines at once. */
const GROUP = 10;
/** More than this many under way are no load any more but a jam: the next one waits, and the rate is missed. */
const UNDER_WAY = 10;

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
  /** What it took to send all groups, s; they were due in `seconds`. */
  sentIn: number;
  /** From the last group's making until everything was up, ms. */
  lastUpMs: number;
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

/** Adds `rate` ports a second for `seconds` to hypervisor 1, numbered from `first`, with a probe each second. */
export async function storm(
  lab: Lab,
  o: { first: number; rate: number; seconds: number; probe: ScalePort },
): Promise<Storm> {
  const groups = Math.floor((o.rate * o.seconds) / GROUP);
  const pauseMs = (1000 * GROUP) / o.rate;
  const upMs: number[] = [];
  const probes: Probe[] = [];
  const began = performance.now();
  let sent = 0;
  const probing = (async () => {
    while (sent < groups) {
      const at = (performance.now() - began) / 1000;
      const { totalMs, belowMs } = await probe(lab, o.probe);
      probes.push({ at, ports: o.first + sent * GROUP, totalMs, belowMs });
      await sleep(Math.max(0, 1000 - totalMs));
    }
  })();
  // Should a group fail, its failure counts, not that of the probe whose lab is taken down.
  probing.catch(() => undefined);
  const pending = new Set<Promise<void>>();
  let lastMade = began;
  for (; sent < groups; sent++) {
    await sleep(Math.max(0, began + sent * pauseMs - performance.now()));
    while (pending.size >= UNDER_WAY) await Promise.race(pending);
    const ports = Array.from({ length: GROUP }, (_, i) => scalePort(o.first + sent * GROUP + i));
    lastMade = performance.now();
    const made = group(lab, ports, upMs, sent).then(() => void pending.delete(made));
    // Its failure stays in the set and is found there.
    made.catch(() => undefined);
    pending.add(made);
  }
  const sentIn = (performance.now() - began) / 1000;
  await Promise.all(pending);
  const lastUpMs = performance.now() - lastMade;
  await probing;
  return { probes, upMs, sentIn, lastUpMs };
}

async function group(lab: Lab, ports: readonly ScalePort[], upMs: number[], index: number): Promise<void> {
  const start = performance.now();
  await Promise.all([plug(lab, 1, ports), lab.nbctl(...addCommands(ports).slice(1))]);
  await whenUp(lab, ports);
  upMs[index] = performance.now() - start;
}
