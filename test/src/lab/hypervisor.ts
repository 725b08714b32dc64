import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bpffsDirectory } from './bpffs.js';
import { type CommandResult, tryCommand } from './command.js';
import { serving } from './health.js';
import { LocalOvsdb } from './local-ovsdb.js';
import { Netns } from './netns.js';
import { LabProcess } from './process.js';
import { program } from './program.js';
import type { Registry } from './registry.js';
import type { Underlay } from './underlay.js';

export interface HypervisorSpec {
  /** Also its system-id. */
  name: string;
  encapType: 'vxlan' | 'geneve';
  /** Its address in the underlay. */
  encapIp: string;
  /** Where the agent finds the coordinator: "unix:PATH" or "HOST:PORT". */
  coordinator: string;
  /** Let its daemons live on when we end. */
  outlive: boolean;
}

/** A hypervisor in a namespace: uplink, own OVSDB, and what forwards for its machines. */
export class Hypervisor {
  agent?: LabProcess;
  /** Command line of the agent's executable, without flags: another build's, when a test upgrades it. */
  agentProgram: readonly string[] = program('agent', 'iovisor-agent');

  protected constructor(
    readonly lab: string,
    readonly spec: HypervisorSpec,
    readonly netns: Netns,
    readonly ovsdb: LocalOvsdb,
    readonly bpffs: string,
    protected readonly registry: Registry,
  ) {}

  /** Makes the namespace and its database; starts no agent. */
  static async create(
    lab: string,
    spec: HypervisorSpec,
    underlay: Underlay,
    registry: Registry,
  ): Promise<Hypervisor> {
    const dir = join(registry.dir, spec.name);
    mkdirSync(dir);
    const netns = await hypervisorNetns(lab, spec, underlay, registry);
    const ovsdb = await LocalOvsdb.start(dir, registry, spec.outlive);
    const bpffs = await bpffsDirectory(`${lab}-${spec.name}`, registry);
    const hypervisor = new Hypervisor(lab, spec, netns, ovsdb, bpffs, registry);
    // What an installer sets once; nobody answers ovs-vsctl yet.
    await ovsdb.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...hypervisor.settings());
    return hypervisor;
  }

  get name(): string {
    return this.spec.name;
  }

  /** Directory of its database, sockets and logs. */
  get dir(): string {
    return this.ovsdb.dir;
  }

  /** gRPC health address of its agent. */
  get health(): string {
    return `unix:${join(this.dir, 'agent.sock')}`;
  }

  /** The keys of the Open_vSwitch row that every OVN installation sets. */
  settings(): string[] {
    const { name, encapType, encapIp } = this.spec;
    const keys = { 'system-id': name, hostname: name, 'ovn-encap-type': encapType, 'ovn-encap-ip': encapIp };
    return Object.entries(keys).map(([key, value]) => `external_ids:${key}=${value}`);
  }

  /** Command line of its agent. */
  agentArgv(...extra: string[]): string[] {
    const { coordinator } = this.spec;
    const addresses = ['--ovsdb', this.ovsdb.remote, '--coordinator', coordinator, '--bpffs', this.bpffs];
    const own = ['--health', this.health, '--hover', 'none'];
    return [...this.netns.prefix, ...this.agentProgram, ...addresses, ...own, ...extra];
  }

  /** Starts the agent and waits until its health service says SERVING. */
  async startAgent(...extra: string[]): Promise<LabProcess> {
    const agent = this.spawnAgent(...extra);
    await agent.during((signal) => serving(this.health, { signal }));
    return agent;
  }

  /** Starts the agent without waiting. */
  spawnAgent(...extra: string[]): LabProcess {
    this.agent = new LabProcess({
      name: `agent ${this.name}`,
      argv: this.agentArgv(...extra),
      logFile: join(this.dir, 'agent.log'),
      registry: this.registry,
      outlive: this.spec.outlive,
    });
    return this.agent;
  }

  /** Runs the agent's executable to its end, for --cleanup and wrong flags. */
  runAgent(...args: string[]): Promise<CommandResult> {
    return tryCommand([...this.netns.prefix, ...program('agent', 'iovisor-agent'), ...args]);
  }

  async stopAgent(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.agent?.stop(signal);
  }

  /** Plain ovs-vsctl against its own database. */
  vsctl(...args: string[]): Promise<string> {
    return this.ovsdb.vsctl(...args);
  }

  /** Plugs a tap as libvirt and Nova do. */
  async plug(tap: string, ifaceId: string): Promise<void> {
    const set = ['set', 'Interface', tap, `external_ids:iface-id=${ifaceId}`];
    await this.vsctl('add-port', 'br-int', tap, '--', ...set);
  }

  async unplug(tap: string): Promise<void> {
    await this.vsctl('del-port', 'br-int', tap);
  }

  /** Ends what runs here. The namespace and the files stay for the registry. */
  async stop(): Promise<void> {
    await this.stopAgent('SIGKILL');
    await this.ovsdb.stopServer('SIGKILL');
  }
}

/** A namespace with `uplink` in the underlay. */
export async function hypervisorNetns(
  lab: string,
  spec: HypervisorSpec,
  underlay: Underlay,
  registry: Registry,
): Promise<Netns> {
  const netns = await Netns.create(`${lab}-${spec.name}`, registry);
  // As libvirt does for its taps: the hypervisor itself must not speak IPv6 into its guests.
  await netns.sysctl({ 'net.ipv6.conf.default.disable_ipv6': 1 });
  await underlay.connect(spec.name, netns);
  await giveUnderlayAddress(netns, 'uplink', spec.encapIp);
  await netns.ip('link set uplink up');
  return netns;
}

/** Gives a device the address of the tunnels. One of IPv6 can be used at once. */
export async function giveUnderlayAddress(netns: Netns, device: string, ip: string): Promise<void> {
  if (!ip.includes(':')) return netns.ip(`addr add ${ip}/24 dev ${device}`);
  await netns.sysctl({ [`net.ipv6.conf.${device}.disable_ipv6`]: 0 });
  await netns.ip(`addr add ${ip}/64 dev ${device} nodad`);
}
