import { defineMetrics, type MetricDefinition, processMetrics } from '@iovisor-ovn/exposition';

const PORT = {
  port: 'name of the Logical_Switch_Port; `others`: the sum of those above `--metrics-ports`',
  switch: 'name of its Logical_Switch; empty for `others`',
};
const ONE_A_PORT = 'one a local port, at most `--metrics-ports` and `others`';
const REASON = 'as in `iovctl drops`';
const TUNNEL = {
  chassis: 'name of the other chassis',
  encap: '`geneve` or `vxlan`',
  local_ip: 'address of this end',
  remote_ip: 'address of the other end',
};
const ONE_A_TUNNEL = 'one an address of another chassis';
const MODULE = { module: 'IOModule, and program in it' };
const MAP = { map: 'name of the BPF map' };

/** All that an agent says of itself and its data plane. */
export const agentMetrics = defineMetrics('iovisor_agent_', {
  build_info: { type: 'gauge', help: 'Version of the agent. Always 1.', labels: { version: 'of the agent' } },
  ovsdb_connected: { type: 'gauge', help: 'Whether the local Open_vSwitch database answers.' },
  ovsdb_connects_total: {
    type: 'counter',
    help: 'Times the local database was there and read; more than 1: it had gone away.',
  },
  session_live: { type: 'gauge', help: 'Whether a coordinator has accepted the session.' },
  sessions_total: { type: 'counter', help: 'Sessions that a coordinator accepted.' },
  session_failures_total: {
    type: 'counter',
    help: 'Sessions that ended, and attempts at one that failed.',
  },
  resyncs_total: {
    type: 'counter',
    help: 'Full commits: the coordinator compared everything that this agent holds, as after a reconnect.',
  },
  datapath_synced: { type: 'gauge', help: 'Whether the maps follow the intents of a coordinator.' },
  revision: { type: 'gauge', help: 'Revision of the session that was applied last.' },
  nb_cfg: { type: 'gauge', help: 'NB_Global.nb_cfg that is in effect here.' },
  commits_total: { type: 'counter', help: 'Commits applied.' },
  apply_seconds: {
    type: 'histogram',
    help: 'From the arrival of a commit until the maps of the data plane have it.',
  },
  intent_seconds: {
    type: 'histogram',
    help: 'From the arrival of the first delta of a commit until the maps of the data plane have it.',
  },
  problems: {
    type: 'gauge',
    help: 'What iovctl problems lists of this node.',
    labels: { table: 'of the row that is wrong; empty: it is no row' },
    series: 'one a table that has problems, and the empty one',
  },
  refused_resources: { type: 'gauge', help: 'Intents that could not be applied, now.' },
  attach_failures: { type: 'gauge', help: 'Devices that do not take a program, now.' },
  repairs_total: {
    type: 'counter',
    help: 'What somebody else had changed in the kernel and the agent put right.',
    labels: {
      kind: '`map` (an entry of it), `program` (a slot of the program array), `attachment` (of a program to a device), `pin`',
    },
    series: 'one a kind',
  },
  audit_rounds_total: {
    type: 'counter',
    help: 'Times that all maps in the kernel were compared with what they should hold.',
  },
  audit_seconds_total: { type: 'counter', help: 'Processor time that this took.' },
  damages: {
    type: 'gauge',
    help: 'What somebody else changed in the kernel and the agent could not put right, now: `datapath` is not serving while it is more than 0.',
  },
  ports: { type: 'gauge', help: 'Logical ports that are bound here.' },
  ports_forwarding: { type: 'gauge', help: 'Logical ports here that forward.' },
  port_receive_packets_total: {
    type: 'counter',
    help: 'Packets from the machine behind the port.',
    labels: PORT,
    series: ONE_A_PORT,
  },
  port_receive_bytes_total: {
    type: 'counter',
    help: 'Bytes from the machine behind the port.',
    labels: PORT,
    series: ONE_A_PORT,
  },
  port_transmit_packets_total: {
    type: 'counter',
    help: 'Packets to the machine behind the port.',
    labels: PORT,
    series: ONE_A_PORT,
  },
  port_transmit_bytes_total: {
    type: 'counter',
    help: 'Bytes to the machine behind the port.',
    labels: PORT,
    series: ONE_A_PORT,
  },
  port_forwarding: {
    type: 'gauge',
    help: 'Whether the port forwards: its device carries the programs, and it is configured. Of others: how many do.',
    labels: PORT,
    series: ONE_A_PORT,
  },
  port_dropped_packets_total: {
    type: 'counter',
    help: 'Packets dropped at a port, by reason.',
    labels: { ...PORT, reason: REASON },
    series: 'one a port and reason that occurred there; above `--metrics-ports` one a reason',
  },
  dropped_packets_total: {
    type: 'counter',
    help: 'Packets dropped, by reason; those that belong to no port are in as well.',
    labels: { reason: REASON },
    series: 'one a reason',
  },
  tunnel_receive_packets_total: {
    type: 'counter',
    help: 'Packets from another chassis.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_receive_bytes_total: {
    type: 'counter',
    help: 'Bytes from another chassis, without outer headers.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_receive_dropped_packets_total: {
    type: 'counter',
    help: 'Packets from another chassis that were dropped.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_transmit_packets_total: {
    type: 'counter',
    help: 'Packets to another chassis.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_transmit_bytes_total: {
    type: 'counter',
    help: 'Bytes to another chassis, without outer headers.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_transmit_dropped_packets_total: {
    type: 'counter',
    help: 'Packets to another chassis that were dropped.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  tunnel_resolved: {
    type: 'gauge',
    help: 'Whether the next hop to the chassis is known.',
    labels: TUNNEL,
    series: ONE_A_TUNNEL,
  },
  module_program_info: {
    type: 'gauge',
    help: 'Programs of the IOModules that are loaded, as bpftool prog shows them. Always 1.',
    labels: { ...MODULE, program_id: 'in the kernel', tag: 'hash of its instructions' },
    series: 'one a program',
  },
  module_runs_total: {
    type: 'counter',
    help: 'Packets that came through a program since it was loaded. Counted by the kernel only while sysctl kernel.bpf_stats_enabled is 1.',
    labels: MODULE,
    series: 'one a program',
  },
  module_run_seconds_total: {
    type: 'counter',
    help: 'Processor time of a program and of those it jumps to. Counted by the kernel only while sysctl kernel.bpf_stats_enabled is 1.',
    labels: MODULE,
    series: 'one a program',
  },
  hover_modules: { type: 'gauge', help: 'Modules that were loaded through the Hover API.' },
  hover_dropped_packets_total: {
    type: 'counter',
    help: 'Packets dropped between modules of the Hover API, by reason.',
    labels: { reason: '`unlinked_port`, …' },
    series: 'one a reason, once a module was loaded',
  },
  map_entries: {
    type: 'gauge',
    help: 'Entries of a BPF map that can become full.',
    labels: MAP,
    series: 'one a map',
  },
  map_max_entries: {
    type: 'gauge',
    help: 'Entries that a BPF map has room for.',
    labels: MAP,
    series: 'one a map',
  },
  map_updates_total: { type: 'counter', help: 'Entries of maps that were written.' },
  map_deletes_total: { type: 'counter', help: 'Entries of maps that were removed.' },
  certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the first of the certificates in a configured file expires, seconds since 1970.',
    labels: { option: 'that names the file', file: 'its path' },
    series: 'one a file',
  },
});

/** For the documentation, and for those who check what queries ask for. */
export const agentMetricDefinitions: readonly MetricDefinition[] = [
  ...Object.values<MetricDefinition>(agentMetrics),
  ...Object.values<MetricDefinition>(processMetrics),
];
