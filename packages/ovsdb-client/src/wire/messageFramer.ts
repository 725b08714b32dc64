import { ByteQueue } from './byteQueue.js';
import { isJsonObject, type JsonObject } from './json.js';
import { LargeContainer } from './large.js';
import { parseJson } from './parseText.js';
import { WireError } from './wireError.js';

/** Text that is held unparsed beyond this many bytes is cut into the pieces of a LargeContainer. */
const PIECE_BYTES = 32 * 1024;
/** One string or number may not be longer; OVSDB has no such values and a garbage peer must not fill the memory. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Ten times the biggest databases there are: what is longer has no end. */
const MAX_MESSAGE_BYTES = 2 ** 30;
/** OVSDB messages nest about ten deep. */
const MAX_DEPTH = 128;

const PLAIN = 0;
const QUOTE = 1;
const OPEN_OBJECT = 2;
const OPEN_ARRAY = 3;
const CLOSE_OBJECT = 4;
const CLOSE_ARRAY = 5;
const COMMA = 6;
const INVALID = 7;

/** What each byte means outside a string. Only what can occur in JSON is not INVALID: garbage fails at its first byte. */
const BYTE_CLASS = new Uint8Array(256).fill(INVALID);
for (const char of ' \t\r\n:0123456789+-.eEtrufalsn') BYTE_CLASS[char.charCodeAt(0)] = PLAIN;
for (const [char, type] of [
  ['"', QUOTE],
  ['{', OPEN_OBJECT],
  ['[', OPEN_ARRAY],
  ['}', CLOSE_OBJECT],
  [']', CLOSE_ARRAY],
  [',', COMMA],
] as const) {
  BYTE_CLASS[char.charCodeAt(0)] = type;
}

interface Frame {
  readonly kind: 'object' | 'array';
  /** Stream offset of the opening bracket. */
  readonly open: number;
  /** Stream offset of the last comma at this level which is still held, or -1. */
  comma: number;
  /** Set once text of this container has been cut off. */
  large: LargeContainer | undefined;
}

/**
 * Finds the messages in a stream of JSON objects without delimiters (RFC 7047 section 4): follows brackets and strings
 * over the bytes, across chunks. A short message comes out parsed, a long one as a LargeContainer; neither costs more
 * than a fraction of a millisecond per chunk. Feed chunks of at most 32 KB for that.
 */
export class MessageFramer {
  readonly #queue = new ByteQueue();
  readonly #frames: Frame[] = [];
  #messageStart = 0;
  #inString = false;
  #escaped = false;

  /** True when a message has begun and not ended: an end of the stream here cuts it off. */
  get partial(): boolean {
    return this.#frames.length > 0;
  }

  /** Takes a chunk and calls `deliver` for each message that it completes. Throws WireError for what is no JSON. */
  push(chunk: Buffer, deliver: (message: JsonObject | LargeContainer) => void): void {
    const base = this.#queue.end;
    this.#queue.append(chunk);
    const length = chunk.length;
    for (let at = 0; at < length; at++) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const type = BYTE_CLASS[chunk[at]!]!;
      if (type === PLAIN) {
        if (this.#frames.length === 0) this.#betweenMessages(chunk, at, base + at + 1);
      } else if (type === QUOTE && this.#frames.length > 0) {
        this.#inString = true;
      } else if (type === COMMA && this.#frames.length > 0) {
        this.#frames[this.#frames.length - 1]!.comma = base + at;
      } else if (type === OPEN_OBJECT || (type === OPEN_ARRAY && this.#frames.length > 0)) {
        this.#open(type === OPEN_OBJECT ? 'object' : 'array', base + at);
      } else if ((type === CLOSE_OBJECT || type === CLOSE_ARRAY) && this.#frames.length > 0) {
        const message = this.#close(type === CLOSE_OBJECT ? 'object' : 'array', base + at);
        if (message) deliver(message);
      } else {
        throw unexpected(chunk, at);
      }
    }
    if (this.#queue.length > PIECE_BYTES && this.#frames.length > 0) this.#cut();
  }

  /** Returns the index of the closing quote, or the last index of the chunk when the string goes on. */
  #skipString(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at += 1;
    }
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === 0x22) {
        this.#inString = false;
        return at;
      }
      if (byte === 0x5c) {
        at += 1;
        if (at === chunk.length) this.#escaped = true;
      }
    }
    return chunk.length - 1;
  }

  #betweenMessages(chunk: Buffer, at: number, end: number): void {
    const byte = chunk[at]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) throw unexpected(chunk, at);
    this.#queue.drop(end);
  }

  #open(kind: Frame['kind'], offset: number): void {
    if (this.#frames.length >= MAX_DEPTH) {
      throw new WireError(`the peer sent JSON nested deeper than ${MAX_DEPTH} levels`);
    }
    if (this.#frames.length === 0) this.#messageStart = offset;
    this.#frames.push({ kind, open: offset, comma: -1, large: undefined });
  }

  #close(kind: Frame['kind'], offset: number): JsonObject | LargeContainer | undefined {
    const frame = this.#frames.pop()!;
    if (frame.kind !== kind)
      throw new WireError(`the peer closed a JSON ${frame.kind} as if it were an ${kind}`);
    if (frame.large) {
      frame.large.addText(this.#queue.take(offset), true);
      this.#queue.drop(offset + 1);
      return this.#frames.length === 0 ? frame.large : undefined;
    }
    if (this.#frames.length > 0) return undefined;
    const message = parseJson(this.#queue.take(offset + 1));
    if (!isJsonObject(message)) throw new WireError('the peer sent a message that is no JSON object');
    return message;
  }

  /** Moves held text into LargeContainers: at the outermost level at which little enough of it stays behind. */
  #cut(): void {
    let level = this.#frames.findLastIndex((frame) => frame.large);
    if (level < 0) {
      level = 0;
      this.#enlarge(this.#frames[0]!);
    }
    for (;;) {
      const frame = this.#frames[level]!;
      if (frame.comma >= 0) {
        frame.large!.addText(this.#queue.take(frame.comma), false);
        this.#queue.drop(frame.comma + 1);
        frame.comma = -1;
      }
      const child = this.#frames[level + 1];
      if (!child || this.#queue.length < PIECE_BYTES / 2) break;
      const prefix = this.#queue.take(child.open);
      frame.large!.addChild(prefix, this.#enlarge(child));
      level += 1;
    }
    if (this.#queue.end - this.#messageStart > MAX_MESSAGE_BYTES) {
      throw new WireError(`the peer sent a message longer than ${MAX_MESSAGE_BYTES} bytes`);
    }
    if (this.#queue.length > MAX_VALUE_BYTES) {
      throw new WireError(`the peer sent a single JSON value longer than ${MAX_VALUE_BYTES} bytes`);
    }
  }

  #enlarge(frame: Frame): LargeContainer {
    this.#queue.drop(frame.open + 1);
    frame.large = new LargeContainer(frame.kind);
    return frame.large;
  }
}

function unexpected(chunk: Buffer, at: number): WireError {
  const near = chunk.subarray(at, at + 24).toString('latin1');
  return new WireError(
    `the peer does not speak OVSDB: no JSON message can have ${JSON.stringify(near)} here`,
  );
}
