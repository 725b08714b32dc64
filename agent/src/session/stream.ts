import type { ChannelCredentials } from '@grpc/grpc-js';
import { tlsChannelOptions } from '@iovisor-ovn/endpoint';
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

export type MessageHandler = (message: CoordinatorMessage) => Promise<void> | undefined;

/** One Session call on a connection of its own. */
export interface SessionStream {
  write(message: AgentMessage): boolean;
  on(event: 'drain', listener: () => void): unknown;
  /**
   * Gives each message to `handle`; the next one waits for the promise that it returns, if any. Resolves when the coordinator
   * ends the call. An async iterator would say the same, at the cost of a dozen microtasks for each message.
   * @throws ServiceError, Error, and what `handle` throws
   */
  read(handle: MessageHandler): Promise<void>;
  /** Breaks off; read() throws the reason. */
  abort(reason: string): void;
  /** Says that nothing more will come and waits for the coordinator to end. */
  end(milliseconds: number): Promise<void>;
  close(): void;
}

export function openStream(address: Address, credentials: ChannelCredentials, timing: Timing): SessionStream {
  const client = new CoordinatorClient(grpcTarget(address), credentials, {
    ...(address.kind === 'tcp' ? tlsChannelOptions(address.host) : {}),
    'grpc.keepalive_time_ms': timing.keepaliveMs,
    'grpc.keepalive_timeout_ms': timing.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_retries': 0,
    // A proxy meant for the web must not get between the rooms of one site.
    'grpc.enable_http_proxy': 0,
    // Each attempt stands for itself: no connection of an earlier one, and its pauses, may be shared.
    'grpc.use_local_subchannel_pool': 1,
    // Nobody asks for its statistics, and they are kept at each message.
    'grpc.enable_channelz': 0,
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
  function read(handle: MessageHandler): Promise<void> {
    return new Promise((resolve, reject) => {
      let handled: Promise<void> | undefined;
      let over = false;
      // What is being handled is handled to its end: the next attempt must not overtake it.
      const settle = (error?: unknown) => {
        over = true;
        const cause = reason ?? error;
        const done = () => (cause === undefined ? resolve() : reject(cause));
        if (handled === undefined) done();
        else handled.then(done, done);
      };
      const take = (message: CoordinatorMessage) => {
        clearTimeout(timer);
        if (over) return;
        try {
          handled = handle(message);
        } catch (error) {
          settle(error);
        }
        if (handled === undefined) return;
        call.pause();
        const next = () => {
          handled = undefined;
          call.resume();
        };
        handled.then(next, settle);
      };
      call.on('data', take).on('end', () => settle());
      call.on('error', settle);
    });
  }
  return {
    write: (message) => call.write(message),
    on: (event, listener) => call.on(event, listener),
    read,
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
