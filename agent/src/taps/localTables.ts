import type { Open_vSwitchTables } from '../gen/vswitch.js';

/** The tables of the local database that the agent reads. */
export type LocalTables = Pick<Open_vSwitchTables, 'Open_vSwitch' | 'Bridge' | 'Port' | 'Interface'>;

/**
 * And their columns. What is not here is not sent by the server: above all `statistics`, which the agent itself writes every
 * few seconds.
 */
export const LOCAL_TABLES = {
  Open_vSwitch: {
    columns: [
      'bridges',
      'cur_cfg',
      'next_cfg',
      'external_ids',
      'other_config',
      'datapath_types',
      'iface_types',
    ],
  },
  Bridge: {
    columns: [
      'name',
      'ports',
      'datapath_type',
      'datapath_id',
      'datapath_version',
      'fail_mode',
      'external_ids',
      'other_config',
      'controller',
      'mirrors',
      'netflow',
      'sflow',
      'ipfix',
      'stp_enable',
      'rstp_enable',
      'mcast_snooping_enable',
      'flood_vlans',
    ],
  },
  Port: { columns: ['name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'qos'] },
  Interface: {
    columns: [
      'name',
      'type',
      'options',
      'mac',
      'external_ids',
      'ofport',
      'ofport_request',
      'error',
      'ifindex',
      'mac_in_use',
      'admin_state',
      'link_state',
      'link_speed',
      'duplex',
      'mtu',
      'mtu_request',
    ],
  },
} as const satisfies Record<keyof LocalTables, { columns: readonly string[] }>;
