import { readFileSync } from 'node:fs';
import { type StreamResult, Streams } from '../faults/stream.js';
import { pause } from './actions/action.js';
import { Logs } from './checks/logs.js';
import { brokenSilences, silences } from './checks/reach.js';
import { type BpfIds, daemons, holdingsOf } from './checks/resources.js';
import { heldBy, leftovers, remains } from './leaks.js';
import { initialModel } from './model.js';
import { Plan, type Step } from './plan.js';
import type { DoneAction, SoakReport, Violation } from './report.js';
import { faultsAfter, settled } from './settle.js';
import { Site } from './site.js';

export interface SoakRun {
  seed: number;
  minutes: number;
  steps?: number;
  /** Asked between steps. */
  stop: () => boolean;
  onStep: (line: string) => void;
  onViolation: (violation: Violation) => void;
  /** Called before everything is removed, with the directory of the logs, when something was wrong. */
  onEnd: (directory: string, hasViolations: boolean) => Promise<void>;
}

/** Far above what is needed (110 MiB; an agent has 440 descriptors, of maps and programs): what grows without bound gets there. */
const MOST = { residentMiB: 350, descriptors: 800 };

/** Faults and changes from a seed, for some minutes. Removes all that it made. */
export async function soak(run: SoakRun): Promise<SoakReport> {
  const one = new Soak(run);
  return one.run();
}

class Soak {
  readonly #run: SoakRun;
  readonly #model = initialModel();
  readonly #plan: Plan;
  readonly #report: SoakReport;
  #site!: Site;
  #logs!: Logs;
  #streams!: Streams;
  #began = performance.now();
  #step = 0;
  /** Of this step; they get the positions of the logs when it ends. */
  #violations: Violation[] = [];

  constructor(run: SoakRun) {
    this.#run = run;
    const { seed, minutes } = run;
    this.#plan = new Plan(seed, this.#model);
    this.#report = {
      seed,
      minutes,
      steps: [],
      violations: [],
      streams: {},
      watermarks: [],
      checks: 0,
      seconds: 0,
    };
  }

  async run(): Promise<SoakReport> {
    const { minutes, steps = Number.POSITIVE_INFINITY, stop } = this.#run;
    const report = this.#report;
    this.#site = await Site.create(this.#model, { onViolation: (text) => this.#violation(text) });
    let held: BpfIds | undefined;
    try {
      this.#logs = new Logs(this.#site.lab.registry.dir);
      await this.#check([], new Set());
      this.#streams = await this.#startStreams();
      this.#began = performance.now();
      while (!stop() && this.#step < steps && this.#seconds < minutes * 60) {
        this.#step++;
        await this.#take(this.#plan.next());
      }
      report.seconds = this.#seconds;
      this.#count(await this.#streams.stop());
      for (const text of await leftovers(this.#site, this.#model)) this.#violation(text);
      held = heldBy(this.#site);
    } catch (error) {
      this.#violation(`the soak itself: ${(error as Error).stack}`);
    } finally {
      this.#endStep();
      await this.#run.onEnd(this.#site.lab.registry.dir, report.violations.length > 0);
      await this.#site.close();
    }
    for (const text of await remains(this.#site, held)) this.#violation(text);
    this.#flush('');
    return report;
  }

  get #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  async #take(step: Step): Promise<void> {
    const at = this.#seconds;
    const what = step.map(({ planned }) => planned.what).join(' · ');
    const dropped = softnetDrops();
    const concerned = new Set(step.flatMap(({ planned }) => planned.concerns));
    const quiet = this.#quiet;
    const ends = await Promise.all(step.map((one) => this.#perform(one)));
    const settledAt = await this.#check(
      step,
      new Set([...quiet].filter((pair) => !pair.split(' ').some((name) => concerned.has(name)))),
    );
    const next = await this.#startStreams();
    const results = await this.#streams.stop();
    this.#streams = next;
    this.#count(results, dropped);
    this.#measure();
    const actions = step.map(
      ({ planned: { kind, what: words } }, i): DoneAction => ({
        kind,
        what: words,
        isAlone: step.length === 1,
        ...(settledAt === undefined ? {} : { recoveryMs: Math.max(0, settledAt - ends[i]!) }),
      }),
    );
    this.#report.steps.push({ step: this.#step, at, actions });
    const [acted, looked] = [Math.max(...ends), performance.now()].map(
      (ms) => (ms - this.#began) / 1000 - at,
    );
    const slowest =
      settledAt === undefined ? 'never' : `${((settledAt - Math.max(...ends)) / 1000).toFixed(1)} s`;
    this.#run.onStep(
      `${String(this.#step).padStart(3)} ${at.toFixed(1).padStart(6)} s  ${what}  → right after ${slowest} (${acted!.toFixed(1)} and ${(looked! - acted!).toFixed(1)} s)`,
    );
    this.#endStep();
  }

  /** What was wrong at the last look. */
  #told = new Set<string>();
  /** Pairs that must be silent all the time, as the model was before the step. */
  #quiet = new Set<string>();

  async #perform({ afterMs, planned }: Step[number]): Promise<number> {
    await pause(afterMs);
    try {
      await planned.run(this.#site);
    } catch (error) {
      this.#violation(`${planned.what}: ${(error as Error).message}`);
    }
    return performance.now();
  }

  /** Waits until all is said to be right, and looks whether it is. @returns when it was said, if ever */
  async #check(step: Step, quiet: ReadonlySet<string>): Promise<number | undefined> {
    const model = this.#model;
    const site = this.#site;
    let settledAt: number | undefined;
    try {
      await settled(
        site,
        model,
        step.some(({ planned }) => planned.isFoundLate),
      );
      settledAt = performance.now();
    } catch (error) {
      this.#violation(`it does not settle: ${(error as Error).message}`);
    }
    const faults = await faultsAfter(site, model);
    // What nobody puts right is told once.
    for (const fault of faults) if (!this.#told.has(fault)) this.#violation(fault);
    this.#told = new Set(faults);
    this.#report.checks += model.machines.length * (model.machines.length - 1);
    const now = silences(model, new Set());
    for (const fault of await brokenSilences(
      model,
      site.probes,
      new Set([...quiet].filter((pair) => now.has(pair))),
    ))
      this.#violation(fault);
    this.#quiet = now;
    for (const which of ['nb', 'sb', 'northd'] as const)
      if (site.lab.central.pid(which) === undefined) this.#violation(`${which} ended by itself`);
    for (const hv of site.lab.hypervisors)
      if (hv.ovsdb.pid === undefined) this.#violation(`ovsdb-server of ${hv.name} ended by itself`);
    return settledAt;
  }

  #startStreams(): Promise<Streams> {
    const machines = this.#model.machines.filter(({ isProtected }) => isProtected);
    const [first, ...others] = machines.map(({ name }) => this.#site.lab.vm(name));
    return Streams.start(...others.map((other) => [first!, other] as const));
  }

  #count(results: Record<string, StreamResult>, droppedBefore?: number): void {
    for (const [name, result] of Object.entries(results)) {
      const { lost, duplicated, missing, sent } = result;
      if (lost > 0 || duplicated > 0) {
        const more =
          droppedBefore === undefined
            ? ''
            : `; the kernel's backlogs dropped ${softnetDrops() - droppedBefore}`;
        this.#violation(
          `${name}: ${lost} of ${sent} packets lost (${missing.join(' ')}), ${duplicated} doubled${more}`,
        );
      }
      const sum = this.#report.streams[name];
      this.#report.streams[name] = sum === undefined ? result : added(sum, result);
    }
  }

  #measure(): void {
    for (const [name, pid] of daemons(this.#site)) {
      const { residentMiB, descriptors } = holdingsOf(pid);
      if (residentMiB > MOST.residentMiB) this.#violation(`${name} has ${residentMiB} MiB`);
      if (descriptors > MOST.descriptors) this.#violation(`${name} has ${descriptors} open files`);
      const mark = this.#report.watermarks.find((one) => one.name === name);
      if (!mark) this.#report.watermarks.push({ name, residentMiB, descriptors });
      else {
        mark.residentMiB = Math.max(mark.residentMiB, residentMiB);
        mark.descriptors = Math.max(mark.descriptors, descriptors);
      }
    }
  }

  #violation(text: string): void {
    this.#violations.push({ step: this.#step, at: this.#seconds, text, logs: '' });
  }

  #endStep(): void {
    const { where, faults } = this.#logs.read();
    for (const fault of faults) this.#violation(fault);
    this.#flush(where);
  }

  #flush(where: string): void {
    for (const violation of this.#violations) {
      violation.logs = where;
      this.#report.violations.push(violation);
      this.#run.onViolation(violation);
    }
    this.#violations = [];
  }
}

function added(sum: StreamResult, more: StreamResult): StreamResult {
  return {
    sent: sum.sent + more.sent,
    received: sum.received + more.received,
    lost: sum.lost + more.lost,
    duplicated: sum.duplicated + more.duplicated,
    reordered: sum.reordered + more.reordered,
    longestGapMs: Math.max(sum.longestGapMs, more.longestGapMs),
    missing: [],
  };
}

/** Packets that the kernel's backlogs dropped, on all CPUs and of everybody on the machine. */
function softnetDrops(): number {
  const lines = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n');
  return lines.reduce((sum, line) => sum + Number.parseInt(line.split(' ')[1] ?? '0', 16), 0);
}
