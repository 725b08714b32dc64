import { defineMetrics, type MetricDefinition, processMetrics } from '@iovisor-ovn/exposition';

const DATABASE = { database: '`northbound` or `southbound`' };
const ONE_A_DATABASE = 'two';
const CHASSIS = { chassis: 'name of the chassis (its system-id)' };
const ONE_A_SESSION = 'one a connected agent';

/** All that a coordinator says of itself. What is about agents says the leader; a standby has no sessions. */
export const coordinatorMetrics = defineMetrics('iovisor_coordinator_', {
  build_info: {
    type: 'gauge',
    help: 'Version of the coordinator. Always 1.',
    labels: { version: 'of the coordinator' },
  },
  leader: { type: 'gauge', help: 'Whether this coordinator holds the leader lock; 0: it is a standby.' },
  serving: { type: 'gauge', help: 'Whether it leads with both databases current.' },
  database_connected: {
    type: 'gauge',
    help: 'Whether there is a connection to a server of the database.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_synced: {
    type: 'gauge',
    help: 'Whether the replica is current.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_server_info: {
    type: 'gauge',
    help: 'The server in use. Always 1; not there while there is none.',
    labels: {
      ...DATABASE,
      remote: 'as in --nb and --sb',
      model: '`standalone`, `clustered` or `relay`',
      leader: '`true` or `false`: of its RAFT cluster; a standalone server always is',
    },
    series: ONE_A_DATABASE,
  },
  database_connects_total: {
    type: 'counter',
    help: 'Connections to a server of the database.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_disconnects_total: {
    type: 'counter',
    help: 'Connections that were lost.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_failed_connects_total: {
    type: 'counter',
    help: 'Attempts to connect that failed; to pass by followers of a RAFT cluster counts, too.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_last_update_timestamp_seconds: {
    type: 'gauge',
    help: 'When rows came last, seconds since 1970; 0: never.',
    labels: DATABASE,
    series: ONE_A_DATABASE,
  },
  database_rows: { type: 'gauge', help: 'Rows replicated.', labels: DATABASE, series: ONE_A_DATABASE },
  nb_cfg: { type: 'gauge', help: 'NB_Global.nb_cfg contained in what agents are sent.' },
  chassis: { type: 'gauge', help: 'Chassis rows in Southbound, those of stock ovn-controller as well.' },
  ports: { type: 'gauge', help: 'Port_Binding rows.' },
  fdb_rows: { type: 'gauge', help: 'MACs learned, as Southbound has them.' },
  observed_macs_dropped_total: {
    type: 'counter',
    help: 'Observed MACs that were dropped because too many of one hypervisor waited.',
  },
  agents_connected: { type: 'gauge', help: 'Agents with a session.' },
  agent_connected: {
    type: 'gauge',
    help: 'Whether the agent of a chassis has a session. A chassis that was removed is not there; on a standby all are 0.',
    labels: CHASSIS,
    series: 'one a Chassis row that an agent of ours has made',
  },
  agent_lag_seconds: {
    type: 'gauge',
    help: 'How long the oldest change is known that the agent has not acknowledged; 0: it has everything.',
    labels: CHASSIS,
    series: ONE_A_SESSION,
  },
  agent_revisions_unacknowledged: {
    type: 'gauge',
    help: 'Commits sent to an agent that it has not acknowledged.',
    labels: CHASSIS,
    series: ONE_A_SESSION,
  },
  agent_nb_cfg: {
    type: 'gauge',
    help: 'NB_Global.nb_cfg that an agent has acknowledged in this session.',
    labels: CHASSIS,
    series: ONE_A_SESSION,
  },
  sessions_opened_total: { type: 'counter', help: 'Sessions of agents that were accepted.' },
  sessions_closed_total: { type: 'counter', help: 'Sessions of agents that ended.' },
  sessions_refused_total: {
    type: 'counter',
    help: 'Sessions that were refused. UNAVAILABLE: this is no leader; INVALID_ARGUMENT: a bad Hello; PERMISSION_DENIED: a certificate of another chassis; ALREADY_EXISTS: a second agent of the same name.',
    labels: { code: 'status of gRPC' },
    series: 'one a status that occurred',
  },
  commits_total: {
    type: 'counter',
    help: 'Commits sent to agents.',
    labels: { kind: '`full`: the first of a session, which makes the agent compare all it has; or `change`' },
    series: 'two',
  },
  intent_seconds: {
    type: 'histogram',
    help: 'From the event of a database until the agent acknowledged the commit that contains it; of the oldest change in each commit.',
  },
  intent_phase_seconds: {
    type: 'histogram',
    help: 'Parts of intent_seconds. What follows, the answer in Southbound, is southbound_write_seconds.',
    labels: {
      phase:
        '`compile`: from the event until it is worked in; `wait`: until the commit before is acknowledged and writes about the same chassis are done; `send`: until all is compiled for the agent and handed to the connection; `apply`: until the Ack is there',
    },
    series: 'four',
  },
  southbound_transactions_total: {
    type: 'counter',
    help: 'Transactions sent to Southbound.',
    labels: {
      result:
        '`committed`; `refused`: by the database; `retried`: the connection or the lock was lost, or the outcome is unknown',
    },
    series: 'three',
  },
  southbound_writes_total: {
    type: 'counter',
    help: 'Changes of Southbound rows that were asked for; many go in one transaction.',
    labels: { result: '`done`, `refused` or `retried`' },
    series: 'three',
  },
  southbound_write_seconds: {
    type: 'histogram',
    help: 'From the moment a change of Southbound was asked for until it is committed.',
  },
  southbound_writes_pending: { type: 'gauge', help: 'Changes of Southbound that wait or are being written.' },
  problems: {
    type: 'gauge',
    help: 'What iovctl problems lists, but for what the agents know themselves.',
    labels: {
      kind: 'what found it: `lsp`, `refused`, `database`, `twin`, `encap`, …; empty: the sum',
      table: 'of the row that is wrong; empty: it is no row',
    },
    series: 'one a kind and table that have problems, and the sum',
  },
  certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the first of the certificates in a configured file expires, seconds since 1970.',
    labels: { option: 'that names the file', file: 'its path' },
    series: 'one a file',
  },
});

/** For the documentation, and for those who check what queries ask for. */
export const coordinatorMetricDefinitions: readonly MetricDefinition[] = [
  ...Object.values<MetricDefinition>(coordinatorMetrics),
  ...Object.values<MetricDefinition>(processMetrics),
];
