import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { MessageReader } from '../wire/messageReader.js';
import { makeDirectory } from './testServer.js';

/** What a proxy does with a request of the client: pass it on, or answer it with this JSON-RPC error. */
export type Intercept = (method: string) => object | string | undefined;

/** Stands between a client and a real server: answers some requests as an older server would, and can be cut. */
export class TestProxy {
  readonly directory = makeDirectory();
  readonly socket = join(this.directory, 'p');
  /** The methods of all requests that came, in order. */
  readonly methods: string[] = [];
  readonly #target: string;
  readonly #intercept: Intercept;
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((client) => this.#serve(client));

  constructor(target: string, intercept: Intercept = () => undefined) {
    this.#target = target;
    this.#intercept = intercept;
  }

  get remote(): string {
    return `unix:${this.socket}`;
  }

  async start(): Promise<this> {
    this.#server.listen(this.socket);
    await once(this.#server, 'listening');
    return this;
  }

  /** Breaks all connections; new ones are accepted. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Breaks all connections and accepts none. */
  async stop(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #serve(client: net.Socket): void {
    const server = net.connect(this.#target);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    server.pipe(client);
    const forward = (message: object) => {
      const { method, id } = message as { method?: string; id?: unknown };
      if (method !== undefined) this.methods.push(method);
      const error = method === undefined ? undefined : this.#intercept(method);
      if (error === undefined) server.write(JSON.stringify(message));
      else client.write(JSON.stringify({ id, result: null, error }));
    };
    new MessageReader(client, forward, () => client.destroy());
  }
}
