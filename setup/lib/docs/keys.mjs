// Every key of a database's map columns that coordinator and agent read or write. A test compares it with the sources.

/** @typedef {{ key: string, unset?: string, meaning: string }} Key */

/** @type {{ where: string, room: string, note?: string, keys: Key[] }[]} */
export const keyTables = [
  {
    where: 'Open_vSwitch `external_ids`',
    room: 'agent',
    note: 'On each hypervisor. As with ovn-controller, `KEY-SYSTEMID` wins over `KEY`, so that several chassis can share one database; a change takes effect at once.',
    keys: [
      {
        key: 'system-id',
        meaning:
          'name of the chassis. The file `system-id-override` in `$OVN_SYSCONFDIR`, else `/etc`, wins over it',
      },
      { key: 'hostname', unset: 'the machine’s', meaning: 'Chassis.hostname' },
      {
        key: 'iovisor-coordinator',
        meaning: 'addresses of coordinators, comma-separated, when the agent has no `--coordinator`',
      },
      { key: 'ovn-encap-type', meaning: '`geneve`, `vxlan`, or both' },
      { key: 'ovn-encap-ip', meaning: 'tunnel addresses, IPv4 or IPv6, comma-separated' },
      { key: 'ovn-encap-ip-default', meaning: 'which of them is used when nothing else decides' },
      {
        key: 'ovn-encap-csum',
        unset: '`true`',
        meaning: 'published as Encap.options:csum: whether others send us outer UDP checksums',
      },
      { key: 'ovn-encap-tos', unset: '`none`', meaning: 'TOS byte of the outer header, or `inherit`' },
      {
        key: 'ovn-encap-df_default',
        unset: '`true`',
        meaning:
          '`false`: routers may fragment tunnel packets over IPv4 (no DF bit); other hypervisors of ours drop the fragments (`tunnel_fragment`)',
      },
      {
        key: 'ovn-set-local-ip',
        unset: '`false`',
        meaning:
          'tunnel packets leave from the first of `ovn-encap-ip`, whatever source address the routing would choose',
      },
      { key: 'ovn-transport-zones', meaning: 'tunnels only to chassis with one of these zones' },
      { key: 'ovn-bridge', unset: '`br-int`', meaning: 'integration bridge' },
      {
        key: 'ovn-bridge-datapath-type',
        unset: '`system`',
        meaning: 'written to the integration bridge; it changes nothing else',
      },
      {
        key: 'ovn-bridge-mappings',
        meaning: '`NETWORK:BRIDGE`, comma-separated: where physical networks are',
      },
      {
        key: 'ovn-is-interconn',
        unset: '`false`',
        meaning: 'published; tunnels to chassis of other availability zones',
      },
      {
        key: 'ovn-cleanup-on-exit',
        unset: '`false`',
        meaning: 'a stopped agent takes its Chassis row with it',
      },
      ...['ovn-chassis-mac-mappings', 'ovn-cms-options'].map((key) => ({
        key,
        meaning: 'published in Chassis.other_config as it is, for northd and the CMS',
      })),
      ...[
        'ovn-monitor-all',
        'ovn-enable-lflow-cache',
        'ovn-limit-lflow-cache',
        'ovn-memlimit-lflow-cache-kb',
      ].map((key) => ({ key, meaning: 'published as it is; there is no flow cache here to set' })),
      ...['ovn-trim-limit-lflow-cache', 'ovn-trim-wmark-perc-lflow-cache', 'ovn-trim-timeout-ms'].map(
        (key) => ({
          key,
          meaning: 'published as it is; there is no flow cache here to set',
        }),
      ),
    ],
  },
  {
    where: 'Open_vSwitch `other_config`',
    room: 'agent',
    keys: [
      {
        key: 'stats-update-interval',
        unset: '5000',
        meaning: 'milliseconds between writes of Interface.statistics; at least 5000',
      },
    ],
  },
  {
    where: 'Bridge `other_config`',
    room: 'agent',
    keys: [
      { key: 'datapath-id', unset: 'from its MAC address', meaning: '16 hex digits for Bridge.datapath_id' },
      { key: 'hwaddr', unset: 'derived from the row', meaning: 'MAC address of the bridge’s own device' },
    ],
  },
  {
    where: 'Bridge `external_ids` (written)',
    room: 'agent',
    keys: [
      { key: 'ovn-nb-cfg', meaning: 'SB_Global.nb_cfg that is in effect here' },
      { key: 'ovn-nb-cfg-ts', meaning: 'since when, milliseconds since 1970' },
      { key: 'ovn-startup-ts', meaning: 'when the agent started' },
    ],
  },
  {
    where: 'Interface `external_ids`',
    room: 'agent',
    keys: [
      { key: 'iface-id', meaning: 'name of the logical port that is plugged here' },
      { key: 'iface-id-ver', meaning: 'must be that of the port’s options, if it has one' },
      { key: 'encap-ip', meaning: 'which of several tunnel addresses other chassis use for this port' },
      { key: 'ovn-installed', meaning: 'written: the port forwards' },
      { key: 'ovn-installed-ts', meaning: 'written: since when, milliseconds since 1970' },
    ],
  },
  {
    where: 'Interface `options`',
    room: 'agent',
    keys: [{ key: 'peer', meaning: 'of type `patch`: the other end' }],
  },
  {
    where: 'Northbound NB_Global `options`',
    room: 'coordinator',
    note: 'What northd alone reads is as with stock OVN and not listed here; so are the following tables.',
    keys: [
      { key: 'default_acl_drop', unset: '`false`', meaning: 'a switch with ACLs drops what no ACL allows' },
      {
        key: 'ignore_lsp_down',
        unset: '`true`',
        meaning: 'ARP and ND are answered for ports that are down, too',
      },
      {
        key: 'northd_probe_interval',
        unset: '5000',
        meaning:
          'after so many milliseconds of silence a database is asked whether it lives, and given up after as many more; 0: never. For the coordinator’s connections, too, also those to unix sockets',
      },
    ],
  },
  {
    where: 'Northbound Logical_Switch `other_config`',
    room: 'coordinator',
    keys: [
      { key: 'vlan-passthru', unset: '`false`', meaning: 'frames with a VLAN tag are forwarded as they are' },
      {
        key: 'mcast_snoop',
        unset: '`false`',
        meaning: 'IGMP and MLD snooping. Sizes and times come by northd’s IP_Multicast row',
      },
      {
        key: 'mcast_flood_unregistered',
        unset: '`false`',
        meaning: 'IP multicast that nobody joined is flooded',
      },
      { key: 'mcast_querier', unset: '`true`', meaning: 'the switch asks who listens' },
      { key: 'mcast_eth_src', meaning: 'MAC address that it asks from' },
      { key: 'mcast_ip4_src', meaning: 'IPv4 address that it asks from; without it no IGMP queries' },
      { key: 'mcast_ip6_src', meaning: 'IPv6 address that it asks from; without it no MLD queries' },
    ],
  },
  {
    where: 'Logical_Switch_Port `options` (Northbound, or as Port_Binding has them)',
    room: 'coordinator',
    keys: [
      {
        key: 'requested-chassis',
        meaning:
          'name or hostname of the chassis that may have the port; several, comma-separated, for live migration',
      },
      {
        key: 'activation-strategy',
        meaning: '`rarp`: on an additional chassis the port waits for its machine’s RARP',
      },
      { key: 'additional-chassis-activated', meaning: 'written to Port_Binding: chassis where it came' },
      {
        key: 'iface-id-ver',
        meaning: 'only an interface with the same `external_ids:iface-id-ver` is the port',
      },
      {
        key: 'network_name',
        meaning: 'of localnet and l2gateway: physical network, as in `ovn-bridge-mappings`',
      },
      { key: 'ethtype', unset: '`802.11q`', meaning: 'of localnet: `802.11q` or `802.11ad` VLAN tags' },
      { key: 'localnet_learn_fdb', unset: '`false`', meaning: 'of localnet: MACs behind it are learned' },
      { key: 'l2gateway-chassis', meaning: 'of l2gateway: name of the chassis that has it' },
      {
        key: 'router-port',
        meaning: 'of router: the Logical_Router_Port it leads to; only shown, nothing is routed yet',
      },
      { key: 'virtual-ip', meaning: 'of virtual: address that one of the parents claims' },
      { key: 'virtual-parents', meaning: 'of virtual: names of ports, comma-separated' },
      { key: 'qos_max_rate', meaning: 'bits a second that the machine may send' },
      { key: 'qos_burst', meaning: 'bits that it may send at once' },
      { key: 'qos_min_rate', meaning: 'not supported yet; listed by `iovctl problems`' },
      { key: 'vif-plug-type', meaning: 'not supported; listed by `iovctl problems`' },
    ],
  },
  {
    where: 'Southbound Chassis `other_config`',
    room: 'coordinator',
    note: 'Written for our agents as ovn-controller would, with all that northd and the CMS look for.',
    keys: [
      { key: 'iovisor-abi', meaning: 'written: this chassis is an agent of ours; its ABI version' },
      { key: 'is-interconn', meaning: 'gateway between availability zones' },
      {
        key: 'is-remote',
        meaning: 'of another availability zone: only interconnection gateways have a tunnel to it',
      },
    ],
  },
  {
    where: 'Southbound Encap `options`',
    room: 'coordinator',
    keys: [
      { key: 'csum', meaning: 'outer UDP checksums' },
      { key: 'is_default', meaning: 'the tunnel address to use when nothing else decides' },
    ],
  },
  {
    where: 'Southbound Port_Binding `options`',
    room: 'coordinator',
    keys: [
      {
        key: 'l3gateway-chassis',
        meaning: 'of l3gateway: chassis of the gateway router, by northd; only shown, nothing is routed yet',
      },
    ],
  },
  {
    where: 'Southbound Datapath_Binding `external_ids`',
    room: 'coordinator',
    keys: [
      { key: 'logical-switch', meaning: 'uuid of the Logical_Switch, by northd' },
      {
        key: 'logical-router',
        meaning: 'uuid of the Logical_Router, by northd; only shown, nothing is routed yet',
      },
      { key: 'name', meaning: 'its name, while Northbound is not known' },
    ],
  },
];
