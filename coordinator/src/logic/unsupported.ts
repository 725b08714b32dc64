import type { LogicalSwitchPortRow, LogicalSwitchRow } from '../monitor/rows.js';
import type { ProblemStatement } from '../problems/registry.js';

const typeProblems: Readonly<Record<string, string>> = {
  router: 'router ports are not supported yet: nothing is routed; the other ports of the switch work',
  localnet: 'localnet ports are not supported yet: the switch is not connected to the physical network',
  localport: 'localports are not supported yet: nothing reaches this port',
  l2gateway: 'l2gateway ports are not supported yet: nothing reaches this port',
  vtep: 'vtep ports are not supported yet: nothing reaches this port',
  external: 'external ports are not supported yet: nothing answers for this port',
  virtual: 'virtual ports are not supported yet: no parent can claim its address',
  remote: 'remote ports are not supported yet: nothing reaches this port',
  switch: 'switch-to-switch ports are not supported yet: nothing reaches this port',
};

/** What a Logical_Switch_Port row asks for that is not done yet. None of it opens anything by being left out. */
export function unsupportedByPort(row: LogicalSwitchPortRow): ProblemStatement[] {
  const found: [column: string, message: string][] = [];
  if (row.type !== '')
    found.push([
      'type',
      typeProblems[row.type] ?? `type "${row.type}" is unknown; nothing reaches this port`,
    ]);
  if (row.parent_name !== undefined && row.parent_name !== '')
    found.push(['parent_name', 'nested ports are not supported yet: the port is not bound']);
  if (row.dhcpv4_options !== undefined)
    found.push(['dhcpv4_options', 'DHCPv4 is not supported yet: requests are flooded, not answered']);
  if (row.dhcpv6_options !== undefined)
    found.push(['dhcpv6_options', 'DHCPv6 is not supported yet: requests are flooded, not answered']);
  if (row.mirror_rules && row.mirror_rules.length > 0)
    found.push(['mirror_rules', 'mirrors are not supported yet: nothing is mirrored']);
  const qos = [...(row.options?.keys() ?? [])].filter((key) => key.startsWith('qos_'));
  if (qos.length > 0)
    found.push([
      'options',
      `${qos.join(', ')}: bandwidth limits are not supported yet: traffic is not limited`,
    ]);
  return found.map(([column, message]) => ({
    where: 'Northbound',
    table: 'Logical_Switch_Port',
    uuid: row._uuid,
    name: row.name,
    column,
    message,
  }));
}

/** What a Logical_Switch row asks for that is not done yet, apart from ACLs (see acl-guard.ts). */
export function unsupportedBySwitch(row: LogicalSwitchRow): ProblemStatement[] {
  const found: [column: string, message: string][] = [];
  const set = (column: keyof LogicalSwitchRow, message: string) => {
    const value = row[column];
    if (Array.isArray(value) ? value.length > 0 : value !== undefined) found.push([column, message]);
  };
  set('qos_rules', 'QoS rules are not supported yet: traffic is neither marked nor limited');
  set('load_balancer', 'load balancers are not supported yet: VIPs are not translated');
  set('load_balancer_group', 'load balancers are not supported yet: VIPs are not translated');
  set('dns_records', 'DNS records are not supported yet: queries go to the server asked');
  set('forwarding_groups', 'forwarding groups are not supported yet: their VIPs are not answered');
  set('copp', 'control plane policing is not supported yet');
  if (row.other_config?.get('mcast_snoop') === 'true')
    found.push(['other_config', 'mcast_snoop is not supported yet: multicast is flooded']);
  return found.map(([column, message]) => ({
    where: 'Northbound',
    table: 'Logical_Switch',
    uuid: row._uuid,
    name: row.name,
    column,
    message,
  }));
}
