/** Where a private Neutron finds everything. */
export interface NeutronPlaces {
  /** Its state and locks. */
  dir: string;
  databaseUrl: string;
  /** Northbound and Southbound, in OVN's syntax. */
  nb: string;
  sb: string;
  /** Port of its REST API on 127.0.0.1. */
  port: number;
}

type Sections = Record<string, Record<string, string | number | boolean>>;

/**
 * neutron.conf of a server with ML2/OVN and nothing around it: no Keystone, no message bus, no Nova. Nothing in it is
 * particular to IOVisor-OVN: that is the point.
 */
export function neutronConf(places: NeutronPlaces): string {
  return render({
    DEFAULT: {
      core_plugin: 'ml2',
      service_plugins: 'ovn-router,qos,trunk',
      auth_strategy: 'noauth',
      transport_url: 'fake:/',
      host: 'neutron-lab',
      bind_host: '127.0.0.1',
      bind_port: places.port,
      api_workers: 1,
      rpc_workers: 1,
      rpc_state_report_workers: 0,
      api_paste_config: '/usr/share/neutron-common/api-paste.ini',
      state_path: places.dir,
      notify_nova_on_port_status_changes: false,
      notify_nova_on_port_data_changes: false,
      dhcp_agent_notification: false,
      agent_down_time: 15,
    },
    database: { connection: places.databaseUrl },
    oslo_concurrency: { lock_path: `${places.dir}/lock` },
    oslo_messaging_notifications: { driver: 'noop' },
    quotas: { default_quota: -1, quota_network: -1, quota_subnet: -1, quota_port: -1 },
    ml2: {
      mechanism_drivers: 'ovn',
      type_drivers: 'local,flat,vlan,geneve',
      tenant_network_types: 'geneve',
      extension_drivers: 'port_security,qos',
      overlay_ip_version: 4,
    },
    ml2_type_geneve: { vni_ranges: '1:65536', max_header_size: 38 },
    ml2_type_flat: { flat_networks: '*' },
    ml2_type_vlan: { network_vlan_ranges: 'physnet1:1000:1099' },
    securitygroup: { enable_security_group: true },
    ovn: {
      ovn_nb_connection: places.nb,
      ovn_sb_connection: places.sb,
      ovsdb_connection_timeout: 60,
      ovn_metadata_enabled: false,
      neutron_sync_mode: 'log',
    },
  });
}

function render(sections: Sections): string {
  return Object.entries(sections)
    .map(([name, keys]) =>
      [`[${name}]`, ...Object.entries(keys).map(([k, v]) => `${k} = ${v}`), ''].join('\n'),
    )
    .join('\n');
}
