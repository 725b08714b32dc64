import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Client, credentials } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { HealthWatch } from '../testing/health.js';
import { iovctlBin } from '../testing/process.js';
import { scene } from '../testing/scene.js';
import { scrape } from '../testing/scrape.js';

const services = ['', 'ovn-nb', 'ovn-sb', 'leader'] as const;

function watch(t: ExecutionContext, address: string) {
  const [all, nb, sb, leader] = services.map((service) => new HealthWatch(address, service));
  t.teardown(() => {
    for (const one of [all, nb, sb, leader]) one!.close();
  });
  const is = (...wanted: boolean[]) =>
    Promise.all(
      [all, nb, sb, leader].map((one, index) => one!.until(wanted[index] ? 'SERVING' : 'NOT_SERVING')),
    );
  return { all: all!, nb: nb!, sb: sb!, leader: leader!, is };
}

test('health is what is true, whatever happens to a database, and who watches hears of it', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const seen = watch(t, made.coordinator.address);
  await seen.is(true, true, true, true);

  await central.stopServer('nb', 'SIGKILL');
  await seen.is(false, false, true, true);
  await central.startServer('nb');
  await seen.is(true, true, true, true);

  // Alive, but deaf for longer than the probe.
  central.signalServer('nb', 'SIGSTOP');
  central.signalServer('sb', 'SIGSTOP');
  await seen.is(false, false, false, false);
  central.signalServer('nb', 'SIGCONT');
  central.signalServer('sb', 'SIGCONT');
  await seen.is(true, true, true, true);
  t.deepEqual(seen.leader.seen, ['SERVING', 'NOT_SERVING', 'SERVING']);
  t.deepEqual(seen.sb.seen, ['SERVING', 'NOT_SERVING', 'SERVING']);

  const stopped = made.coordinator.stop();
  await seen.all.until('ENDED');
  t.is(await stopped, 0);
  t.deepEqual(seen.all.seen.slice(-2), ['NOT_SERVING', 'ENDED']);
});

test('a standby has the databases and does not serve, until the leader is gone', async (t) => {
  const made = await scene(t);
  const leader = made.coordinator;
  const standby = await made.startCoordinator({ until: 'standby' });
  const seen = watch(t, standby.address);
  await seen.is(false, true, true, false);
  const args = [iovctlBin, '--coordinator', standby.address, '--json', 'health', '--watch', 'leader'];
  const iovctl = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => iovctl.kill('SIGKILL'));
  const lines = createInterface(iovctl.stdout)[Symbol.asyncIterator]();
  const said = async () => (JSON.parse((await lines.next()).value ?? '{}') as { status?: string }).status;
  t.is(await said(), 'NOT_SERVING');
  await leader.stop('SIGKILL');
  await seen.is(true, true, true, true);
  t.is(await said(), 'SERVING');
  t.deepEqual(seen.nb.seen, ['SERVING']);
  const unknown = new HealthWatch(standby.address, 'nonsense');
  t.teardown(() => unknown.close());
  await unknown.until('SERVICE_UNKNOWN');
  await standby.stop('SIGKILL');
  t.is(await said(), 'UNREACHABLE');
});

test('gRPC reflection tells the services; what a killed coordinator left keeps nobody from serving metrics', async (t) => {
  const made = await scene(t);
  const metrics = `${made.central.dir}/metrics.sock`;
  for (const _ of ['the first', 'its successor']) {
    const coordinator = await made.startCoordinator({
      until: 'standby',
      listen: `unix:${made.central.dir}/killed.sock`,
      args: ['--metrics', `unix:${metrics}`],
    });
    t.regex(await scrape(metrics), /iovisor_coordinator_/);
    await coordinator.stop('SIGKILL');
  }
  const [{ address }] = [await made.startCoordinator({ until: 'standby' })];
  const client = new Client(address, credentials.createInsecure());
  t.teardown(() => client.close());
  const reply = await new Promise<Buffer>((resolve, reject) => {
    const same = (bytes: Buffer) => bytes;
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream = client.makeBidiStreamRequest(path, same, same);
    stream.on('data', resolve).on('error', reject);
    // ServerReflectionRequest{list_services = 7: "*"}
    stream.write(Buffer.from([0x3a, 1, 0x2a]));
  });
  for (const name of ['iovisor.v1.Coordinator', 'iovisor.v1.Admin', 'grpc.health.v1.Health'])
    t.true(reply.includes(name), name);
});
