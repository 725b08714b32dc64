import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

/** A connection to the control socket of an OVN or Open vSwitch daemon, as ovs-appctl(8) has it. One call at a time. */
export class Unixctl {
  readonly #socket: Socket;
  #text = '';
  #waiting: { resolve(text: string): void; reject(error: Error): void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the daemon closed its control socket')));
  }

  static async connect(path: string): Promise<Unixctl> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return new Unixctl(socket);
  }

  /** @throws Error with what the daemon says */
  call(method: string, ...params: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(JSON.stringify({ id: 0, method, params }));
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    let reply: { result: string | null; error: string | null };
    try {
      reply = JSON.parse(this.#text);
    } catch {
      return; // not all of it is here
    }
    this.#text = '';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (reply.error === null) waiting?.resolve(reply.result ?? '');
    else waiting?.reject(new Error(reply.error));
  }
}
