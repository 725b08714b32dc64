import { Lab, Netns, PhysicalNetwork } from '../lab/index.js';
import { DropCounters } from './dropCounters.js';
import { grownLosses, type Losses, losses } from './losses.js';
import { northbound } from './northbound.js';
import { hasCable, hostOn, numberPorts, type StagePort, type StageSwitch } from './ports.js';
import type { SwitchSetup } from './table.js';
import { Wire } from './wire.js';

export type { StagePort, StageSwitch } from './ports.js';

/** Whose hypervisors carry the machines. */
export type Side = 'ours' | 'stock';

/**
 * Two hypervisors with all switches of a table at once. The machines have no addresses, so nothing but the test sends;
 * their devices, and the test's on physical networks, are in one namespace, where one process holds all of them.
 */
export class Stage {
  readonly switches = new Map<string, StageSwitch>();
  #atStart: Losses = new Map();

  private constructor(
    readonly side: Side,
    readonly lab: Lab,
    readonly wire: Wire,
    /** Of both hypervisors; stock has none. */
    readonly drops: DropCounters | undefined,
    private readonly machines: Netns,
  ) {}

  static async build(side: Side, setups: readonly SwitchSetup[]): Promise<Stage> {
    const lab = await Lab.create(side === 'ours' ? { hypervisors: 2 } : { hypervisors: 0, stock: 2 });
    try {
      const machines = await Netns.create(`${lab.name}-machines`, lab.registry);
      await machines.sysctl({ 'net.ipv6.conf.default.disable_ipv6': 1 });
      const switches = numberPorts(setups);
      await networks(lab, machines, switches);
      await cables(lab, machines, switches);
      const stage = new Stage(
        side,
        lab,
        await Wire.open(machines),
        side === 'ours' ? DropCounters.open(lab.hypervisors) : undefined,
        machines,
      );
      for (const made of switches) stage.switches.set(made.setup.name, made);
      await stage.#configure();
      stage.#atStart = await losses(lab, machines);
      return stage;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  /** Which of the kernel's counters of lost frames grew since the stage stands, for people. */
  async lost(): Promise<string> {
    return grownLosses(this.#atStart, await losses(this.lab, this.machines));
  }

  async destroy(): Promise<void> {
    await this.wire.close();
    this.drops?.close();
    await this.lab.destroy();
  }

  async #configure(): Promise<void> {
    const { lab, switches } = this;
    const all = [...switches.values()];
    await lab.nbctl(...all.flatMap((made) => northbound(made, all)).slice(1));
    const plugged = portsOf(all).filter(hasCable);
    for (const [index, hypervisor] of lab.hypervisors.entries()) {
      const here = plugged.filter(({ hv }) => hv === index + 1);
      const plug = ({ logical, device }: StagePort) => [
        ...['--', 'add-port', 'br-int', tapOf(device)],
        ...['--', 'set', 'Interface', tapOf(device), `external_ids:iface-id=${logical}`],
      ];
      await hypervisor.vsctl(...here.flatMap(plug).slice(1));
    }
    await lab.portsUp(...plugged.filter(({ type }) => type === undefined).map(({ logical }) => logical));
    await lab.sync();
  }
}

const tapOf = (device: string): string => device.replace('m', 't');

const portsOf = (switches: readonly StageSwitch[]): StagePort[] =>
  switches.flatMap(({ ports }) => [...ports.values()]);

/** Physical networks, each with both hypervisors and a device of the test on it. */
async function networks(lab: Lab, machines: Netns, switches: readonly StageSwitch[]): Promise<void> {
  const names = new Set(portsOf(switches).flatMap(({ network }) => network ?? []));
  for (const name of names) {
    const network = await PhysicalNetwork.create(lab.name, name, lab.registry);
    await network.connect(machines, hostOn(name), 'host');
    for (const hypervisor of lab.hypervisors) await network.attach(hypervisor);
  }
}

async function cables(lab: Lab, machines: Netns, switches: readonly StageSwitch[]): Promise<void> {
  const ports = portsOf(switches).filter(hasCable);
  await machines.ip(
    ...ports.flatMap(({ device, hv }) => [
      `link add ${device} type veth peer name ${tapOf(device)} netns ${lab.hv(hv).netns.name}`,
      `link set ${device} up`,
    ]),
  );
  for (const [index, { netns }] of lab.hypervisors.entries()) {
    const here = ports.filter(({ hv }) => hv === index + 1);
    await netns.ip(...here.map(({ device }) => `link set ${tapOf(device)} up`));
  }
}
