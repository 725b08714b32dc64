import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  certificateNames,
  followTls,
  httpsOptions,
  removeStaleSocket,
  type TlsFollower,
} from '@iovisor-ovn/endpoint';
import {
  CertificateExpiry,
  type Family,
  family,
  ProcessMetrics,
  type Sample,
  type SecureOptions,
  serveMetrics as serve,
  single,
} from '@iovisor-ovn/exposition';
import type { Access } from '../admin/access.js';
import type { Address } from '../config/address.js';
import { UsageError } from '../config/settings.js';
import type { Coordinator } from '../coordinator.js';
import type { AgentSession } from '../session/agent-session.js';
import { isOurs } from '../southbound/claims.js';
import { coordinatorMetrics as m } from './definitions.js';

/** What the metrics say beside what the coordinator knows, and to whom. */
export interface MetricsContext {
  address: Address;
  /** Undefined: plain HTTP. */
  tls?: TlsFollower;
  /** With TLS: who may look. */
  access: Access;
  version: string;
  /** Files with certificates, by the option that names them. */
  certificateFiles: Readonly<Record<string, string | undefined>>;
}

/** Serves GET /metrics in Prometheus' text format. Rejects with UsageError when the address cannot be bound. */
export async function serveMetrics(coordinator: Coordinator, context: MetricsContext): Promise<Server> {
  const { address, tls, access } = context;
  const certificates = new CertificateExpiry();
  const ownProcess = new ProcessMetrics();
  function* all(): Generator<Family> {
    yield family(m.build_info, [{ labels: { version: context.version }, value: 1 }]);
    yield* stateFamilies(coordinator);
    yield* databaseFamilies(coordinator);
    yield* sessionFamilies(coordinator);
    yield* coordinator.latency.families();
    yield* southboundFamilies(coordinator);
    yield family(m.problems, problemSamples(coordinator));
    yield family(m.certificate_expiry_timestamp_seconds, certificates.samples(context.certificateFiles));
    yield* ownProcess.families();
  }
  try {
    if ('path' in address && !(await removeStaleSocket(address.path)))
      throw new Error(`${address.path} is in use by another process, or no socket`);
    const server = await serve(address, all, tls && secure(tls, access));
    if (tls) followTls(server as TlsServer, tls);
    return server;
  } catch (error) {
    ownProcess.close();
    throw new UsageError(`metrics: ${(error as Error).message}`);
  }
}

function secure(tls: TlsFollower, access: Access): SecureOptions {
  const refusal = (request: IncomingMessage) => {
    const certificate = (request.socket as TLSSocket).getPeerCertificate();
    return access.refusal(certificateNames(certificate), 'metrics', 'read-only');
  };
  return { tls: httpsOptions(tls), refusal };
}

function* stateFamilies(coordinator: Coordinator): Generator<Family> {
  const { southbound, nbCfg } = coordinator.compiler;
  yield single(m.leader, coordinator.leadership.held);
  yield single(m.serving, coordinator.isServing);
  yield single(m.nb_cfg, nbCfg);
  yield single(m.chassis, southbound.chassis.size);
  yield single(m.ports, southbound.ports.size);
  yield single(m.fdb_rows, southbound.macs.size);
  yield single(m.observed_macs_dropped_total, coordinator.droppedMacs);
}

function* databaseFamilies({ northbound, southbound }: Coordinator): Generator<Family> {
  const databases = Object.entries({ northbound, southbound });
  type Database = typeof northbound | typeof southbound;
  const each = (read: (database: Database) => number): Sample[] =>
    databases.map(([database, one]) => ({ labels: { database }, value: read(one) }));
  yield family(
    m.database_connected,
    each(({ client }) => Number(client.state === 'connected')),
  );
  yield family(
    m.database_synced,
    each(({ synced }) => Number(synced)),
  );
  const servers = databases.flatMap(([database, { client, server }]) => {
    if (client.remote === undefined) return [];
    const { model = '', leader = '' } = server ?? {};
    return [{ labels: { database, remote: client.remote, model, leader: String(leader) }, value: 1 }];
  });
  yield family(m.database_server_info, servers);
  yield family(
    m.database_connects_total,
    each(({ history }) => history.connects),
  );
  yield family(
    m.database_disconnects_total,
    each(({ history }) => history.disconnects),
  );
  yield family(
    m.database_failed_connects_total,
    each(({ history }) => history.failures),
  );
  yield family(
    m.database_last_update_timestamp_seconds,
    each(({ history }) => history.lastUpdate / 1000),
  );
  yield family(
    m.database_rows,
    each(({ rows }) => rows),
  );
}

function* sessionFamilies(coordinator: Coordinator): Generator<Family> {
  const { sessions } = coordinator;
  const { opened, closed, refused, commits } = sessions.counters;
  const each = (read: (session: AgentSession) => number): Sample[] =>
    [...sessions.all()].map((session) => ({ labels: { chassis: session.name }, value: read(session) }));
  yield single(m.agents_connected, [...sessions.all()].length);
  yield family(m.agent_connected, connectedSamples(coordinator));
  yield family(
    m.agent_lag_seconds,
    each(({ lagMs }) => lagMs / 1000),
  );
  yield family(
    m.agent_revisions_unacknowledged,
    each(({ revisions }) => revisions.sent - revisions.acked),
  );
  yield family(
    m.agent_nb_cfg,
    each(({ revisions }) => Number(revisions.nbCfgAcked)),
  );
  yield single(m.sessions_opened_total, opened);
  yield single(m.sessions_closed_total, closed);
  const refusals = [...refused].map(([code, value]) => ({ labels: { code }, value }));
  yield family(m.sessions_refused_total, refusals);
  const kinds = Object.entries(commits).map(([kind, value]) => ({ labels: { kind }, value }));
  yield family(m.commits_total, kinds);
}

function* connectedSamples({ compiler, sessions }: Coordinator): Generator<Sample> {
  for (const [chassis, { row }] of compiler.southbound.chassis)
    if (isOurs(row.other_config)) yield { labels: { chassis }, value: Number(sessions.isConnected(chassis)) };
}

function* southboundFamilies({ writes }: Coordinator): Generator<Family> {
  const byResult = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([result, value]) => ({ labels: { result }, value }));
  yield family(m.southbound_transactions_total, byResult(writes.transactions));
  yield family(m.southbound_writes_total, byResult(writes.writes));
  yield family(m.southbound_write_seconds, writes.latency.samples());
  yield single(m.southbound_writes_pending, writes.pending);
}

function problemSamples({ problems }: Coordinator): Sample[] {
  // One series is always there, so that an alert sees a count that rises from 0.
  const counts = new Map([['database\n', 0]]);
  for (const [kind, { table }] of problems.byKind()) {
    const key = `${kind}\n${table}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, value]) => {
    const [kind = '', table = ''] = key.split('\n');
    return { labels: { kind, table }, value };
  });
}
