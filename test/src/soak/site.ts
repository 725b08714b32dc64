import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Coordinator, Lab, type LabProcess, PhysicalNetwork, serving } from '../lab/index.js';
import { ip4Of, ip6Of, macOf, portArguments } from './addresses.js';
import { type BuildName, type Builds, makeBuilds } from './builds.js';
import { Coordinators } from './coordinators.js';
import type { Model } from './model.js';
import { Probe } from './probe.js';
import { Wire } from './wire.js';

/** Longest that anything may take: a machine with little time is no fault. */
export const PATIENCE_S = 60;

const STOP_MS = 20_000;

export interface SiteOptions {
  /** Called with what must not be, as it is seen. */
  onViolation: (text: string) => void;
}

/** The lab as the soak has it: a leader and a standby, three hypervisors, machines of two tenants, and hands to do things with. */
export class Site {
  readonly probes = new Map<string, Probe>();
  /** How each hypervisor's agent attaches. */
  readonly hooks = new Map<number, 'tcx' | 'clsact'>();
  readonly coordinators: Coordinators;
  #builds!: Builds;
  /** For what is no log. */
  readonly #scratch = mkdtempSync(join(tmpdir(), 'iovisor-soak-'));
  readonly #wires = new Map<number, Wire[]>();
  /** Processes that we end ourselves. */
  readonly #ours = new WeakSet<LabProcess>();

  private constructor(
    readonly lab: Lab,
    private readonly options: SiteOptions,
  ) {
    this.coordinators = new Coordinators(
      lab,
      (process) => this.#watch(process),
      (process, signal) => this.#end(process, signal),
    );
  }

  /** Builds what the model says; resolves when all of it is up. */
  static async create(model: Model, options: SiteOptions): Promise<Site> {
    const lab = await Lab.create({ hypervisors: model.hypervisors, start: false });
    const site = new Site(lab, options);
    try {
      await site.#build(model);
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  violation(text: string): void {
    this.options.onViolation(text);
  }

  /** The coordinator that leads. */
  async leader(): Promise<Coordinator> {
    return this.coordinators.all[await this.coordinators.leader()]!;
  }

  /** One to each coordinator. */
  wires(hypervisor: number): readonly Wire[] {
    return this.#wires.get(hypervisor) ?? [];
  }

  spawnAgent(n: number): void {
    const hook = this.hooks.get(n);
    const addresses = this.wires(n).map(({ address }) => address);
    const flags = ['--coordinator', addresses.join(','), ...(hook ? ['--hook', hook] : [])];
    this.#watch(this.lab.hv(n).spawnAgent(...flags));
  }

  /** What is started next is this one. */
  setBuild(n: number, build: BuildName): void {
    this.lab.hv(n).agentProgram = this.#builds[build];
  }

  async endAgent(n: number, signal: NodeJS.Signals): Promise<void> {
    const { agent } = this.lab.hv(n);
    if (agent) await this.#end(agent, signal);
  }

  signalAgent(n: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.lab.hv(n).agent?.signal(signal);
  }

  /** As libvirt and Nova do; the agent may be away. */
  async plug(hypervisor: number, name: string): Promise<void> {
    const { tap, port } = this.lab.vm(name);
    const set = ['--', 'set', 'Interface', tap, `external_ids:iface-id=${port}`];
    await this.#vsctl(hypervisor, 'add-port', 'br-int', tap, ...set);
  }

  async unplug(hypervisor: number, name: string): Promise<void> {
    await this.#vsctl(hypervisor, 'del-port', 'br-int', this.lab.vm(name).tap);
  }

  /** ovn-nbctl, which waits for a Northbound server that is away. */
  async nbctl(...args: string[]): Promise<void> {
    await persistently(() => this.lab.nbctl(`--timeout=${PATIENCE_S}`, ...args));
  }

  /** The same, ovn-sbctl. */
  async sbctl(...args: string[]): Promise<void> {
    await persistently(() => this.lab.central.sbctl(`--timeout=${PATIENCE_S}`, ...args));
  }

  /** Resolves when every hypervisor has applied everything said so far. */
  sync(): Promise<void> {
    return this.nbctl('--wait=hv', 'sync');
  }

  async close(): Promise<void> {
    for (const { agent } of this.lab.hypervisors) if (agent) this.#ours.add(agent);
    for (const { process } of this.coordinators.all) if (process) this.#ours.add(process);
    for (const probe of this.probes.values()) await probe.stop();
    for (const wires of this.#wires.values()) for (const wire of wires) await wire.close();
    await Promise.all(this.coordinators.all.map((coordinator) => coordinator.stop('SIGKILL')));
    await this.lab.destroy();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #build(model: Model): Promise<void> {
    const { lab } = this;
    this.#builds = await makeBuilds(this.#scratch);
    this.lab.coordinator = this.coordinators.all[0]!;
    for (const which of [0, 1]) this.coordinators.spawn(which);
    for (let n = 1; n <= model.hypervisors; n++) {
      this.#wires.set(n, await Promise.all(this.coordinators.all.map((one, i) => this.#wire(n, i, one))));
      this.spawnAgent(n);
    }
    const networks = [...model.networks.keys()].flatMap((network) => ['--', 'ls-add', network]);
    const ports = model.machines.flatMap((machine) =>
      machine.network === undefined ? [] : portArguments(machine, machine.network),
    );
    await this.nbctl(...networks.slice(1), ...ports);
    // br-int is the agent's to make.
    const patience = { timeoutMs: PATIENCE_S * 1000 };
    await Promise.all(lab.hypervisors.map(({ health }) => serving(health, patience)));
    const physical = await PhysicalNetwork.create(lab.name, 'phys', lab.registry);
    for (const hypervisor of lab.hypervisors) await physical.attach(hypervisor);
    const binary = await Probe.compile(this.#scratch);
    for (const { name, tenant, number, hypervisor } of model.machines) {
      const who = { tenant, number };
      const spec = { name, mac: macOf(who), addresses: [`${ip4Of(who)}/24`, `${ip6Of(who)}/64`] };
      const machine = await lab.addMachine(lab.hv(hypervisor), spec, { plug: false });
      await this.plug(hypervisor, name);
      const onForeign = (frame: string) =>
        this.violation(`${name}, of tenant ${tenant}, got a frame of the other: ${frame}`);
      this.probes.set(name, await Probe.start(binary, machine, { ...who, onForeign }));
    }
  }

  #wire(n: number, which: number, { address }: Coordinator): Promise<Wire> {
    const path = join(this.lab.registry.dir, `hv${n}-${which}.sock`);
    return Wire.open(path, address.replace(/^unix:/, ''));
  }

  async #vsctl(hypervisor: number, ...args: string[]): Promise<void> {
    const hv = this.lab.hv(hypervisor);
    await persistently(() => hv.vsctl(`--timeout=${PATIENCE_S}`, '--no-wait', ...args));
  }

  #watch(process: LabProcess): void {
    void process.exited.then((how) => {
      if (!this.#ours.has(process))
        this.violation(`${process.name} ended by itself: ${how}\n${process.tail(5)}`);
    });
  }

  async #end(process: LabProcess, signal: NodeJS.Signals): Promise<void> {
    this.#ours.add(process);
    const timer = setTimeout(() => {
      this.violation(`${process.name} has not ended ${STOP_MS} ms after ${signal}`);
      process.signal('SIGKILL');
    }, STOP_MS);
    await process.stop(signal);
    clearTimeout(timer);
  }
}

/**
 * Repeats what failed because no server listened, as an operator would. A server that was killed may have done it without saying so: then
 * it is done already.
 */
async function persistently(work: () => Promise<unknown>): Promise<void> {
  const until = Date.now() + PATIENCE_S * 1000;
  for (let tries = 0; ; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      const { message } = error as Error;
      if (tries > 0 && /already exists|no port named|not found|no row|no interface/.test(message)) return;
      if (!/database connection failed/.test(message) || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
