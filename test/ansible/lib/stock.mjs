import { until } from './command.mjs';

/** Of a machine on the underlay: the last number of its management address. */
export function underlayAddress(machine) {
  return `172.31.77.${machine.address.split('.')[3]}`;
}

/**
 * Makes a hypervisor of stock OVN: ovs-vswitchd with the user space datapath (which needs no kernel module), the uplink in br-phy,
 * which has the underlay address, as on hypervisors with one NIC.
 */
export async function stockHypervisor(machine, central) {
  const address = underlayAddress(machine);
  const settings = {
    'system-id': machine.name,
    'ovn-remote': `tcp:${central.address}:6642`,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': address,
    'ovn-bridge-datapath-type': 'netdev',
  };
  const keys = Object.entries(settings).map(([key, value]) => `external_ids:${key}='"${value}"'`);
  await machine.sh(`echo ${machine.name} > /etc/openvswitch/system-id.conf
    ovs-vsctl set Open_vSwitch . ${keys.join(' ')}
    ovs-vsctl --may-exist add-br br-phy -- set Bridge br-phy datapath_type=netdev -- add-port br-phy uplink
    ovs-vsctl --may-exist add-br br-int -- set Bridge br-int datapath_type=netdev
    ip link set uplink arp off
    ip link set br-phy mtu 1600 up
    ip address add ${address}/24 dev br-phy`);
  await until(`br-int of ${machine.name}`, () =>
    machine.run('ovs-vsctl', 'br-exists', 'br-int').then(() => true),
  );
}
