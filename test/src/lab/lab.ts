import { join } from 'node:path';
import { type Central, startCentral } from '@iovisor-ovn/coordinator/testing';
import { Coordinator } from './coordinator.js';
import { Hypervisor, type HypervisorSpec } from './hypervisor.js';
import { Machine, type MachineSpec } from './machine.js';
import { processId, residentBytes } from './proc.js';
import { Registry } from './registry.js';
import { daemonPrefix } from './server.js';
import { StockHypervisor } from './stock-hypervisor.js';
import { Underlay } from './underlay.js';

export interface LabOptions {
  /** Prefix of its namespaces. Default: one of its own for each lab of a process. */
  name?: string;
  /** How many of our hypervisors, hv1 … hvN. Default 2. */
  hypervisors?: number;
  /** How many stock ones (ovn-controller, ovs-vswitchd) after them. Default 0. */
  stock?: number;
  /** Default vxlan. */
  encap?: 'vxlan' | 'geneve';
  /** Family of the tunnels' outer addresses. Default ip4. */
  underlayFamily?: 'ip4' | 'ip6';
  /** Of the uplinks, bytes. Default: so much that the machines' 1500 fit. */
  underlayMtu?: number;
  /** Flags for every agent, such as ['--hook', 'clsact']. */
  agentFlags?: readonly string[];
  /** Servers of each of NB and SB, in RAFT: they are in `lab.central.clusters`. Default: one each, standalone. */
  cluster?: number;
  /**
   * Names of the coordinators that the agent of a hypervisor is told of, or of what stands before them: each is the socket NAME.sock in the
   * lab's directory. Default: "coordinator".
   */
  coordinators?: (hypervisor: string) => readonly string[];
  /** false: only central, underlay and namespaces; start the rest yourself. Default true. */
  start?: boolean;
  /** The daemons may outlive us; with keep() the lab stays. Default false. */
  outlive?: boolean;
}

let counter = 0;

/**
 * A data centre on one machine, all of it namespaces: OVN central, a coordinator, an underlay, hypervisors, machines.
 * Everything is noted in a registry first, so destroy() here, or the next lab after a crash, removes every trace.
 */
export class Lab {
  readonly hypervisors: Hypervisor[] = [];
  readonly machines = new Map<string, Machine>();
  central!: Central;
  coordinator!: Coordinator;
  underlay!: Underlay;
  /** Further flags of the coordinator that start() starts. */
  coordinatorFlags: readonly string[] = [];

  private constructor(
    readonly name: string,
    readonly registry: Registry,
    private readonly options: LabOptions,
  ) {}

  /** Builds it and waits until coordinator and agents say SERVING. Throws, and leaves nothing, when something fails. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    await Registry.sweep();
    const name = options.name ?? `iovt${process.pid}n${++counter}`;
    const lab = new Lab(name, Registry.create(name), options);
    try {
      await lab.#build();
    } catch (error) {
      await lab.destroy();
      throw error;
    }
    return lab;
  }

  /** hv(1) is the first hypervisor. */
  hv(number: number): Hypervisor {
    const hypervisor = this.hypervisors[number - 1];
    if (!hypervisor) throw new Error(`the lab ${this.name} has no hypervisor ${number}`);
    return hypervisor;
  }

  vm(name: string): Machine {
    const machine = this.machines.get(name);
    if (!machine) throw new Error(`the lab ${this.name} has no machine ${name}`);
    return machine;
  }

  /** ovn-nbctl against the lab's Northbound database. */
  nbctl(...args: string[]): Promise<string> {
    return this.central.nbctl(...args);
  }

  /** Address of a socket in the lab's directory. */
  socket(name: string): string {
    return `unix:${join(this.registry.dir, `${name}.sock`)}`;
  }

  /** Makes a machine on a hypervisor and plugs its tap unless told otherwise. */
  async addMachine(hypervisor: Hypervisor, spec: MachineSpec, o: { plug?: boolean } = {}): Promise<Machine> {
    const stock = hypervisor instanceof StockHypervisor;
    const machine = await Machine.create(
      this.name,
      hypervisor.netns,
      stock ? { ...spec, checksumOffload: false } : spec,
      this.registry,
    );
    this.machines.set(machine.name, machine);
    if (o.plug ?? true) await hypervisor.plug(machine.tap, machine.port);
    return machine;
  }

  /** Resolves when the ports are up, as an event of the Northbound database. */
  async portsUp(...ports: string[]): Promise<void> {
    const waits = ports.flatMap((port) => ['--', 'wait-until', 'Logical_Switch_Port', port, 'up=true']);
    await this.nbctl('--timeout=60', ...waits.slice(1));
  }

  /** Resolves when every hypervisor has applied everything said so far. */
  async sync(): Promise<void> {
    await this.nbctl('--timeout=60', '--wait=hv', 'sync');
  }

  /** Resident bytes of our daemons, by name. */
  async memory(): Promise<Record<string, number>> {
    const processes = [this.coordinator.process, ...this.hypervisors.map(({ agent }) => agent)];
    return Object.fromEntries(processes.flatMap((p) => (p ? [[p.name, residentBytes(p.pid)]] : [])));
  }

  /** From now on it stays when this process ends. Needs `outlive`. */
  keep(): void {
    this.registry.keep();
  }

  /** Ends and removes everything. */
  async destroy(): Promise<void> {
    await Promise.all(this.hypervisors.map((hypervisor) => hypervisor.stop()));
    await this.coordinator?.stop('SIGKILL');
    await this.central?.stop();
    await this.registry.clean();
  }

  async #build(): Promise<void> {
    const outlive = this.options.outlive ?? false;
    const { registry } = this;
    await Promise.all([
      startCentral({
        dir: join(registry.dir, 'central'),
        prefix: daemonPrefix(outlive),
        cluster: this.options.cluster,
      }).then((central) => {
        this.central = central;
      }),
      this.#namespaces(outlive),
    ]);
    for (const pid of this.central.pids) {
      const id = processId(pid);
      if (id) registry.note({ kind: 'process', ...id });
    }
    this.coordinator = new Coordinator({ central: this.central, registry, outlive });
    if (this.options.start ?? true) await this.start();
  }

  /** Starts coordinator, agents and stock daemons. */
  async start(): Promise<void> {
    const ours = this.hypervisors.filter((hypervisor) => !(hypervisor instanceof StockHypervisor));
    const stock = this.hypervisors.filter((hypervisor) => hypervisor instanceof StockHypervisor);
    await Promise.all([
      ...(ours.length > 0 ? [this.coordinator.start(...this.coordinatorFlags)] : []),
      ...ours.map((hypervisor) => hypervisor.startAgent(...(this.options.agentFlags ?? []))),
      ...stock.map((hypervisor) => hypervisor.start(this.central.sb)),
    ]);
  }

  async #namespaces(outlive: boolean): Promise<void> {
    const { name, registry } = this;
    this.underlay = await Underlay.create(`${name}-underlay`, registry, this.options.underlayMtu);
    const ours = this.options.hypervisors ?? 2;
    const stock = this.options.stock ?? 0;
    const { coordinators = () => ['coordinator'] } = this.options;
    for (let number = 1; number <= ours + stock; number++) {
      const spec: HypervisorSpec = {
        name: `hv${number}`,
        encapType: this.options.encap ?? 'vxlan',
        encapIp: this.options.underlayFamily === 'ip6' ? `fd31::${number}` : `172.31.0.${number}`,
        coordinator: coordinators(`hv${number}`)
          .map((socket) => this.socket(socket))
          .join(),
        outlive,
      };
      const kind = number <= ours ? Hypervisor : StockHypervisor;
      const hypervisor = await kind.create(name, spec, this.underlay, registry);
      this.hypervisors.push(hypervisor);
      // A veth leaves sums and segments to a wire that it does not have; ovs-vswitchd takes frames as they are on a wire.
      if (stock > 0) await hypervisor.netns.exec('ethtool', '-K', 'uplink', 'tx', 'off');
    }
  }
}
