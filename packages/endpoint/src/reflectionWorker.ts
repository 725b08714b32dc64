import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { MethodDefinition, Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { ReflectionAnswer, ReflectionQuestion, ReflectionSources } from './reflection.js';

// The thread of reflection.ts: @grpc/reflection, whose server is a table of services and whose streams are bytes.

interface Captured {
  readonly definition: MethodDefinition<object, object>;
  handle(stream: EventEmitter & { write(message: object): void }): void;
}

const own = ['grpc/reflection/v1/reflection.proto', 'grpc/reflection/v1alpha/reflection.proto'];
const services = capture(workerData as ReflectionSources);

parentPort?.on('message', ({ id, service, bytes }: ReflectionQuestion) => {
  parentPort?.postMessage({ id, ...answer(service, bytes) } satisfies ReflectionAnswer);
});

function capture({ files, includeDirs }: ReflectionSources): Map<string, Captured> {
  const require = createRequire(import.meta.url);
  const protos = join(dirname(require.resolve('@grpc/reflection')), '../proto');
  const reflection = new ReflectionService(
    loadSync([...files, ...own], { includeDirs: [...includeDirs, protos] }),
  );
  const found = new Map<string, Captured>();
  const addService = (
    { ServerReflectionInfo: definition }: Record<string, MethodDefinition<object, object>>,
    { ServerReflectionInfo: handle }: Record<string, Captured['handle']>,
  ) => {
    if (definition && handle) found.set(definition.path.split('/')[1] ?? '', { definition, handle });
  };
  reflection.addToServer({ addService } as unknown as Server);
  return found;
}

function answer(service: string, bytes: Uint8Array): Omit<ReflectionAnswer, 'id'> {
  const captured = services.get(service);
  if (!captured) return { error: `no service ${service}` };
  try {
    const { definition, handle } = captured;
    let reply: Buffer | undefined;
    const write = (message: object) => {
      reply = definition.responseSerialize(message);
    };
    const stream = Object.assign(new EventEmitter(), { write });
    handle(stream);
    stream.emit('data', definition.requestDeserialize(Buffer.from(bytes)));
    return { bytes: reply };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
