import { setFlagsFromString } from 'node:v8';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { TlsFollower } from '@iovisor-ovn/endpoint';
import { openLog } from '@iovisor-ovn/log';
import { AdminService } from '@iovisor-ovn/proto';
import { ServiceManager } from '@iovisor-ovn/systemd';
import { CommanderError } from 'commander';
import { Access } from './admin/access.js';
import { adminService } from './admin/admin-service.js';
import { type Address, isLocal } from './config/address.js';
import { readCoordinatorConfig } from './config/coordinator-config.js';
import { UsageError } from './config/settings.js';
import { Coordinator } from './coordinator.js';
import { serveMetrics } from './metrics/serve.js';
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
  const log = openLog({ level: config.logLevel, base: { pid: process.pid } });
  const manager = await ServiceManager.open(process.env, log);
  const coordinator = new Coordinator(config, log, version);
  const tls = config.tls && new TlsFollower(config.tls);
  if (tls) coordinator.followTls('tls', tls);
  const access = new Access(config.rbac, log);
  const server = new GrpcServer({
    listen: config.listen,
    tls,
    coordinator: coordinator.sessions.service,
    admin: access.guard(AdminService, adminService(coordinator, version, log)),
  });
  // Who came in under authorities that do not count any more has to come anew.
  tls?.on('changed', (_material, { ca }) => {
    if (!ca) return;
    coordinator.sessions.endAll('the authorities that certificates must be signed by have changed');
    server.endConnections();
  });
  const listen = await server.listen();
  const metrics = config.metrics && (await openMetrics(config.metrics));
  log.info({ listen, tls: config.tls !== undefined, nb: config.nb, sb: config.sb, version }, 'listening');
  if (!tls && config.listen.some((address) => !isLocal(address)))
    log.warn(
      { listen },
      'no TLS, as wanted: whoever reaches this address can be any hypervisor and any operator',
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

  process.on('SIGHUP', async () => {
    log.info('SIGHUP: looking at the TLS files');
    manager.reloading();
    await coordinator.reloadTls();
    manager.ready();
  });

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    manager.stopping();
    log.info({ signal }, 'stopping; Southbound and the hypervisors stay as they are');
    // A database that does not answer must not keep it from ending.
    setTimeout(() => process.exit(0), 3000).unref();
    server.setStopping();
    coordinator.off('state', health);
    metrics?.close();
    await coordinator.stop();
    server.stop();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  function openMetrics(address: Address) {
    const plain = !tls || config.plainMetrics || isLocal(address);
    const { certificateFiles } = config;
    const context = { address, tls: plain ? undefined : tls, access, version, certificateFiles };
    return serveMetrics(coordinator, context);
  }
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
