import type { LogicalSwitchPortRow, LogicalSwitchRow } from '../monitor/rows.js';
import type { ProblemStatement } from '../problems/registry.js';
import { strategyProblem } from './activation.js';
import { ipBytes, macBytes } from './addresses.js';
import { isSet } from './multicast.js';

const supportedTypes: ReadonlySet<string> = new Set([
  '',
  'localnet',
  'localport',
  'l2gateway',
  'virtual',
  'external',
]);

const typeProblems: Readonly<Record<string, string>> = {
  router: 'router ports are not supported yet: nothing is routed; the other ports of the switch work',
  vtep: 'vtep ports are not supported yet: nothing reaches this port',
  remote: 'remote ports are not supported yet: nothing reaches this port',
  switch: 'switch-to-switch ports are not supported yet: nothing reaches this port',
};

/** What a Logical_Switch_Port row asks for that is not done, or lacks. None of it opens anything by being left out. */
export function unsupportedByPort(row: LogicalSwitchPortRow): ProblemStatement[] {
  const found: [column: string, message: string][] = [];
  if (!supportedTypes.has(row.type))
    found.push([
      'type',
      typeProblems[row.type] ?? `type "${row.type}" is unknown; nothing reaches this port`,
    ]);
  found.push(...lacking(row));
  if (row.dhcpv4_options !== undefined)
    found.push(['dhcpv4_options', 'DHCPv4 is not supported yet: requests are flooded, not answered']);
  if (row.dhcpv6_options !== undefined)
    found.push(['dhcpv6_options', 'DHCPv6 is not supported yet: requests are flooded, not answered']);
  if (row.mirror_rules && row.mirror_rules.length > 0)
    found.push(['mirror_rules', 'mirrors are not supported yet: nothing is mirrored']);
  if (row.options?.has('qos_min_rate'))
    found.push(['options', 'qos_min_rate is not supported yet: no bandwidth is guaranteed']);
  if (row.options?.has('vif-plug-type'))
    found.push([
      'options',
      'vif-plug-type is not supported: nobody plugs an interface for this port by itself',
    ]);
  const strategy = strategyProblem(row);
  if (strategy !== '') found.push(['options', strategy]);
  return found.map(([column, message]) => ({
    where: 'Northbound',
    table: 'Logical_Switch_Port',
    uuid: row._uuid,
    name: row.name,
    column,
    message,
  }));
}

/** What a port of its kind needs and does not have. */
function lacking(row: LogicalSwitchPortRow): [column: string, message: string][] {
  const found: [column: string, message: string][] = [];
  const option = (key: string, consequence: string) => {
    if ((row.options?.get(key) ?? '') === '') found.push(['options', `${key} is not set: ${consequence}`]);
  };
  const nowhere = 'the port is connected to no physical network';
  if (row.type === 'localnet' || row.type === 'l2gateway') option('network_name', nowhere);
  if (row.type === 'l2gateway') option('l2gateway-chassis', 'no hypervisor has the port');
  if (row.type === 'external' && row.ha_chassis_group === undefined)
    found.push(['ha_chassis_group', 'an external port without ha_chassis_group is on no hypervisor']);
  return found;
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
  found.push(...wrongQuerier(row));
  return found.map(([column, message]) => ({
    where: 'Northbound',
    table: 'Logical_Switch',
    uuid: row._uuid,
    name: row.name,
    column,
    message,
  }));
}

/** Addresses of queries that are none. Without any there are no queries, which is how most have it. */
function wrongQuerier({ other_config: config }: LogicalSwitchRow): [column: string, message: string][] {
  if (!isSet(config, 'mcast_snoop') || config?.get('mcast_querier')?.toLowerCase() === 'false') return [];
  const kinds = {
    mcast_eth_src: (text: string) => macBytes(text) !== undefined,
    mcast_ip4_src: (text: string) => ipBytes(text)?.length === 4,
    mcast_ip6_src: (text: string) => ipBytes(text)?.length === 16,
  };
  return Object.entries(kinds).flatMap(([key, isOne]) => {
    const text = config?.get(key) ?? '';
    if (text === '' || isOne(text)) return [];
    return [['other_config', `${key} is "${text}", which is no such address: no queries are sent from it`]];
  });
}
