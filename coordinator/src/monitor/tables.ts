import type { Condition } from '@iovisor-ovn/ovsdb-client';
import type { NorthboundRows, SouthboundRows } from './rows.js';

interface Wish<Row> {
  readonly columns: readonly (keyof Row & string)[];
  /** Integers of all 64 bits. */
  readonly exact?: readonly (keyof Row & string)[];
  readonly where?: readonly Condition[];
}

type Columns<Tables> = { readonly [T in keyof Tables]: Wish<Tables[T]> };

/** Keys of groups (enum ovn_mcast_tunnel_keys of OVN's mcast-group-index.h). */
const mrouterFlood = 0x8002;
const staticGroup = 0x8003;
const floodL2 = 0x8004;
const firstIpMulticastKey = 0x8005;

/** What is replicated of Northbound. */
export const northboundTables: Columns<NorthboundRows> = {
  NB_Global: { columns: ['nb_cfg', 'options'], exact: ['nb_cfg'] },
  Logical_Switch: {
    columns: [
      'name',
      'ports',
      'acls',
      'qos_rules',
      'load_balancer',
      'load_balancer_group',
      'dns_records',
      'forwarding_groups',
      'copp',
      'other_config',
    ],
  },
  Logical_Switch_Port: {
    columns: [
      'name',
      'type',
      'options',
      'parent_name',
      'addresses',
      'dynamic_addresses',
      'port_security',
      'enabled',
      'dhcpv4_options',
      'dhcpv6_options',
      'ha_chassis_group',
      'mirror_rules',
    ],
  },
  Port_Group: { columns: ['name', 'ports', 'acls'] },
  ACL: { columns: ['action', 'priority'] },
  Logical_Router: { columns: ['name'] },
};

/**
 * What is replicated of Southbound. Never Logical_Flow. Multicast_Group without its ports where they follow
 * from the switch's ports (_MC_flood, _MC_unknown, _MC_flood_l2): each new port would otherwise be three changes as large as its switch.
 */
export const southboundTables: Columns<SouthboundRows> = {
  SB_Global: { columns: ['nb_cfg'], exact: ['nb_cfg'] },
  Chassis: { columns: ['name', 'hostname', 'encaps', 'other_config', 'external_ids', 'transport_zones'] },
  Chassis_Private: { columns: ['name', 'chassis', 'nb_cfg', 'nb_cfg_timestamp'], exact: ['nb_cfg'] },
  Encap: { columns: ['type', 'ip', 'chassis_name', 'options'] },
  Datapath_Binding: { columns: ['tunnel_key', 'external_ids'] },
  Port_Binding: {
    columns: [
      'logical_port',
      'type',
      'options',
      'datapath',
      'tunnel_key',
      'parent_port',
      'tag',
      'virtual_parent',
      'ha_chassis_group',
      'requested_chassis',
      'requested_additional_chassis',
      'chassis',
      'additional_chassis',
      'encap',
      'additional_encap',
      'up',
    ],
  },
  HA_Chassis_Group: { columns: ['ha_chassis'] },
  HA_Chassis: { columns: ['chassis', 'priority'] },
  FDB: { columns: ['mac', 'dp_key', 'port_key'] },
  Multicast_Group: {
    columns: ['datapath', 'name', 'tunnel_key'],
    // Any of them.
    where: [
      ['tunnel_key', '<', mrouterFlood],
      ['tunnel_key', '==', floodL2],
    ],
  },
  IP_Multicast: {
    columns: [
      'datapath',
      'enabled',
      'table_size',
      'idle_timeout',
      'seq_no',
      'querier',
      'query_interval',
      'query_max_resp',
      'eth_src',
      'ip4_src',
      'ip6_src',
    ],
  },
  IGMP_Group: { columns: ['address', 'datapath', 'chassis', 'ports'] },
};

/** The groups whose members are listed: _MC_static, _MC_mrouter_flood and those of IP multicast addresses. */
export const ipMulticastTables: Columns<Pick<SouthboundRows, 'Multicast_Group'>> = {
  Multicast_Group: {
    columns: ['datapath', 'name', 'tunnel_key', 'ports'],
    where: [
      ['tunnel_key', '==', mrouterFlood],
      ['tunnel_key', '==', staticGroup],
      ['tunnel_key', '>=', firstIpMulticastKey],
    ],
  },
};
