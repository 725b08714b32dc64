import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Client, credentials, type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import test from 'ava';
import { addReflection, reflectionServices } from './reflection.js';

const require = createRequire(import.meta.url);
const protos = join(dirname(require.resolve('@grpc/reflection')), '../proto');

interface Reply {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number; errorMessage: string };
}

test('a real reflection client sees the services and their files, in both versions', async (t) => {
  const server = new Server();
  // Any .proto will do.
  const files = ['grpc/reflection/v1/reflection.proto'];
  addReflection(server, { files, includeDirs: [protos] });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  t.teardown(() => {
    client.close();
    server.forceShutdown();
  });
  for (const service of reflectionServices) {
    const version = service.split('.')[2];
    const { ServerReflectionInfo: method } = loadSync(`grpc/reflection/${version}/reflection.proto`, {
      includeDirs: [protos],
    })[service] as unknown as Record<string, MethodDefinition<object, object>>;
    const call = client.makeBidiStreamRequest(
      method!.path,
      method!.requestSerialize,
      method!.responseDeserialize,
    );
    for (const question of [
      { listServices: '*' },
      { fileContainingSymbol: service },
      { fileContainingSymbol: 'no.such.Symbol' },
    ])
      call.write(question);
    call.end();
    const replies: Reply[] = [];
    for await (const reply of call) replies.push(reply as Reply);
    const [listed, file, unknown] = replies;
    t.true(listed?.listServicesResponse?.service.some(({ name }) => name === service));
    t.true(file?.fileDescriptorResponse?.fileDescriptorProto[0]?.includes('ServerReflectionRequest'));
    t.is(unknown?.errorResponse?.errorCode, 5);
  }
});
