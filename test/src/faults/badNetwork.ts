import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** What a wire does to what goes one way. */
export interface Conditions {
  /** Milliseconds from one end to the other. The order is kept. */
  delayMs: number;
  /** Undefined: as fast as it comes. */
  bytesPerSecond: number | undefined;
  /** Nothing arrives, not even that the other end has closed; what is sent meanwhile arrives when that is over. */
  silent: boolean;
}

/** As an ideal wire. */
export const CLEAR: Conditions = { delayMs: 0, bytesPerSecond: undefined, silent: false };

/** What a wire holds at most before the sender is held up, as the buffers of a path do. */
const BUFFER_BYTES = 256 << 10;
/** What a slow wire sends at once. */
const PIECE_BYTES = 4 << 10;

/** One direction of a connection. */
class Wire {
  bytes = 0;
  #conditions: Conditions = CLEAR;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: { data: Buffer | 'end'; due: number }[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;
  #freeAt = 0;

  constructor(from: Socket, to: Socket, delivered: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.delivered = delivered;
    from.on('data', (data) => this.#take(data));
    from.on('error', () => undefined);
    from.on('close', () => this.#take('end'));
    to.on('drain', () => this.#pump());
  }

  private readonly delivered: (bytes: number) => void;

  /** Bytes that were sent and have not been delivered. */
  get held(): number {
    return this.#held;
  }

  set conditions(conditions: Conditions) {
    this.#conditions = conditions;
    this.#pump();
  }

  #take(data: Buffer | 'end'): void {
    this.#queue.push({ data, due: performance.now() + this.#conditions.delayMs });
    if (data !== 'end') this.#held += data.length;
    if (this.#held >= BUFFER_BYTES) this.#from.pause();
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#conditions.silent && this.#queue.length > 0) {
      const waitMs = Math.max(this.#queue[0]!.due, this.#freeAt) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      if (this.#to.writableNeedDrain) return;
      const piece = this.#piece();
      if (piece === 'end') this.#to.destroy();
      else if (!this.#to.destroyed) {
        this.#to.write(piece);
        this.delivered(piece.length);
      }
    }
  }

  #piece(): Buffer | 'end' {
    const head = this.#queue[0]!;
    const { bytesPerSecond } = this.#conditions;
    if (head.data === 'end') return this.#queue.shift()!.data;
    const size = bytesPerSecond === undefined ? head.data.length : Math.min(head.data.length, PIECE_BYTES);
    const piece = head.data.subarray(0, size);
    if (bytesPerSecond !== undefined)
      this.#freeAt = Math.max(this.#freeAt, performance.now()) + (1000 * size) / bytesPerSecond;
    if (size === head.data.length) this.#queue.shift();
    else head.data = head.data.subarray(size);
    this.#held -= size;
    if (this.#held < BUFFER_BYTES) this.#from.resume();
    return piece;
  }
}

/** A connection through the proxy. */
export class Link {
  /** From who connected, and to it. */
  readonly up: Wire;
  readonly down: Wire;
  readonly #near: Socket;
  readonly #far: Socket;

  /** @internal */
  constructor(near: Socket, far: Socket, delivered: (way: 'up' | 'down', bytes: number) => void) {
    this.#near = near;
    this.#far = far;
    this.up = new Wire(near, far, (bytes) => delivered('up', bytes));
    this.down = new Wire(far, near, (bytes) => delivered('down', bytes));
  }

  get open(): boolean {
    return !this.#near.destroyed || !this.#far.destroyed;
  }

  /** Both ends are told at once that it is broken. */
  cut(): void {
    // A unix socket knows no RST.
    for (const socket of [this.#near, this.#far])
      if (socket.remoteAddress === undefined) socket.destroy();
      else socket.resetAndDestroy();
  }

  /** Breaks it for who connected only: the other end hears of it when nothing keeps that back any more. */
  cutNear(): void {
    this.#near.destroy();
  }
}

/** Path of a unix socket, or HOST:PORT, both with or without OVN's "unix:" and "tcp:". */
function endpoint(address: string): { path: string } | { host: string; port: number } {
  const text = address.replace(/^(unix|tcp):/, '');
  if (text.startsWith('/')) return { path: text };
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  return { host: host ?? '', port: Number(port) };
}

/**
 * A bad network between some clients and a server (agents and their coordinator, a coordinator and a database): it cuts, falls silent, delays, and is
 * slow, each way for itself. Addresses are "unix:PATH" or "HOST:PORT".
 */
export class BadNetwork {
  /** Connections that were made, in their order; the closed ones, too. */
  readonly links: Link[] = [];
  /** When each was made, as performance.now() says; also those that were refused. */
  readonly attempts: number[] = [];
  /** What was delivered, from the clients and to them. */
  readonly bytes = { up: 0, down: 0 };
  /** Undefined: nobody is there, so that connections are closed as soon as they are made. */
  target: string | undefined;
  readonly #listen: string;
  readonly #server: Server;
  #conditions = { up: CLEAR, down: CLEAR };

  private constructor(listen: string, target: string | undefined) {
    this.#listen = listen;
    this.target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  static async start(listen: string, target?: string): Promise<BadNetwork> {
    const proxy = new BadNetwork(listen, target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(endpoint(listen), resolve);
    });
    return proxy;
  }

  /** The connections that are not closed at both ends. */
  get open(): Link[] {
    return this.links.filter((link) => link.open);
  }

  /** From now on, for connections there are and those to come. */
  set(change: { up?: Partial<Conditions>; down?: Partial<Conditions> }): void {
    this.#conditions = {
      up: { ...this.#conditions.up, ...change.up },
      down: { ...this.#conditions.down, ...change.down },
    };
    for (const link of this.open) this.setLink(link, this.#conditions);
  }

  /** Of one connection only. */
  setLink(link: Link, { up, down }: { up?: Partial<Conditions>; down?: Partial<Conditions> }): void {
    if (up) link.up.conditions = { ...this.#conditions.up, ...up };
    if (down) link.down.conditions = { ...this.#conditions.down, ...down };
  }

  /** As the others again: what was kept back of it arrives. */
  release(link: Link): void {
    this.setLink(link, { up: {}, down: {} });
  }

  /** An ideal network again. */
  clear(): void {
    this.set({ up: CLEAR, down: CLEAR });
  }

  /** Breaks all connections; new ones are made. */
  cut(): void {
    for (const link of this.open) link.cut();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    const at = endpoint(this.#listen);
    if ('path' in at) await rm(at.path, { force: true });
  }

  #accept(near: Socket): void {
    this.attempts.push(performance.now());
    near.on('error', () => undefined);
    if (this.target === undefined) {
      near.destroy();
      return;
    }
    const far = createConnection({ ...endpoint(this.target), allowHalfOpen: false });
    const link = new Link(near, far, (way, bytes) => {
      this.bytes[way] += bytes;
    });
    this.setLink(link, this.#conditions);
    this.links.push(link);
  }
}
