import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { WatchEvent, type WatchRequest } from '@iovisor-ovn/proto';
import type { ChangeFeed } from '../feed/change-feed.js';
import { AdminError } from './admin-error.js';

/** So many events wait for a watcher; one who is behind more is dropped. */
export const mostWaiting = 1000;
/** So many watch at once. */
const mostWatchers = 64;

/** What a WatchRequest may ask for. */
export const watchKinds = ['coordinator', 'database', 'node', 'port', 'problem', 'commit'] as const;

/**
 * Sends what changes until the other end goes.
 * @throws AdminError INVALID_ARGUMENT, RESOURCE_EXHAUSTED
 */
export function watch(feed: ChangeFeed, call: ServerWritableStream<WatchRequest, WatchEvent>): void {
  const { kinds, node, name } = call.request;
  const unknown = kinds.find((kind) => !(watchKinds as readonly string[]).includes(kind));
  if (unknown !== undefined)
    throw new AdminError(
      status.INVALID_ARGUMENT,
      `there is no kind of event "${unknown}"; there are ${watchKinds.join(', ')}`,
    );
  if (feed.size >= mostWatchers)
    throw new AdminError(status.RESOURCE_EXHAUSTED, `${mostWatchers} are watching already; end one of them`);
  const wanted = (event: WatchEvent) =>
    (kinds.length === 0 || kinds.includes(event.kind)) &&
    (node === '' || event.node === node) &&
    (name === '' || event.name === name);
  const queue = new WatchQueue(call, () => stop());
  const stop = feed.watch({
    event: (event) => {
      if (wanted(event)) queue.push(event);
    },
    closed: (reason) => queue.end(status.UNAVAILABLE, reason),
  });
  for (const event of ['cancelled', 'close', 'error'] as const) call.once(event, stop);
  const time = new Date().toISOString();
  queue.push(WatchEvent.create({ time, kind: 'watch', event: 'begun', message: 'watching' }));
}

/** Events on their way to one watcher: bounded, whatever the other end does. */
export class WatchQueue {
  readonly #call: Pick<ServerWritableStream<WatchRequest, WatchEvent>, 'write' | 'once' | 'emit'>;
  readonly #over: () => void;
  #waiting: WatchEvent[] = [];
  #full = false;
  #ended = false;

  /** @param over called when the watcher is dropped */
  constructor(
    call: Pick<ServerWritableStream<WatchRequest, WatchEvent>, 'write' | 'once' | 'emit'>,
    over: () => void,
  ) {
    this.#call = call;
    this.#over = over;
  }

  push(event: WatchEvent): void {
    if (this.#ended) return;
    if (!this.#full) {
      this.#write(event);
      return;
    }
    if (this.#waiting.length < mostWaiting) {
      this.#waiting.push(event);
      return;
    }
    this.end(
      status.RESOURCE_EXHAUSTED,
      `this watcher is too slow: ${mostWaiting} events waited for it; watch less (--kind, --node), or begin again`,
    );
  }

  /** Ends the call with a status; what waited is not sent. */
  end(code: status, details: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#over();
    this.#call.emit('error', { code, details });
  }

  #write(event: WatchEvent): void {
    if (this.#call.write(event)) return;
    this.#full = true;
    this.#call.once('drain', () => this.#drain());
  }

  #drain(): void {
    this.#full = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    // What does not fit waits again, in its order.
    for (const event of waiting) this.push(event);
  }
}
