import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';

/**
 * Resolves when grpc.health.v1 at `address` says SERVING for `service`: it watches, and connects anew while nobody
 * listens yet.
 */
export async function waitHealthy(address: string, service = ''): Promise<void> {
  for (;;) {
    const client = new Client(address, credentials.createInsecure());
    try {
      await new Promise<void>((resolve, reject) => {
        const stream = client.makeServerStreamRequest(
          '/grpc.health.v1.Health/Watch',
          encodeRequest,
          decodeStatus,
          service,
        );
        stream.on('data', (serving: boolean) => serving && resolve());
        stream.on('error', (error: ServiceError) => reject(error));
        stream.on('end', () => reject(new Error('the health stream ended')));
      });
      return;
    } catch {
      // Nobody listens there yet, and nothing tells when somebody will.
      await delay(20);
    } finally {
      client.close();
    }
  }
}

/** HealthCheckRequest{service = 1}. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

/** HealthCheckResponse{status = 1}: true for SERVING (1). */
function decodeStatus(bytes: Buffer): boolean {
  return bytes[0] === 0x08 && bytes[1] === 1;
}

/** Of HealthCheckResponse. */
export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN' | 'ENDED';
const statuses: readonly ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** One Watch stream of grpc.health.v1, and all it said. */
export class HealthWatch {
  /** In order; ENDED when the stream is over. */
  readonly seen: ServingStatus[] = [];
  readonly #client: Client;
  #wake: () => void = () => undefined;

  constructor(address: string, service: string) {
    this.#client = new Client(address, credentials.createInsecure());
    const add = (status: ServingStatus) => {
      this.seen.push(status);
      this.#wake();
    };
    this.#client
      .makeServerStreamRequest(
        '/grpc.health.v1.Health/Watch',
        encodeRequest,
        (bytes): ServingStatus => statuses[bytes[1] ?? 0] ?? 'UNKNOWN',
        service,
      )
      .on('data', add)
      .on('error', () => add('ENDED'));
  }

  /** Resolves when this was said last. */
  async until(status: ServingStatus): Promise<void> {
    while (this.seen.at(-1) !== status)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  close(): void {
    this.#client.close();
  }
}
