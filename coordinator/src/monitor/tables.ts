import type { NorthboundRows, SouthboundRows } from './rows.js';

type Columns<Tables> = {
  readonly [T in keyof Tables]: { readonly columns: readonly (keyof Tables[T] & string)[] };
};

/** What is replicated of Northbound. */
export const northboundTables: Columns<NorthboundRows> = {
  NB_Global: { columns: ['nb_cfg', 'options'] },
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
      'mirror_rules',
    ],
  },
  Port_Group: { columns: ['name', 'ports', 'acls'] },
  ACL: { columns: ['action', 'priority'] },
  Logical_Router: { columns: ['name'] },
};

/**
 * What is replicated of Southbound. Never Logical_Flow. Multicast_Group without its ports: the members of the
 * well-known groups follow from the ports, and each new port would otherwise be three changes as large as its switch.
 */
export const southboundTables: Columns<SouthboundRows> = {
  SB_Global: { columns: ['nb_cfg'] },
  Chassis: { columns: ['name', 'hostname', 'encaps', 'other_config', 'external_ids', 'transport_zones'] },
  Chassis_Private: { columns: ['name', 'chassis', 'nb_cfg', 'nb_cfg_timestamp'] },
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
      'chassis',
      'additional_chassis',
      'encap',
      'up',
    ],
  },
  Multicast_Group: { columns: ['datapath', 'name', 'tunnel_key'] },
};
