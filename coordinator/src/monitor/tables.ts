import type { Condition } from '@iovisor-ovn/ovsdb-client';
import type { NorthboundRows, SouthboundRows } from './rows.js';

interface Wish<Row> {
  readonly columns: readonly (keyof Row & string)[];
  readonly where?: readonly Condition[];
}

type Columns<Tables> = { readonly [T in keyof Tables]: Wish<Tables[T]> };

/** Tunnel keys below belong to the groups that every switch has (OVN_MIN_IP_MULTICAST of OVN's mcast-group-index.h). */
const firstIpMulticastKey = 0x8005;

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
      'ha_chassis_group',
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
    where: [['tunnel_key', '<', firstIpMulticastKey]],
  },
};

/** Groups of IP multicast addresses (from IGMP and MLD snooping): only they need their members. */
export const ipMulticastTables: Columns<Pick<SouthboundRows, 'Multicast_Group'>> = {
  Multicast_Group: {
    columns: ['datapath', 'name', 'tunnel_key', 'ports'],
    where: [['tunnel_key', '>=', firstIpMulticastKey]],
  },
};
