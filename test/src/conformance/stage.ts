import { Lab, Netns } from '../lab/index.js';
import { DropCounters } from './dropCounters.js';
import { all, beacons } from './host.js';
import { grownLosses, type Losses, losses } from './losses.js';
import type { PortSetup, SwitchSetup } from './table.js';
import { Wire } from './wire.js';

/** Whose hypervisors carry the machines. */
export type Side = 'ours' | 'stock';

/** A port as it stands in the lab. */
export interface StagePort extends PortSetup {
  /** Logical_Switch_Port.name */
  name: string;
  /** The machine's end of the cable, in the namespace of all machines. */
  device: string;
}

export interface StageSwitch {
  setup: SwitchSetup;
  /** By short name, with the beacons. */
  ports: ReadonlyMap<string, StagePort>;
}

/**
 * Two hypervisors with all switches of a table at once. The machines have no addresses, so nothing but the test sends;
 * their devices are in one namespace, where one process holds all of them.
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
      const switches = number(setups);
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

  /** Ports at which frames can arrive. */
  static open({ ports }: StageSwitch): StagePort[] {
    return [...ports.values()].filter(({ plugged, enabled }) => plugged !== false && enabled !== false);
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
    await lab.nbctl(...[...switches.values()].flatMap(northbound).slice(1));
    const plugged = [...switches.values()].flatMap(({ ports }) =>
      [...ports.values()].filter((port) => port.plugged !== false),
    );
    for (const [index, hypervisor] of lab.hypervisors.entries()) {
      const here = plugged.filter(({ hv }) => hv === index + 1);
      const plug = ({ name, device }: StagePort) => [
        ...['--', 'add-port', 'br-int', tapOf(device)],
        ...['--', 'set', 'Interface', tapOf(device), `external_ids:iface-id=${name}`],
      ];
      await hypervisor.vsctl(...here.flatMap(plug).slice(1));
    }
    await lab.portsUp(...plugged.map(({ name }) => name));
    await lab.sync();
  }
}

const tapOf = (device: string): string => device.replace('m', 't');

function number(setups: readonly SwitchSetup[]): StageSwitch[] {
  let devices = 0;
  return setups.map((setup) => {
    const ports = new Map<string, StagePort>();
    const add = (short: string, port: PortSetup) =>
      ports.set(short, { ...port, name: `${setup.name}-${short}`, device: `m${++devices}` });
    for (const [short, port] of Object.entries(setup.ports)) add(short, port);
    for (const [short, { hv, host }] of Object.entries(beacons)) add(short, { hv, addresses: [all(host)] });
    return { setup, ports };
  });
}

/** ovn-nbctl commands that make a switch, each after "--". */
function northbound({ setup, ports }: StageSwitch): string[] {
  const config = Object.entries(setup.otherConfig ?? {}).map(
    ([key, value]) => `other_config:${key}=${value}`,
  );
  return [
    ...['--', 'ls-add', setup.name],
    ...(config.length > 0 ? ['--', 'set', 'Logical_Switch', setup.name, ...config] : []),
    ...[...ports.values()].flatMap(({ name, addresses, portSecurity, enabled }) => [
      ...['--', 'lsp-add', setup.name, name],
      ...(addresses ? ['--', 'lsp-set-addresses', name, ...addresses] : []),
      ...(portSecurity ? ['--', 'lsp-set-port-security', name, ...portSecurity] : []),
      ...(enabled === false ? ['--', 'lsp-set-enabled', name, 'disabled'] : []),
    ]),
  ];
}

async function cables(lab: Lab, machines: Netns, switches: readonly StageSwitch[]): Promise<void> {
  const ports = switches.flatMap(({ ports }) => [...ports.values()].filter((p) => p.plugged !== false));
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
