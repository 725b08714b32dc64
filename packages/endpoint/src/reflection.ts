import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** What a worker needs to know the services. */
export interface ReflectionSources {
  /** .proto files that declare the services, as the include directories find them. */
  readonly files: readonly string[];
  readonly includeDirs: readonly string[];
}

/** A question for the worker and its answer, by number; messages as they come from and go to the wire. */
export interface ReflectionQuestion {
  readonly id: number;
  readonly service: string;
  readonly bytes: Uint8Array;
}
export interface ReflectionAnswer {
  readonly id: number;
  readonly bytes?: Uint8Array;
  readonly error?: string;
}

export const reflectionServices = [
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
] as const;

/** Who asks once asks again at once; then for long nobody does. */
const idleMs = 10_000;

type Call = ServerDuplexStream<Buffer, Buffer>;

/**
 * gRPC server reflection, both versions. Reading the .proto files takes a tenth of a second and ten megabytes, and hardly ever
 * does anybody ask: another thread does it when somebody does, and ends when nobody does any more.
 */
export function addReflection(server: Server, sources: ReflectionSources): void {
  const thread = new ReflectionThread(sources);
  for (const service of reflectionServices)
    server.addService(definition(service), implementation(service, thread));
}

function implementation(service: string, thread: ReflectionThread): UntypedServiceImplementation {
  return {
    serverReflectionInfo: (call: Call) => {
      let last: Promise<unknown> = Promise.resolve();
      call.on('data', (bytes: Buffer) => {
        // One question at a time, and answers in their order.
        call.pause();
        last = thread
          .ask(service, bytes)
          .then((answer) => call.write(answer))
          .catch((error: Error) => call.destroy(error))
          .finally(() => call.resume());
      });
      call.on('error', () => undefined);
      call.on('end', () => void last.then(() => call.end()));
    },
  };
}

/** Messages stay bytes: it is the other thread that knows them. */
function definition(service: string): ServiceDefinition {
  return {
    serverReflectionInfo: {
      path: `/${service}/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  };
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

class ReflectionThread {
  readonly #sources: ReflectionSources;
  readonly #waiting = new Map<number, { resolve(bytes: Buffer): void; reject(error: Error): void }>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #id = 0;

  constructor(sources: ReflectionSources) {
    this.#sources = sources;
  }

  ask(service: string, bytes: Buffer): Promise<Buffer> {
    this.#worker ??= this.#begin();
    clearTimeout(this.#idle);
    const question: ReflectionQuestion = { id: ++this.#id, service, bytes };
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#worker?.postMessage(question);
    });
  }

  #begin(): Worker {
    const worker = new Worker(new URL('./reflectionWorker.js', import.meta.url), {
      workerData: this.#sources,
    });
    worker.unref();
    worker.on('message', ({ id, bytes, error }: ReflectionAnswer) => {
      const asked = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (bytes === undefined) asked?.reject(new Error(error));
      else asked?.resolve(Buffer.from(bytes));
      if (this.#waiting.size === 0) this.#endWhenIdle(worker);
    });
    const failed = (error: Error) => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const asked of this.#waiting.values()) asked.reject(error);
      this.#waiting.clear();
    };
    worker.on('error', failed);
    void once(worker, 'exit').then(
      () => this.#worker === worker && failed(new Error('reflection has ended')),
    );
    return worker;
  }

  #endWhenIdle(worker: Worker): void {
    clearTimeout(this.#idle);
    const end = () => {
      if (this.#worker === worker) this.#worker = undefined;
      void worker.terminate();
    };
    this.#idle = setTimeout(end, idleMs).unref();
  }
}
