import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { Family } from './family.js';
import { lines } from './text.js';

/** As node:net wants it. */
export type ListenAddress = { host: string; port: number } | { path: string };

/** How long one slice of an answer may take, ms. */
const SLICE_MS = 3;

/** For HTTPS. */
export interface SecureOptions {
  /** Certificate, key, and who may come in. */
  readonly tls: ServerOptions;
  /** Why who asks is answered 403; undefined: they are answered. */
  readonly refusal?: (request: IncomingMessage) => string | undefined;
}

/**
 * Serves GET /metrics.
 * @param secure with it the server speaks HTTPS and is one of node:https
 * @throws the system's error when the address cannot be bound
 */
export async function serveMetrics(
  address: ListenAddress,
  families: () => Iterable<Family>,
  secure?: SecureOptions,
): Promise<Server> {
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const refusal = secure?.refusal?.(request);
    if (refusal !== undefined) return reply(response, 403, `${refusal}\n`);
    // A reader that goes away in the middle is no fault of ours.
    answer(request, response, families).catch(() => response.destroy());
  };
  const server = secure ? createTlsServer(secure.tls, serve) : createServer(serve);
  server.listen(address);
  await once(server, 'listening');
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  families: () => Iterable<Family>,
): Promise<void> {
  const path = request.url?.split('?')[0];
  if (path !== '/metrics') return reply(response, 404, 'see /metrics\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'GET only\n');
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  if (request.method === 'HEAD') return void response.end();
  await pipeline(Readable.from(slices(families()), { objectMode: false }), response);
}

/** The text in pieces that took no longer than a slice each; between two the event loop turns. */
async function* slices(families: Iterable<Family>): AsyncGenerator<string> {
  let text = '';
  let end = performance.now() + SLICE_MS;
  for (const line of lines(families)) {
    text += line;
    if (performance.now() < end) continue;
    yield text;
    text = '';
    await setImmediate();
    end = performance.now() + SLICE_MS;
  }
  if (text !== '') yield text;
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
