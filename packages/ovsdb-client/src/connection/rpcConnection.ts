import type { Duplex } from 'node:stream';
import { stringifyExact } from '../wire/exactInteger.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/json.js';
import { LargeContainer, type MaybeLarge } from '../wire/large.js';
import { MessageReader } from '../wire/messageReader.js';
import { arrayItems, parseRpcMessage, type RpcMessage } from '../wire/rpcMessage.js';
import { ConnectionLostError, RpcError } from './errors.js';
import { InactivityProbe } from './inactivityProbe.js';

/** Requests have numbers for ids; only that something is received matters for a probe. */
const PROBE_ID = 'echo';

interface Pending {
  readonly method: string;
  readonly onReply: (result: MaybeLarge) => void | Promise<void>;
  readonly reject: (error: Error) => void;
}

/** Handles a notification; the messages after it wait for a returned promise. */
export type NotificationHandler = (params: readonly MaybeLarge[]) => void | Promise<void>;

/** JSON-RPC 1.0 over one socket (RFC 7047 section 4), both directions, with inactivity probes. */
export class RpcConnection {
  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  readonly closed: Promise<Error>;
  readonly #socket: Duplex;
  readonly #reader: MessageReader;
  readonly #probe: InactivityProbe;
  readonly #pending = new Map<number, Pending>();
  readonly #handlers = new Map<string, NotificationHandler>();
  #resolveClosed!: (reason: Error) => void;
  #closeReason: Error | undefined;
  #nextId = 0;

  /** `probeIntervalMs`: silence after which the peer is asked whether it lives, and again before it is given up; 0 = never. */
  constructor(socket: Duplex, probeIntervalMs: number) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    socket.on('data', () => this.#probe.activity());
    socket.on('error', (error) => this.close(error));
    this.#reader = new MessageReader(
      socket,
      (message) => this.#handle(message),
      (error) => this.close(error),
    );
    this.#probe = new InactivityProbe({
      intervalMs: probeIntervalMs,
      busy: () => this.#reader.busy,
      send: () => this.#send({ method: 'echo', params: [], id: PROBE_ID }),
      fail: (reason) => this.close(reason),
    });
  }

  /** Why the connection ended; undefined while it lives. */
  get closeReason(): Error | undefined {
    return this.#closeReason;
  }

  /** As the constructor's `probeIntervalMs`, from now on. */
  setProbeInterval(milliseconds: number): void {
    this.#probe.setInterval(milliseconds);
  }

  /**
   * Sends a request and resolves with its result. Rejects with RpcError when the server refuses it, with
   * ConnectionLostError when the connection ends before the reply, with the reason of `signal` when that aborts: a
   * transaction is then canceled if the server has not done it yet.
   */
  request(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<JsonValue> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const abort = () => {
        if (this.#pending.delete(id) && method === 'transact') this.notify('cancel', [id]);
        reject(signal!.reason as Error);
      };
      const settle = () => signal?.removeEventListener('abort', abort);
      const id = this.requestInOrder(
        method,
        params,
        (result) => {
          settle();
          if (!(result instanceof LargeContainer)) return resolve(result);
          return result.materialize().then(resolve);
        },
        (error) => {
          settle();
          reject(error);
        },
      );
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /**
   * Sends a request whose result is handled in the order of the stream: what the server sent after the reply waits
   * until `onReply` is through. Returns the id of the request.
   */
  requestInOrder(
    method: string,
    params: readonly unknown[],
    onReply: Pending['onReply'],
    reject: Pending['reject'],
  ): number {
    const id = this.#nextId++;
    if (this.#closeReason) {
      reject(
        new ConnectionLostError(`${method} was not sent: ${this.#closeReason.message}`, {
          maybeCommitted: false,
        }),
      );
      return id;
    }
    this.#pending.set(id, { method, onReply, reject });
    this.#send({ method, params, id });
    return id;
  }

  /** Sends a notification: no reply will come. */
  notify(method: string, params: readonly unknown[]): void {
    if (!this.#closeReason) this.#send({ method, params, id: null });
  }

  /**
   * Handles the notifications `method`; with `key` only those whose first parameter is this string. One handler each:
   * a later one replaces it. Returns the function that removes it.
   */
  onNotification(method: string, handler: NotificationHandler, key?: string): () => void {
    const name = key === undefined ? method : `${method} ${key}`;
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  /** Ends the connection at once. Requests without a reply are rejected with ConnectionLostError. */
  close(reason: Error): void {
    if (this.#closeReason) return;
    this.#closeReason = reason;
    this.#probe.stop();
    this.#reader.stop();
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
    for (const { method, reject } of this.#pending.values()) {
      const message = `the connection was lost before the reply to ${method} came: ${reason.message}`;
      reject(new ConnectionLostError(message, { maybeCommitted: method === 'transact', cause: reason }));
    }
    this.#pending.clear();
    this.#resolveClosed(reason);
  }

  #send(message: object): void {
    this.#socket.write(stringifyExact(message));
  }

  #handle(message: JsonObject | LargeContainer): void | Promise<void> {
    const parsed = parseRpcMessage(message);
    if (parsed.type === 'reply') return this.#handleReply(parsed);
    if (parsed.type === 'request') return this.#handleRequest(parsed);
    const params = arrayItems(parsed.params) ?? [];
    const handler =
      this.#handlers.get(`${parsed.method} ${String(params[0])}`) ?? this.#handlers.get(parsed.method);
    return handler?.(params);
  }

  #handleReply({ id, result, error }: Extract<RpcMessage, { type: 'reply' }>): void | Promise<void> {
    if (id === PROBE_ID) return;
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (!pending) return;
    this.#pending.delete(id as number);
    if (error !== null) return pending.reject(toRpcError(pending.method, error));
    const fail = (problem: unknown) => {
      pending.reject(problem as Error);
      throw problem;
    };
    try {
      return pending.onReply(result)?.catch(fail);
    } catch (problem) {
      fail(problem);
    }
  }

  #handleRequest({ id, method, params }: Extract<RpcMessage, { type: 'request' }>): void | Promise<void> {
    if (method !== 'echo')
      return this.#send({ id, result: null, error: { error: 'unknown method', details: method } });
    if (!(params instanceof LargeContainer)) return this.#send({ id, result: params, error: null });
    return params.materialize().then((result) => this.#send({ id, result, error: null }));
  }
}

function toRpcError(method: string, error: MaybeLarge): RpcError {
  if (typeof error === 'string') return new RpcError(method, error);
  if (isJsonObject(error) && typeof error.error === 'string') {
    const details = typeof error.details === 'string' ? error.details : undefined;
    return new RpcError(method, error.error, details);
  }
  return new RpcError(method, error instanceof LargeContainer ? 'unreadable error' : JSON.stringify(error));
}
