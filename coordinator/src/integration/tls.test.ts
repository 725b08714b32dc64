import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServiceError, status } from '@grpc/grpc-js';
import { channelCredentials, type TlsPaths, tlsChannelOptions } from '@iovisor-ovn/endpoint';
import { material, OvsPki, TestAuthority, tlsFlags } from '@iovisor-ovn/endpoint/testing';
import { AdminClient, AdminService } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { neededRoles } from '../admin/access.js';
import { type Central, startCentral } from '../testing/central.js';
import { type Result, run } from '../testing/iovctl.js';
import { type CoordinatorProcess, iovctlBin, startCoordinator } from '../testing/process.js';
import { ScriptedAgent } from '../testing/scripted-agent.js';

const kinds = ['cert', 'key', 'ca'] as const;
let ports = 20_000 + (process.pid % 10_000);

/** Copies at fixed places, as a coordinator has them. */
function install(dir: string, from: TlsPaths): TlsPaths {
  mkdirSync(dir, { recursive: true });
  for (const kind of kinds) copyFileSync(from[kind], join(dir, kind));
  return { cert: join(dir, 'cert'), key: join(dir, 'key'), ca: join(dir, 'ca') };
}

/** A coordinator with TLS beside a unix socket, and who speaks with it. */
class Secured {
  readonly #t: ExecutionContext;
  readonly #port: number;
  readonly central: Central;
  coordinator!: CoordinatorProcess;

  constructor(t: ExecutionContext, central: Central) {
    this.#t = t;
    this.central = central;
    this.#port = ports++;
  }

  static async start(t: ExecutionContext, tls: TlsPaths, ...args: string[]): Promise<Secured> {
    const central = await startCentral();
    t.teardown(() => central.stop());
    const made = new Secured(t, central);
    const socket = `unix:${central.dir}/local.sock`;
    const more = [...tlsFlags(tls), '--listen', `${socket},${made.address}`, ...args];
    const coordinator = await startCoordinator(central, { listen: socket, args: more });
    t.teardown(() => coordinator.stop('SIGKILL'));
    made.coordinator = coordinator;
    return made;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  agent(name: string, paths: TlsPaths): ScriptedAgent {
    const credentials = channelCredentials(material(paths));
    const agent = new ScriptedAgent({ address: this.address, name, credentials });
    this.#t.teardown(() => agent.close());
    return agent;
  }

  async accepts(name: string, paths: TlsPaths): Promise<ScriptedAgent> {
    const agent = this.agent(name, paths);
    await agent.until(() => agent.commits.length > 0);
    return agent;
  }

  async refuses(name: string, paths: TlsPaths, code: status, details = /./): Promise<void> {
    const error = await this.agent(name, paths).untilEnded();
    this.#t.is(error?.code, code, error?.details);
    this.#t.regex(error?.details ?? '', details);
  }

  iovctl(paths: TlsPaths, ...args: string[]): Promise<Result> {
    return run(iovctlBin, '--coordinator', this.address, ...tlsFlags(paths), ...args);
  }

  /** Has it look at its files, and resolves with its log once that says so. */
  async reload(said: RegExp): Promise<void> {
    const before = this.coordinator.log.length;
    process.kill(this.coordinator.pid, 'SIGHUP');
    while (!said.test(this.coordinator.log.slice(before))) await new Promise((done) => setTimeout(done, 20));
  }
}

function pkiDirectory(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-pki-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return join(dir, 'pki');
}

test('certificates of ovs-pki as they are: the name is the chassis, or the role', async (t) => {
  const pki = await OvsPki.create(pkiDirectory(t));
  const [hv1, hv2, admin, reader, rogue, own] = await Promise.all([
    pki.switch('hv1'),
    pki.switch('hv2', { unique: true }),
    pki.switch('iovisor-admin'),
    pki.switch('iovisor-read-only'),
    pki.controller('hv3'),
    pki.controller('coordinator'),
  ]);
  const site = await Secured.start(t, own!);
  const agent = await site.accepts('hv1', hv1!);
  await site.accepts('hv2', hv2!);
  await site.refuses(
    'hv2',
    hv1!,
    status.PERMISSION_DENIED,
    /certificate is for "hv1", which cannot speak for chassis hv2/,
  );
  // That authority is for coordinators.
  await site.refuses('hv3', { ...rogue!, ca: pki.controllerCa }, status.UNAVAILABLE);

  const [nodes, denied, trace, all] = await Promise.all([
    site.iovctl(reader!, 'nodes'),
    site.iovctl(hv1!, 'ports'),
    site.iovctl(reader!, 'trace', 'none', 'ip4'),
    site.iovctl(admin!, 'port', 'none'),
  ]);
  t.is(nodes.code, 0, nodes.stderr);
  t.regex(nodes.stdout, /hv1/);
  t.not(denied.code, 0);
  t.regex(
    denied.stderr,
    /the certificate of "hv1" does not allow ListPorts: .*--rbac-read-only or --rbac-admin\n$/,
  );
  t.not(trace.code, 0);
  t.regex(all.stderr, /none/);
  t.notRegex(all.stderr, /does not allow/);
  // Who has that authority's signature may still be another than the one that is wanted.
  const impostor = await site.iovctl(admin!, '--tls-server-name', 'other', 'nodes');
  t.not(impostor.code, 0);
  t.is((await site.iovctl(admin!, '--tls-server-name', 'coordinator', 'nodes')).code, 0);
  t.is(agent.ended, undefined);
});

test('names in other forms, and none; every RPC of Admin has a role, and is kept from who has it not', async (t) => {
  const authority = await TestAuthority.create(pkiDirectory(t));
  const [own, san, both, several, nobody, expired, hv1, reader, admin] = await Promise.all([
    authority.sign('coordinator'),
    authority.sign('san', { subject: '/', alternativeNames: 'DNS:hv1,DNS:hv1.example.org' }),
    authority.sign('both', { subject: '/O=site/CN=hv2', alternativeNames: 'DNS:hv3' }),
    authority.sign('several', { subject: '/CN=hv1/CN=hv2' }),
    authority.sign('nobody', { subject: '/O=site' }),
    authority.sign('expired', { subject: '/CN=hv1', days: -1 }),
    authority.sign('hv1'),
    authority.sign('alice'),
    authority.sign('bob'),
  ]);
  const roles = ['--rbac-read-only', 'carol,alice', '--rbac-admin', 'bob'];
  const metricsPort = ports++;
  const site = await Secured.start(t, own!, ...roles, '--metrics', `0.0.0.0:${metricsPort}`);
  await site.accepts('hv1', san!);
  await site.accepts('hv1.example.org', san!);
  await site.accepts('hv2', both!);
  await site.refuses('hv3', both!, status.PERMISSION_DENIED, /for "hv2"/);
  await site.refuses('hv1', several!, status.PERMISSION_DENIED);
  await site.refuses('hv1', nobody!, status.PERMISSION_DENIED, /for ""/);
  await site.refuses('hv1', expired!, status.UNAVAILABLE);
  const late = await site.iovctl(expired!, 'nodes');
  t.is(late.code, 2);
  t.regex(late.stderr, /^iovctl: tls-cert: .*expired\.pem: has expired/);

  const clients = [hv1!, reader!, admin!].map(
    (paths) =>
      new AdminClient(site.address, channelCredentials(material(paths)), tlsChannelOptions('127.0.0.1')),
  );
  t.teardown(() => {
    for (const client of clients) client.close();
  });
  for (const { path, responseStream } of Object.values(AdminService)) {
    const rpc = path.split('/').at(-1)!;
    const role = neededRoles[rpc];
    t.truthy(role, `${rpc} has no role`);
    const denied = await Promise.all(clients.map((client) => isDenied(client, path, responseStream)));
    t.deepEqual(denied, [true, role === 'admin', false], rpc);
  }
  t.deepEqual(await scrape(metricsPort, hv1!).then(({ code }) => code), 403);
  for (const paths of [reader!, admin!]) {
    const { code, text } = await scrape(metricsPort, paths);
    t.is(code, 200);
    t.regex(text, /^iovisor_coordinator_leader 1$/m);
  }
  await t.throwsAsync(scrape(metricsPort, expired!));
  await t.throwsAsync(fetch(`http://127.0.0.1:${metricsPort}/metrics`));
  // The unix socket is guarded by its permissions.
  t.is((await run(iovctlBin, '--coordinator', site.coordinator.address, 'nodes')).code, 0);
});

/** As Prometheus does, which has a certificate. */
function scrape(port: number, paths: TlsPaths): Promise<{ code?: number; text: string }> {
  const own = { ...material(paths), checkServerIdentity: () => undefined };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/metrics', agent: false, ...own }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ code: response.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}

/** Calls an RPC with an empty request. */
async function isDenied(client: AdminClient, path: string, streams: boolean): Promise<boolean> {
  const same = (bytes: Buffer) => bytes;
  const empty = Buffer.alloc(0);
  const error = await new Promise<ServiceError | null>((resolve) => {
    if (!streams) return void client.makeUnaryRequest(path, same, same, empty, (failure) => resolve(failure));
    const stream = client.makeServerStreamRequest(path, same, same, empty);
    stream
      .on('error', resolve)
      .on('end', () => resolve(null))
      .once('data', () => {
        resolve(null);
        stream.cancel();
      });
  });
  return error?.code === status.PERMISSION_DENIED;
}

test('files that change are used without a restart; other authorities end the connections of before', async (t) => {
  const dir = pkiDirectory(t);
  const [before, after] = await Promise.all([
    TestAuthority.create(join(dir, 'before')),
    TestAuthority.create(join(dir, 'after')),
  ]);
  const [own, hv1, hv2, renewed, newHv1] = await Promise.all([
    before.sign('coordinator'),
    before.sign('hv1'),
    before.sign('hv2'),
    after.sign('coordinator'),
    after.sign('hv1'),
  ]);
  const installed = install(join(dir, 'installed'), own!);
  const site = await Secured.start(t, installed);
  const agent = await site.accepts('hv1', hv1!);

  // What is wrong is said once, and changes nothing.
  writeFileSync(installed.cert, readFileSync(own!.cert).subarray(0, 200));
  await site.reload(/--tls-cert: .*is cut off/);
  await site.reload(/SIGHUP/);
  t.is(site.coordinator.log.match(/"msg":"--tls-cert: .*is cut off/g)?.length, 1);
  const { stdout } = await run(iovctlBin, '--coordinator', site.coordinator.address, 'problems');
  t.regex(stdout, /is cut off/);
  await site.accepts('hv2', hv2!);

  // Another certificate: whoever is there stays.
  copyFileSync(renewed!.cert, installed.cert);
  copyFileSync(renewed!.key, installed.key);
  await site.reload(/other TLS files are in use/);
  t.regex(site.coordinator.log, /solved: --tls-cert/);
  t.is(agent.ended, undefined);
  await site.refuses('hv3', hv1!, status.UNAVAILABLE);
  await site.refuses('hv3', { ...hv1!, ca: after.ca }, status.PERMISSION_DENIED);

  // Other authorities: who is there goes, and only who is signed by them comes in.
  copyFileSync(after.ca, installed.ca);
  const ended = agent.untilEnded();
  await site.reload(/"ca":true/);
  t.is((await ended)?.code, status.UNAVAILABLE);
  await site.refuses('hv1', { ...hv1!, ca: after.ca }, status.UNAVAILABLE);
  await site.accepts('hv1', newHv1!);
  t.is(await site.coordinator.stop(), 0);
});
