import { Client, credentials } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

interface HealthResponse {
  status: string;
}

/**
 * Watches a gRPC health service (grpc.health.v1) until it says SERVING, and reconnects until then. `address` is HOST:PORT
 * or unix:PATH. Throws after `timeoutMs`.
 */
export async function serving(
  address: string,
  o: { service?: string; timeoutMs?: number; signal?: AbortSignal } = {},
) {
  const { timeoutMs = 60_000 } = o;
  const deadline = Date.now() + timeoutMs;
  // The first tries come before the server listens: gRPC must not wait a second between them.
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.min_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
  });
  let last = 'no answer';
  try {
    while (!o.signal?.aborted) {
      const status = await watch(client, o.service ?? '', deadline, (seen) => {
        last = seen;
      });
      if (status === 'SERVING') return;
      // A server that refuses at once must not be asked without pause.
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (Date.now() >= deadline)
        throw new Error(
          `health of ${address}${o.service ? ` (${o.service})` : ''}: ${last} after ${timeoutMs} ms`,
        );
    }
  } finally {
    client.close();
  }
}

/** One Watch call: resolves with SERVING, or with why it ended. */
function watch(
  client: Client,
  name: string,
  deadline: number,
  seen: (status: string) => void,
): Promise<string> {
  const { Watch } = service;
  const { path, requestSerialize, responseDeserialize } = Watch!;
  return new Promise((resolve) => {
    client.waitForReady(deadline, (notReady) => {
      if (notReady) return resolve('unreachable');
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize as (request: object) => Buffer,
        responseDeserialize as (bytes: Buffer) => HealthResponse,
        { service: name },
        { deadline },
      );
      call.on('data', ({ status }: HealthResponse) => {
        seen(status);
        if (status !== 'SERVING') return;
        resolve(status);
        call.cancel();
      });
      call.on('error', (error) => resolve(error.message));
      call.on('end', () => resolve('ended'));
    });
  });
}
