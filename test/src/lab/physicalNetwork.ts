import type { Hypervisor } from './hypervisor.js';
import { Netns } from './netns.js';
import type { Registry } from './registry.js';
import { StockHypervisor } from './stock-hypervisor.js';
import { underlayMtu } from './underlay.js';

/**
 * A physical network that provider networks of hypervisors are on: a hub in a namespace of its own, which carries any VLAN and
 * keeps nothing to itself. What is sent on it arrives at everybody else.
 */
export class PhysicalNetwork {
  private constructor(
    readonly name: string,
    private readonly netns: Netns,
  ) {}

  static async create(lab: string, name: string, registry: Registry): Promise<PhysicalNetwork> {
    const netns = await Netns.create(`${lab}-${name}`, registry);
    await netns.sysctl({ 'net.ipv6.conf.default.disable_ipv6': 1 });
    // A bridge that forgets at once what it learns is a hub.
    await netns.ip(
      `link add hub mtu ${underlayMtu} type bridge mcast_snooping 0 ageing_time 0`,
      'link set hub up',
    );
    return new PhysicalNetwork(name, netns);
  }

  /** Name of the bridge of each hypervisor that is on this network. */
  get bridge(): string {
    return `br-${this.name}`;
  }

  /** Gives a namespace a device on the network; it is up. */
  async connect(netns: Netns, device: string, port = device): Promise<void> {
    await this.netns.ip(
      `link add ${port} mtu ${underlayMtu} type veth peer name ${device} mtu ${underlayMtu} netns ${netns.name}`,
      `link set ${port} master hub up`,
    );
    await netns.ip(`link set ${device} up`);
  }

  /** Gives a hypervisor a NIC on the network, and its bridge as an installer does: add-br, add-port, ovn-bridge-mappings. */
  async attach(hypervisor: Hypervisor): Promise<void> {
    const nic = `nic-${this.name}`;
    await this.connect(hypervisor.netns, nic, hypervisor.name);
    // The kernel here has no openvswitch module.
    const userspace = ['--', 'set', 'Bridge', this.bridge, 'datapath_type=netdev'];
    await hypervisor.vsctl(
      ...['add-br', this.bridge],
      ...(hypervisor instanceof StockHypervisor ? userspace : []),
      ...['--', 'add-port', this.bridge, nic],
    );
    const mapping = `${this.name}:${this.bridge}`;
    const before = await hypervisor.ovsdb.get('Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings');
    const all = [...(before ? [before] : []), mapping].join(',');
    await hypervisor.vsctl('set', 'Open_vSwitch', '.', `external_ids:ovn-bridge-mappings="${all}"`);
  }
}
