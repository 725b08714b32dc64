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
import { type Family, gauge, type SecureOptions, serveMetrics as serve } from '@iovisor-ovn/exposition';
import type { Access } from './admin/access.js';
import type { Address } from './config/address.js';
import { UsageError } from './config/settings.js';
import type { Coordinator } from './coordinator.js';

export interface MetricsOptions {
  address: Address;
  /** Undefined: plain HTTP. */
  tls?: TlsFollower;
  /** With TLS: who may look. */
  access: Access;
}

/** Serves GET /metrics in Prometheus' text format. Rejects with UsageError when the address cannot be bound. */
export async function serveMetrics(
  coordinator: Coordinator,
  { address, tls, access }: MetricsOptions,
): Promise<Server> {
  try {
    if ('path' in address && !(await removeStaleSocket(address.path)))
      throw new Error(`${address.path} is in use by another process, or no socket`);
    const server = await serve(address, () => families(coordinator), tls && secure(tls, access));
    if (tls) followTls(server as TlsServer, tls);
    return server;
  } catch (error) {
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

function* families(coordinator: Coordinator): Generator<Family> {
  const { southbound, nbCfg } = coordinator.compiler;
  const sessions = [...coordinator.sessions.all()];
  const gauges: [name: string, help: string, value: number][] = [
    ['leader', 'Whether this coordinator holds the leader lock.', Number(coordinator.leadership.held)],
    ['serving', 'Whether it leads with both databases current.', Number(coordinator.isServing)],
    [
      'northbound_connected',
      'Whether the Northbound replica is current.',
      Number(coordinator.northbound.synced),
    ],
    [
      'southbound_connected',
      'Whether the Southbound replica is current.',
      Number(coordinator.southbound.synced),
    ],
    ['northbound_rows', 'Rows replicated from Northbound.', coordinator.northbound.rows],
    ['southbound_rows', 'Rows replicated from Southbound.', coordinator.southbound.rows],
    ['nb_cfg', 'NB_Global.nb_cfg contained in what agents are sent.', nbCfg],
    ['agents_connected', 'Agents with a session.', sessions.length],
    ['chassis', 'Chassis rows in Southbound.', southbound.chassis.size],
    ['ports', 'Port_Binding rows.', southbound.ports.size],
    ['fdb_rows', 'MACs learned, as Southbound has them.', southbound.macs.size],
    [
      'observed_macs_dropped',
      'Observed MACs that were dropped because too many of one hypervisor waited.',
      coordinator.droppedMacs,
    ],
    ['problems', 'Problems listed now.', coordinator.problems.size],
    ['resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()],
  ];
  for (const [name, help, value] of gauges) yield gauge(`iovisor_coordinator_${name}`, help, value);
  yield {
    name: 'iovisor_coordinator_agent_revisions_unacknowledged',
    help: 'Commits sent to an agent that it has not acknowledged.',
    type: 'gauge',
    samples: sessions.map(({ name, revisions }) => ({
      labels: { chassis: name },
      value: revisions.sent - revisions.acked,
    })),
  };
}
