import type { TlsFollower } from '@iovisor-ovn/endpoint';
import type { Log } from '../netlink/index.js';
import type { Address } from '../session/address.js';
import { Controllers } from './controller/index.js';
import { type BuiltinRegistry, HoverGraph, type HoverGraphOptions } from './graph/index.js';
import { HoverServer } from './rest/hoverServer.js';

export interface HoverOptions extends Omit<HoverGraphOptions, 'builtins'> {
  readonly address: Address;
  /** Wanted when others than this machine reach the address. */
  readonly tls: TlsFollower | undefined;
  readonly builtins?: BuiltinRegistry;
  readonly log: Log;
}

/** The Hover API: user modules, their links, their controller, served over REST. */
export class Hover {
  readonly graph: HoverGraph;
  readonly controllers: Controllers;
  readonly #server: HoverServer;

  constructor({ address, tls, builtins = new Map(), ...options }: HoverOptions) {
    this.graph = new HoverGraph({ ...options, builtins });
    this.controllers = new Controllers(this.graph, options.log);
    // The server ends all else that came in under authorities that do not count any more.
    tls?.on('changed', (_material, { ca }) => ca && this.controllers.endWebSockets());
    this.#server = new HoverServer({
      address,
      tls,
      graph: this.graph,
      controllers: this.controllers,
      upgrade: (...args) => this.controllers.upgrade(...args),
      log: options.log,
    });
  }

  /** @throws Error when the address is taken */
  listen(): Promise<void> {
    return this.#server.listen();
  }

  /** The port it got, when 0 was asked for. */
  get port(): number {
    return this.#server.port;
  }

  /** Modules and links go: they live as long as the API does. */
  async close(): Promise<void> {
    this.controllers.close();
    await this.#server.close();
    await this.graph.close();
  }
}
