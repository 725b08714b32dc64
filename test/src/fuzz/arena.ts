import { type Hypervisor, Lab, Netns } from '../lab/index.js';
import { Chassis } from './chassis.js';
import { NetnsThread } from './netnsThread.js';
import { creation, isAt, joined, type NetworkSpec, portsOf, securing } from './network.js';
import { Site } from './site.js';
import { TraceDaemon } from './traceDaemon.js';

/** Devices for ports on each hypervisor: no network has more plugged in there. */
export const TAPS = 24;

/** A machine that runs everything else at once is no finding. */
const PATIENCE = '--timeout=60';

/** A device of a hypervisor into which a port can be plugged. */
interface Tap {
  name: string;
  ifindex: number;
  /** Name of the port that it carries now. */
  port?: string;
}

/**
 * A lab that takes one network after the other: OVN central, our coordinator, two hypervisors with our agents and a tunnel
 * between them. The wire of the tunnel is cut: the fuzzer carries packets across by hand, so that everything that a packet
 * leads to happens within one test run on each side.
 */
export class Arena {
  readonly #thread = new NetnsThread();
  readonly #chassis: Chassis[] = [];
  readonly #taps: Tap[][] = [];
  #networks = 0;
  #standing: { switches: string[]; daemon: TraceDaemon } | undefined;

  private constructor(readonly lab: Lab) {}

  static async open(encap: 'geneve' | 'vxlan' = 'geneve'): Promise<Arena> {
    const arena = new Arena(await Lab.create({ hypervisors: 2, encap }));
    try {
      await arena.#cutTheWire();
      const machines = await Netns.create(`${arena.lab.name}-machines`, arena.lab.registry);
      await machines.sysctl({ 'net.ipv6.conf.default.disable_ipv6': 1 });
      for (const hypervisor of arena.lab.hypervisors) {
        arena.#taps.push(await tapsOf(hypervisor, machines));
        arena.#chassis.push(await Chassis.open(hypervisor, arena.#thread));
      }
      return arena;
    } catch (error) {
      await arena.close();
      throw error;
    }
  }

  /**
   * Replaces the network that stands by this one. ovn-trace reads Southbound before port security is set, because what it
   * does with that is not what ovn-controller does; flows do not depend on it.
   */
  async build(network: NetworkSpec): Promise<Site> {
    const { lab } = this;
    const prefix = `n${++this.#networks}`;
    const before = this.#standing?.switches ?? [];
    await this.#standing?.daemon.stop();
    this.#standing = undefined;
    const removal = before.map((name) => ['ls-del', name]);
    await lab.nbctl(PATIENCE, ...joined([...removal, ...creation(network, prefix)]));
    await Promise.all(
      lab.hypervisors.map((hypervisor, index) => this.#plug(hypervisor, index, network, prefix)),
    );
    // A localport is never bound, hence never up.
    const plugged = portsOf(network).filter(({ hv, type }) => hv !== 0 && type !== 'localport');
    if (plugged.length > 0)
      await lab.nbctl(PATIENCE, ...joined(plugged.map(({ name }) => isUp(prefix + name))));
    // Northd must have seen that they are up.
    await lab.nbctl(PATIENCE, '--wait=sb', 'sync');
    const daemon = await TraceDaemon.start(lab);
    this.#standing = { switches: network.switches.map(({ name }) => prefix + name), daemon };
    await lab.nbctl(PATIENCE, '--wait=hv', ...joined([['sync'], ...securing(network, prefix)]));
    const taps = this.#taps.map(
      (list) => new Map(list.flatMap(({ port, ifindex }) => (port === undefined ? [] : [[port, ifindex]]))),
    );
    return new Site({ network, prefix, chassis: this.#chassis, taps, daemon });
  }

  /** MAC and IPs that northd chose for dynamic addresses of the network that stands, as text. */
  async dynamicAddresses(): Promise<string[]> {
    const text = await this.lab.nbctl('--bare', '--columns=dynamic_addresses', 'list', 'Logical_Switch_Port');
    return text.split('\n').filter((line) => line !== '');
  }

  async close(): Promise<void> {
    await this.#standing?.daemon.stop();
    for (const chassis of this.#chassis) chassis.close();
    await this.lab.destroy();
    this.#thread.close();
  }

  async #plug(hypervisor: Hypervisor, index: number, network: NetworkSpec, prefix: string): Promise<void> {
    const ports = portsOf(network).filter((port) => isAt(port, index + 1));
    const commands: string[][] = [];
    for (const [slot, tap] of this.#taps[index]!.entries()) {
      const port = ports[slot]?.name;
      if (port !== undefined)
        commands.push(['set', 'Interface', tap.name, `external_ids:iface-id=${prefix}${port}`]);
      else if (tap.port !== undefined)
        commands.push(['remove', 'Interface', tap.name, 'external_ids', 'iface-id']);
      tap.port = port;
    }
    if (ports.length > TAPS) throw new Error(`${ports.length} ports on one hypervisor, ${TAPS} devices`);
    if (commands.length > 0) await hypervisor.vsctl(PATIENCE, ...joined(commands));
  }

  /** Neighbours are known and the bridge passes nothing between the hypervisors. */
  async #cutTheWire(): Promise<void> {
    const { hypervisors, underlay } = this.lab;
    const macs = await Promise.all(
      hypervisors.map(async ({ netns }) => {
        const [link] = JSON.parse(await netns.exec('ip', '-j', 'link', 'show', 'dev', 'uplink'));
        return link.address as string;
      }),
    );
    for (const [index, hypervisor] of hypervisors.entries()) {
      const other = 1 - index;
      const address = hypervisors[other]!.spec.encapIp;
      await hypervisor.netns.ip(`neigh replace ${address} lladdr ${macs[other]} dev uplink nud permanent`);
      await underlay.netns.exec(
        'ip',
        'link',
        'set',
        hypervisor.name,
        'type',
        'bridge_slave',
        'isolated',
        'on',
      );
    }
  }
}

const isUp = (port: string): string[] => ['wait-until', 'Logical_Switch_Port', port, 'up=true'];

async function tapsOf(hypervisor: Hypervisor, machines: Netns): Promise<Tap[]> {
  const names = Array.from({ length: TAPS }, (_, index) => `t${index + 1}`);
  await hypervisor.netns.ip(
    ...names.map(
      (name) => `link add ${name} type veth peer name ${hypervisor.name}${name} netns ${machines.name}`,
    ),
  );
  // The taps last: a device that finds its peer up is ready to send at once.
  await machines.ip(...names.map((name) => `link set ${hypervisor.name}${name} up`));
  await hypervisor.netns.ip(...names.map((name) => `link set ${name} up`));
  await hypervisor.vsctl(PATIENCE, ...joined(names.map((name) => ['add-port', 'br-int', name])));
  const links: { ifname: string; ifindex: number }[] = JSON.parse(
    await hypervisor.netns.exec('ip', '-j', 'link', 'show'),
  );
  return names.map((name) => ({ name, ifindex: links.find(({ ifname }) => ifname === name)!.ifindex }));
}
