import { once } from 'node:events';
import type { ServerDuplexStream, status } from '@grpc/grpc-js';
import type { AgentMessage, CoordinatorMessage } from '@iovisor-ovn/proto';

/** A session's gRPC stream as the session sees it: bounded sending, one clean end. */
export class SessionStream {
  readonly #call: ServerDuplexStream<AgentMessage, CoordinatorMessage>;
  readonly #closed: AbortController = new AbortController();

  constructor(call: ServerDuplexStream<AgentMessage, CoordinatorMessage>) {
    this.#call = call;
    const close = () => this.#closed.abort();
    for (const event of ['cancelled', 'end', 'error', 'close']) call.once(event, close);
    // A later error on a stream that is gone is no news.
    call.on('error', () => undefined);
  }

  get peer(): string {
    const peer = this.#call.getPeer();
    // What grpc-js makes of a unix socket's missing address.
    return peer === 'unknown' ? 'unix' : peer;
  }

  get ended(): boolean {
    return this.#closed.signal.aborted;
  }

  /** Calls `listener` when the stream is over, whoever ended it. */
  onEnd(listener: () => void): void {
    if (this.ended) listener();
    else this.#closed.signal.addEventListener('abort', listener, { once: true });
  }

  /** Sends a message; resolves when there is room for the next, or when the stream is over. */
  async send(message: CoordinatorMessage): Promise<void> {
    if (this.ended) return;
    if (this.#call.write(message)) return;
    await once(this.#call, 'drain', { signal: this.#closed.signal }).catch(() => undefined);
  }

  /** Ends the stream with a status. */
  end(code: status, details: string): void {
    if (this.ended) return;
    this.#call.emit('error', { code, details });
    this.#closed.abort();
  }
}
