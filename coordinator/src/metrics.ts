import { createServer, type Server } from 'node:http';
import type { Address } from './config/address.js';
import { UsageError } from './config/settings.js';
import type { Coordinator } from './coordinator.js';

/** Serves GET /metrics in Prometheus' text format. Rejects with UsageError when the address cannot be bound. */
export function serveMetrics(coordinator: Coordinator, address: Address): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/metrics';
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(found ? metricsText(coordinator) : 'see /metrics\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new UsageError(`metrics: ${error.message}`)));
    server.listen('path' in address ? { path: address.path } : address, () => resolve(server));
  });
}

function metricsText(coordinator: Coordinator): string {
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
  const lines = gauges.map(
    ([name, help, value]) =>
      `# HELP iovisor_coordinator_${name} ${help}\n# TYPE iovisor_coordinator_${name} gauge\niovisor_coordinator_${name} ${value}`,
  );
  const waiting = sessions.map(
    (session) =>
      `iovisor_coordinator_agent_revisions_unacknowledged{chassis=${JSON.stringify(session.name)}} ${session.revisions.sent - session.revisions.acked}`,
  );
  return `${[...lines, '# TYPE iovisor_coordinator_agent_revisions_unacknowledged gauge', ...waiting].join('\n')}\n`;
}
