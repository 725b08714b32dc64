import { performance } from 'node:perf_hooks';
import { startCentral } from '@iovisor-ovn/coordinator/testing';
import { type Cleanup, withCleanup } from '../cleanup.js';
import { type ProcessMemory, processMemory } from '../memory/processMemory.js';
import type { Section, Target } from '../report.js';
import { cpuSeconds } from '../scale/cpuTime.js';
import { quantile } from '../stats.js';
import { type Churn, Churner } from './churn.js';
import type { LoopReport } from './loopWatch.js';
import type { AgentSpec } from './messages.js';
import { PER_SWITCH, Site, siteAgents } from './network.js';
import { WatchedCoordinator } from './watchedCoordinator.js';
import { untilSettled, Worker } from './workers.js';

const AGENTS = 1000;
const RATE = 50;
const PROCESSES = 2;
/** Agents that are stopped (SIGSTOP) while their networks change. */
const STOPPED = 10;

/** What a phase cost the coordinator and those around it. */
interface Phase {
  name: string;
  seconds: number;
  /** Seconds of CPU. */
  coordinator: number;
  northd: number;
  databases: number;
  memory: ProcessMemory;
  loop: LoopReport;
}

/** A thousand simulated agents with 20 ports each on one coordinator, databases and northd as they are. */
export function benchAgents(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, (cleanup) => new AgentsBench(cleanup, quick).run());
}

class AgentsBench {
  readonly #cleanup: Cleanup;
  readonly #count: number;
  readonly #seconds: number;
  readonly #phases: Phase[] = [];
  #coordinator!: WatchedCoordinator;
  #pids: { northd: number; nb: number; sb: number } = { northd: 0, nb: 0, sb: 0 };

  constructor(cleanup: Cleanup, quick: boolean) {
    this.#cleanup = cleanup;
    this.#count = quick ? AGENTS / 10 : AGENTS;
    this.#seconds = quick ? 5 : 30;
  }

  async run(): Promise<Section> {
    const central = await startCentral({ northd: false });
    this.#cleanup.add('central', () => central.stop());
    const site = await Site.connect(central.nb, central.sb, this.#count);
    this.#cleanup.add('connections', () => site.close());
    await site.build();
    const ports = this.#count * PER_SWITCH;
    const began = performance.now();
    await central.startServer('northd');
    await site.until(() => site.bindings >= ports, 'northd makes all bindings', 300);
    await central.nbctl('--timeout=300', '--wait=sb', 'sync');
    const northdSeconds = (performance.now() - began) / 1000;
    this.#pids = { northd: central.pid('northd')!, nb: central.pid('nb')!, sb: central.pid('sb')! };

    const churner = new Churner(site);
    const specs = siteAgents(this.#count);
    const workers = this.#workers(specs, churner);
    this.#coordinator = await WatchedCoordinator.start(central.nb, central.sb);
    this.#cleanup.add('coordinator', () => this.#coordinator.stop());
    const idleMemory = await processMemory(this.#coordinator.pid);
    await this.#coordinator.loop();

    const start = await this.#phase('start-up', async () => {
      for (const worker of workers) worker.start(this.#coordinator.address);
      await untilSettled(workers, 300);
      await site.until(() => site.up >= ports, 'all ports are up', 300);
    });
    await central.nbctl('--timeout=300', '--wait=sb', 'sync');

    const networks = Array.from({ length: this.#count }, (_, network) => network);
    let steady!: Churn;
    await this.#phase(`${RATE} changes a second`, async () => {
      steady = await churner.run(RATE, this.#seconds, networks);
    });
    await central.nbctl('--timeout=300', '--wait=sb', 'sync');
    let alone!: Churn;
    central.signalServer('northd', 'SIGSTOP');
    await this.#phase('… with northd stopped', async () => {
      alone = await churner.run(RATE, this.#seconds, networks);
    });
    let others!: Churn;
    const stopped = networksOf(workers[0]!.agents, this.#count);
    const held = [...stopped.keys()];
    await this.#phase(`… and ${STOPPED} agents stopped`, async () => {
      workers[0]!.signal('SIGSTOP');
      others = await churner.run(RATE, this.#seconds, held, (network) => PER_SWITCH - stopped.get(network)!);
    });
    let back!: Churn;
    await this.#phase('those come back', async () => {
      workers[0]!.signal('SIGCONT');
      // Changes that have to reach them too: they have caught up when the last of them has arrived.
      back = await churner.run(RATE, 2, held);
    });
    central.signalServer('northd', 'SIGCONT');
    await central.nbctl('--timeout=300', '--wait=sb', 'sync');
    const reconnect = await this.#phase('all reconnect at once', async () => {
      for (const worker of workers) {
        worker.settled = 0;
        worker.drop();
      }
      await untilSettled(workers, 300);
    });
    await central.nbctl('--timeout=300', '--wait=sb', 'sync');
    await this.#phase('at rest', () => new Promise((resolve) => setTimeout(resolve, 10_000)));
    const runs = { steady, alone, others, back };
    return {
      name: 'agents',
      tables: [
        {
          title: `${this.#count} agents, ${ports} ports in ${this.#count} switches: the coordinator`,
          header: [
            'phase',
            's',
            'CPU s',
            'RSS MiB',
            'own MiB',
            'longest turn',
            '> 5 ms',
            '> 20 ms',
            'northd CPU s',
            'NB and SB',
          ],
          rows: this.#phases.map((phase) => [
            phase.name,
            phase.seconds.toFixed(1),
            phase.coordinator.toFixed(1),
            mib(phase.memory.residentBytes),
            mib(phase.memory.anonymousBytes),
            phase.loop.longest.toFixed(1),
            String(phase.loop.over5),
            String(phase.loop.over20),
            phase.northd.toFixed(1),
            phase.databases.toFixed(1),
          ]),
        },
        {
          title: `An address changes: from NB to the acknowledgement, ms (each reaches ${PER_SWITCH} agents)`,
          header: ['', 'changes', 'own agent: p50', 'p99', 'last agent: p50', 'p99', 'most', 'lost'],
          rows: [
            latencyRow('with northd busy', steady),
            latencyRow('northd stopped', alone),
            latencyRow(`and ${STOPPED} agents stopped`, others),
            latencyRow('when those have come back', back),
          ],
        },
      ],
      targets: [
        ...lossTargets(runs),
        boundedMemory(this.#phases),
        ratio(
          'others’ p99 while agents are stopped, to without',
          quantile(others.allMs, 0.99),
          quantile(alone.allMs, 0.99),
          2,
        ),
      ],
      notes: [
        `northd needed ${northdSeconds.toFixed(0)} s for its first pass; the coordinator had ${mib(idleMemory.residentBytes)} MiB before the agents came`,
        'a turn of the event loop counts by the smaller of its time and its CPU: who waits for a CPU is not blamed',
        `start-up ${start.seconds.toFixed(1)} s, mass reconnect ${reconnect.seconds.toFixed(1)} s`,
      ],
      data: { agents: this.#count, ports, northdSeconds, idleMemory, phases: this.#phases, churn: runs },
    };
  }

  #workers(specs: readonly AgentSpec[], churner: Churner): Worker[] {
    const share = Math.ceil((specs.length - STOPPED) / PROCESSES);
    const parts = [specs.slice(0, STOPPED)];
    for (let at = STOPPED; at < specs.length; at += share) parts.push(specs.slice(at, at + share));
    return parts.map((part) => {
      const worker = new Worker(part, (number, at, local) => churner.seen(number, at, local));
      this.#cleanup.add('simulated agents', () => worker.signal('SIGKILL'));
      return worker;
    });
  }

  async #phase(name: string, work: () => Promise<unknown>): Promise<Phase> {
    const before = this.#cpu();
    const began = performance.now();
    await work();
    const after = this.#cpu();
    const phase: Phase = {
      name,
      seconds: (performance.now() - began) / 1000,
      coordinator: after.coordinator - before.coordinator,
      northd: after.northd - before.northd,
      databases: after.databases - before.databases,
      memory: await processMemory(this.#coordinator.pid),
      loop: await this.#coordinator.loop(),
    };
    this.#phases.push(phase);
    return phase;
  }

  #cpu() {
    const { northd, nb, sb } = this.#pids;
    return {
      coordinator: this.#coordinator.cpu,
      northd: cpuSeconds(northd),
      databases: cpuSeconds(nb) + cpuSeconds(sb),
    };
  }
}

/** The switches these agents take part in, and how many of them each has. */
function networksOf(agents: readonly AgentSpec[], count: number): Map<number, number> {
  const found = new Map<number, number>();
  for (const { ports } of agents)
    for (const port of ports) {
      const network = Number(/^n(\d+)p/.exec(port)?.[1]) % count;
      found.set(network, (found.get(network) ?? 0) + 1);
    }
  return found;
}

function latencyRow(name: string, churn: Churn): string[] {
  const numbers = [churn.localMs, churn.allMs].flatMap((ms) => [quantile(ms, 0.5), quantile(ms, 0.99)]);
  return [
    name,
    String(churn.changes),
    ...[...numbers, Math.max(...churn.allMs)].map((ms) => ms.toFixed(1)),
    String(churn.lost),
  ];
}

function lossTargets(runs: Record<string, Churn>): Target[] {
  const lost = Object.values(runs).reduce((sum, { lost }) => sum + lost, 0);
  return [{ what: 'changes that did not arrive', target: '0', measured: String(lost), met: lost === 0 }];
}

/** What stopped agents hold back is a matter of their resources, not of the number of changes. */
function boundedMemory(phases: readonly Phase[]): Target {
  const before = phases.find(({ name }) => name.includes('northd stopped'))!.memory.residentBytes;
  const during = phases.find(({ name }) => name.includes('agents stopped'))!.memory.residentBytes;
  return ratio('memory while agents are stopped, to before', during, before, 1.2);
}

function ratio(what: string, a: number, b: number, limit: number): Target {
  return { what, target: `≤ ${limit.toFixed(1)}×`, measured: `${(a / b).toFixed(2)}×`, met: a <= b * limit };
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
