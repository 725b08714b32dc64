import { X509Certificate } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { followTls, httpsOptions, removeStaleSocket, type TlsFollower } from '@iovisor-ovn/endpoint';
import type { Log } from '../../netlink/index.js';
import { type Address, formatAddress, isLocal } from '../../session/address.js';
import type { HoverGraph } from '../graph/index.js';
import { type OwnNames, refusal } from './guard.js';
import { type ControllerDialer, type Handler, hoverRoutes } from './handlers.js';
import { explained, failure, NOT_FOUND, type Reply } from './reply.js';
import { match, pathOf, type Route } from './routes.js';

/** No source that the kernel takes is longer. */
const MAX_BODY = 1024 * 1024;
/** More of a body that is too long is not even read. */
const MAX_PATIENCE = 64 * MAX_BODY;

export interface HoverServerOptions {
  readonly address: Address;
  /** Wanted when others than this machine reach the address; not used otherwise. */
  readonly tls: TlsFollower | undefined;
  readonly graph: HoverGraph;
  readonly controllers: ControllerDialer;
  /** A client that wants to speak WebSocket, at an address of the API that is `path`. */
  readonly upgrade: (path: string, request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;
  readonly log: Log;
}

/** Hover's REST API on HTTP/1.1. */
export class HoverServer {
  readonly #options: HoverServerOptions;
  readonly #server: Server;
  readonly #routes: readonly Route<Handler>[];
  readonly #own: OwnNames;
  #listening = false;

  constructor(options: HoverServerOptions) {
    const { address, tls, graph, controllers } = options;
    this.#options = options;
    this.#routes = hoverRoutes(graph, controllers);
    const exposed = !isLocal(address);
    if (exposed && tls === undefined) throw new Error('others may come in only with TLS');
    this.#own = {
      any: address.kind === 'unix',
      names: address.kind === 'tcp' ? [address.host.toLowerCase()] : [],
      certificate: exposed ? () => new X509Certificate(tls!.material.cert) : undefined,
    };
    if (exposed) {
      const server = createTlsServer(httpsOptions(tls!));
      followTls(server, tls!);
      this.#server = server;
    } else this.#server = createServer();
    this.#server
      .on('request', (request, response) => void this.#serve(request, response))
      .on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** @throws Error when the address is taken */
  async listen(): Promise<void> {
    const { address } = this.#options;
    if (address.kind === 'unix' && !(await removeStaleSocket(address.path)))
      throw new Error(`${formatAddress(address)} is in use by another process`);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const listening = () => {
        this.#server.off('error', reject);
        resolve();
      };
      if (address.kind === 'tcp') this.#server.listen(address.port, address.host, listening);
      else this.#server.listen(address.path, listening);
      if (address.kind === 'unix') chmodSync(address.path, 0o600);
    });
    this.#listening = true;
    this.#server.on('error', (error) => this.#options.log.error({ error: String(error) }, 'the Hover API'));
  }

  /** The port it got, when 0 was asked for. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    if (!this.#listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const abort = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) abort.abort();
    });
    let reply: Reply;
    try {
      reply = await this.#reply(request, abort.signal);
    } catch (error) {
      reply = this.#explain(request, error);
    }
    const { method = '', url = '' } = request;
    const { log } = this.#options;
    const details = { method, url: url.slice(0, 200), status: reply.status };
    if (method === 'GET') log.debug(details, 'request');
    else log.info(details, 'request');
    send(request, response, reply);
  }

  async #reply(request: IncomingMessage, signal: AbortSignal): Promise<Reply> {
    const wrong = refusal(request, this.#own);
    if (wrong !== undefined) return failure(403, wrong);
    const path = pathOf(request.url ?? '');
    if (path === undefined) return failure(400, '400 Bad Request');
    const found = match(this.#routes, request.method ?? '', path);
    if (found === undefined) return NOT_FOUND;
    const body = await bodyOf(request);
    if (body === undefined) return failure(413, `A request may have ${MAX_BODY} bytes`);
    return found.handler({ parameters: found.parameters, body, signal });
  }

  #explain(request: IncomingMessage, error: unknown): Reply {
    const reply = explained(error);
    if (reply !== undefined) return reply;
    const { stack, message } = error as Error;
    this.#options.log.warn(
      { method: request.method, url: request.url?.slice(0, 200), error: stack },
      'Hover API',
    );
    // What the kernel said is worth to be known; what our own code stumbled over is not.
    const own = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
    return failure(400, own ? 'Internal error' : message);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const wrong = refusal(request, this.#own);
    const path = pathOf(request.url ?? '') ?? '';
    if (wrong === undefined && this.#options.upgrade(path, request, socket, head)) return;
    const [status, text] =
      wrong === undefined ? ['404 Not Found', '404 page not found'] : ['403 Forbidden', wrong];
    const type = 'Content-Type: text/plain; charset=utf-8';
    socket.end(
      `HTTP/1.1 ${status}\r\n${type}\r\nContent-Length: ${Buffer.byteLength(text) + 1}\r\nConnection: close\r\n\r\n${text}\n`,
    );
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  if (response.destroyed) return;
  if (type !== undefined) response.setHeader('Content-Type', type);
  if (type?.startsWith('text/') === true) response.setHeader('X-Content-Type-Options', 'nosniff');
  // What was not read of the request would be taken for the next one.
  if (!request.readableEnded) response.setHeader('Connection', 'close');
  const parts = typeof body === 'string' ? [Buffer.from(body)] : body;
  response.writeHead(status, { 'Content-Length': parts.reduce((sum, { length }) => sum + length, 0) });
  for (const part of parts) response.write(part);
  response.end();
}

/** Undefined when it is too long; then it is read all the same, or who sends it would not read the reply. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > MAX_PATIENCE) break;
    if (length <= MAX_BODY) chunks.push(chunk as Buffer);
  }
  return length > MAX_BODY ? undefined : Buffer.concat(chunks).toString('utf8');
}
