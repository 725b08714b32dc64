/** Received bytes, addressed by their offset in the stream, taken from the front without re-copying what stays. */
export class ByteQueue {
  readonly #chunks: Buffer[] = [];
  #head = 0;
  #end = 0;

  /** Stream offset of the first byte held. */
  get head(): number {
    return this.#head;
  }

  /** Stream offset just after the last byte held. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#head;
  }

  append(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#end += chunk.length;
  }

  /** Removes and returns the bytes from the front up to stream offset `offset`. */
  take(offset: number): Buffer {
    const taken: Buffer[] = [];
    let chunk = this.#chunks[0];
    while (chunk && this.#head < offset) {
      const wanted = offset - this.#head;
      if (wanted >= chunk.length) {
        taken.push(chunk);
        this.#chunks.shift();
        this.#head += chunk.length;
      } else {
        taken.push(chunk.subarray(0, wanted));
        this.#chunks[0] = chunk.subarray(wanted);
        this.#head += wanted;
      }
      chunk = this.#chunks[0];
    }
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }

  /** Removes the bytes up to stream offset `offset` without looking at them. */
  drop(offset: number): void {
    this.take(offset);
  }
}
