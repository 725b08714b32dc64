import { setFlagsFromString } from 'node:v8';
import { openLog } from '@iovisor-ovn/log';
import { ServiceManager } from '@iovisor-ovn/systemd';
import { type Config, makeConfig, Printed, preflight, readOptions, UsageError } from './config/index.js';
import { VERSION } from './version.js';

// The young generation stays at its first size, and collecting it stays short: a millisecond, not five. That little needs no
// help from other threads, which would have to be woken.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--no-parallel-scavenge');
// A change is a short burst of work all over the program. Code is optimized (on another thread, for milliseconds, on a core
// that somebody waits for) only when it is really hot: eight times V8's own patience.
setFlagsFromString('--interrupt-budget=1081344');
// What is not that hot is compiled simply, and at once.
setFlagsFromString('--always-sparkplug');

/** Nothing that needs libbpf or the kernel is imported before the options are known to be good. */
async function configure(): Promise<Config> {
  const config = makeConfig(readOptions(process.argv.slice(2), process.env, VERSION));
  await preflight(config.bpffs);
  return config;
}

async function cleanUp(config: Config): Promise<void> {
  const [{ cleanup }, { cleanUpHover }, { Netlink }, { removeMadeDevices }] = await Promise.all([
    import('./datapath/index.js'),
    import('./hover/engine/leftovers.js'),
    import('./netlink/index.js'),
    import('./taps/index.js'),
  ]);
  const log = openLog({ level: config.logLevel, base: {}, fd: 2 });
  const netlink = Netlink.open(log);
  await netlink.start();
  const hover = cleanUpHover(config.bpffs, { links: [...netlink.links.values()], writer: netlink.writer });
  const { attachments, pins } = await cleanup(config.bpffs, netlink.links.keys());
  const devices = removeMadeDevices(netlink);
  await netlink.writer.removed;
  netlink.close();
  const what = `${attachments + hover.attachments} attached programs, ${devices.length} devices and ${pins + hover.pins} pins under ${config.bpffs}`;
  process.stdout.write(`removed ${what}\n`);
}

async function run(config: Config): Promise<void> {
  const log = openLog({ level: config.logLevel, base: { name: 'iovisor-agent' } });
  const manager = await ServiceManager.open(process.env, log);
  manager.status('loading the IOModules');
  const { Agent, healthText } = await import('./agent.js');
  const starting = Agent.start(config, log, (health) => manager.status(healthText(health)));
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    manager.stopping();
    log.info({ signal }, 'stopping; the data plane goes on');
    await (await starting).stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  process.on('SIGHUP', async () => {
    log.info('SIGHUP: looking at the TLS files');
    const agent = await starting;
    manager.reloading();
    await agent.reloadTls();
    manager.ready();
  });
  // Bad input must not end the agent; what is unforeseen is logged with all there is to find it.
  process.on('unhandledRejection', (error) =>
    log.error({ error: String((error as Error)?.stack ?? error) }, 'unhandled'),
  );
  try {
    const agent = await starting;
    // The data plane is loaded, what an earlier agent pinned goes on, and health is served. That the coordinator or the local
    // database is away is no reason to start it again.
    manager.ready();
    manager.watch(() => agent.stuck);
  } catch (error) {
    log.fatal({ error: (error as Error).stack }, (error as Error).message);
    process.exit(1);
  }
}

try {
  const config = await configure();
  await (config.cleanup ? cleanUp(config) : run(config));
} catch (error) {
  if (!(error instanceof Printed)) {
    const { message } = error as Error;
    process.stderr.write(`iovisor-agent: ${message.split('\n')[0]}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
