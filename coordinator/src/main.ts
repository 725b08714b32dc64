import { setFlagsFromString } from 'node:v8';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { ServiceManager } from '@iovisor-ovn/systemd';
import { CommanderError } from 'commander';
import { adminService } from './admin/admin-service.js';
import { readCoordinatorConfig } from './config/coordinator-config.js';
import { UsageError } from './config/settings.js';
import { Coordinator } from './coordinator.js';
import { openLog } from './log.js';
import { serveMetrics } from './metrics.js';
import { GrpcServer } from './server.js';
import { version } from './version.js';

// The young generation stays at its first size: measured at 4,000 ports a quarter less resident memory at the same speed.
setFlagsFromString('--semi-space-growth-factor=1');
// Collecting that little needs no help from other threads, which would have to be woken.
setFlagsFromString('--no-parallel-scavenge');
// A change is a short burst of work all over the program. Code is optimized (on another thread, for milliseconds, on a core
// that somebody waits for) only when it is really hot: eight times V8's own patience. Measured: a tenth less processor time for
// each of the first hundreds of changes; a snapshot of 100 MB takes as long as before.
setFlagsFromString('--interrupt-budget=1081344');
// What is not that hot is compiled simply, and at once.
setFlagsFromString('--always-sparkplug');

async function main(): Promise<void> {
  // Its own lines would stand between ours; what matters of them comes as errors.
  setLogVerbosity(logVerbosity.NONE);
  const config = readCoordinatorConfig(process.argv, process.env, version);
  const log = openLog(config.logLevel);
  const manager = await ServiceManager.open(process.env, log);
  const coordinator = new Coordinator(config, log, version);
  const server = new GrpcServer({
    listen: config.listen,
    tls: config.tls,
    coordinator: coordinator.sessions.service,
    admin: adminService(coordinator, version),
  });
  const listen = await server.listen();
  const metrics = config.metrics && (await serveMetrics(coordinator, config.metrics));
  log.info({ listen, tls: config.tls !== undefined, nb: config.nb, sb: config.sb, version }, 'listening');
  if (config.warnPlaintext)
    log.warn(
      { listen },
      'no TLS: whoever reaches this address can be any hypervisor; give --tls-cert, --tls-key, --tls-ca',
    );
  const health = () => {
    server.setHealth('', coordinator.isServing);
    server.setHealth('leader', coordinator.leadership.held);
    server.setHealth('ovn-nb', coordinator.northbound.synced);
    server.setHealth('ovn-sb', coordinator.southbound.synced);
    manager.status(coordinator.summary);
  };
  coordinator.on('state', health);
  coordinator.start();
  health();
  // A standby, and one that waits for a database, do what they can: to start them again would help nobody.
  manager.ready();
  manager.watch(() => coordinator.stuck());

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    manager.stopping();
    log.info({ signal }, 'stopping; Southbound and the hypervisors stay as they are');
    // A database that does not answer must not keep it from ending.
    setTimeout(() => process.exit(0), 3000).unref();
    metrics?.close();
    await coordinator.stop();
    server.stop();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function isUsageError(error: unknown): error is UsageError {
  return error instanceof UsageError;
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError && error.exitCode === 0) process.exit(0);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`iovisor-coordinator: ${message.replaceAll('\n', ' ')}\n`);
  process.exit(isUsageError(error) ? 2 : 1);
});
