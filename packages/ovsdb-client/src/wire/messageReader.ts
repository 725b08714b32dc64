import type { Duplex } from 'node:stream';
import type { JsonObject } from './json.js';
import type { LargeContainer } from './large.js';
import { MessageFramer } from './messageFramer.js';
import { nextSlice, sliceExpired } from './timeSlice.js';
import { WireError } from './wireError.js';

/** Bytes that may wait for their turn before the socket is told to stop reading. */
const HIGH_WATER = 256 * 1024;
const CHUNK_BYTES = 32 * 1024;

/** Called for each message in order; the next one waits until a returned promise is settled. */
export type MessageHandler = (message: JsonObject | LargeContainer) => void | Promise<void>;

/**
 * Reads the messages of a stream one after the other, in time slices: while a handler or the slice budget makes it
 * wait, bytes stay in the kernel and the peer is held back. `fail` is called once at most: with a WireError, or with
 * whatever a handler threw.
 */
export class MessageReader {
  readonly #stream: Duplex;
  readonly #handle: MessageHandler;
  readonly #fail: (error: Error) => void;
  readonly #framer = new MessageFramer();
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #running = false;
  #stopped = false;
  #ended = false;

  constructor(stream: Duplex, handle: MessageHandler, fail: (error: Error) => void) {
    this.#stream = stream;
    this.#handle = handle;
    this.#fail = fail;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    const end = () => {
      this.#ended = true;
      if (!this.#running) this.#finish();
    };
    stream.on('end', end).on('close', end);
  }

  /** True while received bytes or a message wait for their turn: the peer is alive, it is we who are slow. */
  get busy(): boolean {
    return this.#running;
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#chunks.length = 0;
  }

  #receive(chunk: Buffer): void {
    if (this.#stopped) return;
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES)
      this.#chunks.push(chunk.subarray(at, at + CHUNK_BYTES));
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > HIGH_WATER) this.#stream.pause();
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      for (let chunk = this.#chunks.shift(); chunk; chunk = this.#chunks.shift()) {
        if (sliceExpired()) await nextSlice();
        if (this.#stopped) return;
        await this.#frame(chunk);
        this.#waitingBytes -= chunk.length;
        if (this.#stream.isPaused() && this.#waitingBytes <= HIGH_WATER / 2) this.#stream.resume();
      }
      this.#running = false;
      if (this.#ended) this.#finish();
    } catch (error) {
      if (!this.#stopped) this.#fail(error as Error);
      this.stop();
    } finally {
      this.#running = false;
    }
  }

  async #frame(chunk: Buffer): Promise<void> {
    const messages: (JsonObject | LargeContainer)[] = [];
    let broken: unknown;
    try {
      this.#framer.push(chunk, (message) => messages.push(message));
    } catch (error) {
      broken = error;
    }
    for (const message of messages) {
      if (this.#stopped) return;
      const pending = this.#handle(message);
      if (pending) await pending;
      if (sliceExpired()) await nextSlice();
    }
    if (broken) throw broken;
  }

  #finish(): void {
    if (this.#stopped) return;
    this.stop();
    const cut = this.#framer.partial ? ' in the middle of a message' : '';
    this.#fail(new WireError(`the peer closed the connection${cut}`));
  }
}
