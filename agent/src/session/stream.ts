import type { ChannelCredentials } from '@grpc/grpc-js';
import { type AgentMessage, CoordinatorClient, type CoordinatorMessage } from '@iovisor-ovn/proto';
import { type Address, grpcTarget } from './address.js';

/** Milliseconds. */
export interface Timing {
  /** Until the first message from a coordinator. */
  welcomeMs: number;
  /** A silent connection is asked after this time … */
  keepaliveMs: number;
  /** … and given up when it does not answer within this. */
  keepaliveTimeoutMs: number;
  /** For the coordinator to read a Goodbye. */
  goodbyeMs: number;
  backoff: { minMs: number; maxMs: number };
}

export const DEFAULT_TIMING: Timing = {
  welcomeMs: 5000,
  keepaliveMs: 5000,
  keepaliveTimeoutMs: 3000,
  goodbyeMs: 1000,
  backoff: { minMs: 200, maxMs: 5000 },
};

/** A Delta is at most 1 MiB by contract. */
const MAX_MESSAGE_BYTES = 16 << 20;

/** One Session call on a connection of its own. */
export interface SessionStream {
  write(message: AgentMessage): boolean;
  on(event: 'drain', listener: () => void): unknown;
  /** Until the coordinator ends the call. @throws ServiceError, Error */
  messages(): AsyncGenerator<CoordinatorMessage>;
  /** Breaks off; messages() throws the reason. */
  abort(reason: string): void;
  /** Says that nothing more will come and waits for the coordinator to end. */
  end(milliseconds: number): Promise<void>;
  close(): void;
}

export function openStream(address: Address, credentials: ChannelCredentials, timing: Timing): SessionStream {
  const client = new CoordinatorClient(grpcTarget(address), credentials, {
    'grpc.keepalive_time_ms': timing.keepaliveMs,
    'grpc.keepalive_timeout_ms': timing.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_retries': 0,
    // A proxy meant for the web must not get between the rooms of one site.
    'grpc.enable_http_proxy': 0,
    // Each attempt stands for itself: no connection of an earlier one, and its pauses, may be shared.
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = client.session();
  let reason: Error | undefined;
  const abort = (text: string) => {
    reason ??= new Error(text);
    call.cancel();
  };
  const timer = setTimeout(() => abort(`no answer within ${timing.welcomeMs} ms`), timing.welcomeMs);
  // The reader throws it; a listener must be there while nobody reads.
  call.on('error', () => clearTimeout(timer));
  const ended = new Promise<void>((resolve) => call.once('close', resolve).once('status', () => resolve()));
  async function* messages(): AsyncGenerator<CoordinatorMessage> {
    try {
      for await (const message of call) {
        clearTimeout(timer);
        yield message as CoordinatorMessage;
      }
    } catch (error) {
      throw reason ?? error;
    }
    if (reason !== undefined) throw reason;
  }
  return {
    write: (message) => call.write(message),
    on: (event, listener) => call.on(event, listener),
    messages,
    abort,
    end: async (milliseconds) => {
      call.end();
      const patience = setTimeout(() => abort('the coordinator did not end the session'), milliseconds);
      await ended;
      clearTimeout(patience);
    },
    close: () => {
      clearTimeout(timer);
      call.cancel();
      client.close();
    },
  };
}
