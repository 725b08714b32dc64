import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A unix socket that passes everything on to another one, later: a database at the other end of a site. */
export class SlowLink {
  /** In OVN syntax: "unix:/…". */
  readonly remote: string;
  readonly #path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `delayMs` is asked for each piece that passes; the order is kept. */
  constructor(path: string, target: string, delayMs: () => number) {
    this.#path = path;
    this.remote = `unix:${path}`;
    this.#server = createServer((near) => {
      const far = createConnection(target.replace(/^unix:/, ''));
      this.#pass(near, far, delayMs);
      this.#pass(far, near, delayMs);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#path, resolve));
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await rm(this.#path, { force: true });
  }

  #pass(from: Socket, to: Socket, delayMs: () => number): void {
    this.#sockets.add(from);
    let before: Promise<void> = Promise.resolve();
    from.on('data', (data) => {
      const due = new Promise<void>((resolve) => setTimeout(resolve, delayMs()));
      before = before.then(() => due).then(() => void to.write(data));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
