import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChannelCredentials, Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { channelCredentials, TlsFollower, tlsChannelOptions } from '@iovisor-ovn/endpoint';
import { material, OvsPki } from '@iovisor-ovn/endpoint/testing';
import test, { type ExecutionContext } from 'ava';
import { HealthServer } from './healthServer.js';

const same = (bytes: Buffer) => bytes;

function clientOf(t: ExecutionContext, address: string, given: ChannelCredentials): Client {
  const client = new Client(address, given, tlsChannelOptions('127.0.0.1'));
  t.teardown(() => client.close());
  return client;
}

/** HealthCheckResponse.status: 1 is SERVING. */
function check(client: Client): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, reply?: Buffer) =>
      error ? reject(error) : resolve(reply?.[1]);
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), done);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

test('on a network address only with a certificate; reflection tells what there is', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'agent-health-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const pki = await OvsPki.create(join(dir, 'pki'));
  const [own, probe] = await Promise.all([pki.switch('hv1'), pki.controller('probe')]);
  const port = await freePort();
  const server = new HealthServer({ kind: 'tcp', host: '0.0.0.0', port }, new TlsFollower(own));
  await server.listen();
  t.teardown(() => server.close());
  server.set('', true);
  const address = `127.0.0.1:${port}`;
  const known = clientOf(t, address, channelCredentials(material(probe)));
  t.is(await check(known), 1);
  // The agent trusts the authority of coordinators.
  const stranger = { ...material(own), ca: material(probe).ca };
  await t.throwsAsync(check(clientOf(t, address, channelCredentials(stranger))));
  await t.throwsAsync(check(clientOf(t, address, credentials.createInsecure())));

  const reply = await new Promise<Buffer>((resolve, reject) => {
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream = known.makeBidiStreamRequest(path, same, same);
    stream.on('data', resolve).on('error', reject);
    // ServerReflectionRequest{list_services = 7: "*"}
    stream.write(Buffer.from([0x3a, 1, 0x2a]));
  });
  t.true(reply.includes('grpc.health.v1.Health'));
});
