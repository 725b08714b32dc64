/** The machines of the demo: two switches with the same MACs and IPs. */
export const cast = [
  { name: 'vm1', hypervisor: 1, mac: '02:00:00:00:00:01', ip: '10.0.0.1', network: 'blue' },
  { name: 'vm2', hypervisor: 1, mac: '02:00:00:00:00:02', ip: '10.0.0.2', network: 'blue' },
  { name: 'vm3', hypervisor: 2, mac: '02:00:00:00:00:03', ip: '10.0.0.3', network: 'blue' },
  { name: 'vm4', hypervisor: 2, mac: '02:00:00:00:00:04', ip: '10.0.0.4', network: 'blue' },
  { name: 'vm5', hypervisor: 1, mac: '02:00:00:00:00:01', ip: '10.0.0.1', network: 'green' },
  { name: 'vm6', hypervisor: 2, mac: '02:00:00:00:00:03', ip: '10.0.0.3', network: 'green' },
] as const;

export type CastMember = (typeof cast)[number];

export const members = (network: CastMember['network']): CastMember[] =>
  cast.filter((member) => member.network === network);

export const member = (name: CastMember['name']): CastMember => cast.find((m) => m.name === name)!;

/** Gives birth to a machine, unplugged. */
export const spec = ({ name, mac, ip }: CastMember) => ({ name, mac, addresses: [`${ip}/24`] });

/** The command that makes its logical port. */
export const portCommand = ({ name, mac, ip, network }: CastMember): string =>
  `lsp-add ${network} ${name} -- lsp-set-addresses ${name} "${mac} ${ip}" -- lsp-set-port-security ${name} "${mac} ${ip}"`;

/** The command that plugs its tap, as libvirt or Nova would. */
export const plugCommand = (name: string, tap: string): string =>
  `ovs-vsctl add-port br-int ${tap} -- set Interface ${tap} external_ids:iface-id=${name}`;
