import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** The way of one agent to one coordinator: a unix socket that passes everything on, until it is told otherwise. */
export class Wire {
  /** For the next pieces, ms; their order is kept. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held = false;
  #refuses = false;

  private constructor(
    private readonly path: string,
    target: string,
  ) {
    this.#server = createServer((near) => {
      if (this.#refuses) {
        near.destroy();
        return;
      }
      const far = createConnection(target);
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  static async open(path: string, target: string): Promise<Wire> {
    const wire = new Wire(path, target);
    await new Promise<void>((resolve) => wire.#server.listen(path, resolve));
    return wire;
  }

  get address(): string {
    return `unix:${this.path}`;
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** true: nothing passes and nobody is told, until false. */
  hold(held: boolean): void {
    this.#held = held;
    for (const socket of this.#sockets)
      if (held) socket.pause();
      else socket.resume();
  }

  /** true: ends every connection, and each new one, until false. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
    if (refuses) this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await rm(this.path, { force: true });
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    let before: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    from.on('data', (data) => {
      if (this.delayMs === 0 && waiting === 0) {
        to.write(data);
        return;
      }
      waiting++;
      const due = new Promise((resolve) => setTimeout(resolve, this.delayMs));
      before = before
        .then(() => due)
        .then(() => {
          waiting--;
          to.write(data);
        });
    });
    // What ends it is told by 'close'.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#held) from.pause();
  }
}
