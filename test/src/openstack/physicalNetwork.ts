import { type Lab, Netns } from '../lab/index.js';
import { StockHypervisor } from '../lab/stock-hypervisor.js';

/**
 * Joins all hypervisors by a wire of its own, behind the bridge `bridge` of each, and maps `network` to it: what the
 * installer of a site with provider networks does. The wire is a Linux bridge `wire` in a namespace, which is returned.
 */
export async function addPhysicalNetwork(lab: Lab, network: string, bridge: string): Promise<Netns> {
  const wire = await Netns.create(`${lab.name}-wire`, lab.registry);
  await wire.ip('link add wire type bridge', 'link set wire up');
  for (const [index, hypervisor] of lab.hypervisors.entries()) {
    await wire.ip(
      `link add nic${index} type veth peer name eth1 netns ${hypervisor.netns.name}`,
      `link set nic${index} master wire up`,
    );
    await hypervisor.netns.ip('link set eth1 up');
    // The user space datapath has its own kind of bridges.
    const kind =
      hypervisor instanceof StockHypervisor ? ['--', 'set', 'Bridge', bridge, 'datapath_type=netdev'] : [];
    const add = ['--may-exist', 'add-br', bridge, ...kind, '--', '--may-exist', 'add-port', bridge, 'eth1'];
    await hypervisor.vsctl(...add);
    const mapping = `external_ids:ovn-bridge-mappings=${network}:${bridge}`;
    await hypervisor.vsctl('set', 'Open_vSwitch', '.', mapping);
  }
  await lab.sync();
  // ovn-controller 23.03 has it in other_config alone, where Neutron of Debian 12 does not look.
  for (const hypervisor of lab.hypervisors)
    if (hypervisor instanceof StockHypervisor)
      await lab.central.sbctl(
        ...['--timeout=20', 'set', 'Chassis', hypervisor.name],
        `external_ids:ovn-bridge-mappings=${network}:${bridge}`,
      );
  return wire;
}
