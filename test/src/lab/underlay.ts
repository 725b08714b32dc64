import { Netns } from './netns.js';
import type { Registry } from './registry.js';

/** Larger than the machines' 1500 by the 78 bytes a Geneve header with OVN's option over IPv6 takes. */
export const underlayMtu = 1600;

/** The network between hypervisors: a Linux bridge in a namespace of its own. */
export class Underlay {
  private constructor(
    readonly netns: Netns,
    readonly mtu: number,
  ) {}

  static async create(name: string, registry: Registry, mtu = underlayMtu): Promise<Underlay> {
    const underlay = new Underlay(await Netns.create(name, registry), mtu);
    await underlay.netns.ip(`link add br0 mtu ${mtu} type bridge mcast_snooping 0`, 'link set br0 up');
    return underlay;
  }

  /** Gives a hypervisor its `uplink`; the other end is a bridge port named after it. */
  async connect(hypervisor: string, netns: Netns): Promise<void> {
    await this.netns.ip(
      `link add ${hypervisor} mtu ${this.mtu} type veth peer name uplink mtu ${this.mtu} netns ${netns.name}`,
      `link set ${hypervisor} master br0 up`,
    );
  }

  /** Pulls or plugs a hypervisor's cable. */
  async setCable(hypervisor: string, up: boolean): Promise<void> {
    await this.netns.ip(`link set ${hypervisor} ${up ? 'up' : 'down'}`);
  }
}
