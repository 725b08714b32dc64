import { performance } from 'node:perf_hooks';
import { BpfError, check } from './errors.js';
import type { BpfMap } from './map.js';
import { libbpf, type Pointer, SampleCallback } from './native/libbpf.js';
import { copyOf, lastErrno } from './native/libc.js';
import { whenReadable } from './readable.js';

export interface RingBufferOptions {
  /** Reads no longer than this at a time, then lets the event loop turn. Default 3 ms. */
  sliceMs?: number;
  /** After each reading nothing is looked at for this time: records come in packs, and a flood of them costs a share of time. Default 0. */
  pauseMs?: number;
}

/** What stops libbpf in between; no errno that it uses. */
const STOP = -4095;

/**
 * Reads a map of type ringbuf: each record once, in order, from the event loop. While nothing is written it costs nothing.
 * It keeps the process alive until close(). Several readers of one map share its records.
 */
export class RingBuffer {
  readonly #map: BpfMap;
  readonly #onRecord: (record: Buffer) => void;
  readonly #sliceMs: number;
  readonly #pauseMs: number;
  readonly #sample: SampleCallback;
  readonly #ring: Pointer;
  #end = 0;
  #error: { thrown: unknown } | undefined;
  #stopWaiting: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #reading = false;
  #closed = false;

  /**
   * Begins to read; what was written before comes first. The map must stay open until close().
   * @param onRecord gets each record as a Buffer of its own; what it throws is thrown from the event loop
   * @throws BpfError EINVAL if the map is no ring buffer
   */
  constructor(map: BpfMap, onRecord: (record: Buffer) => void, options: RingBufferOptions = {}) {
    this.#map = map;
    this.#onRecord = onRecord;
    this.#sliceMs = options.sliceMs ?? 3;
    this.#pauseMs = options.pauseMs ?? 0;
    this.#sample = new SampleCallback((_, data, size) => this.#take(data, Number(size)));
    this.#ring = libbpf().ring_buffer__new(map.fd, this.#sample, null, null);
    if (!this.#ring) {
      const errno = lastErrno();
      this.#sample.release();
      throw new BpfError('read', this.#target, errno, { hint: `It is of type ${map.type}` });
    }
    this.#wait();
  }

  get #target(): string {
    return `ring buffer ${this.#map.name}`;
  }

  /** No record comes after this; what is unread stays in the map. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWaiting?.();
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    if (!this.#reading) this.#free();
  }

  #free(): void {
    libbpf().ring_buffer__free(this.#ring);
    this.#sample.release();
  }

  #wait(): void {
    this.#stopWaiting = whenReadable(this.#map.fd, this.#target, () => this.#read());
  }

  #read(): void {
    this.#end = performance.now() + this.#sliceMs;
    this.#reading = true;
    const result = libbpf().ring_buffer__consume(this.#ring);
    this.#reading = false;
    const error = this.#error;
    this.#error = undefined;
    if (this.#closed) this.#free();
    else if (this.#pauseMs > 0) this.#timer = setTimeout(() => this.#wait(), this.#pauseMs);
    else if (result === STOP) this.#immediate = setImmediate(() => this.#read());
    else this.#wait();
    if (error !== undefined) throw error.thrown;
    if (result !== STOP) check(result, 'read', this.#target);
  }

  /** libbpf counts a record as read also when told to stop. */
  #take(data: bigint, size: number): number {
    try {
      this.#onRecord(copyOf(data, size));
    } catch (thrown) {
      this.#error = { thrown };
      return STOP;
    }
    return this.#closed || performance.now() >= this.#end ? STOP : 0;
  }
}
