import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo, NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { HealthServer, type Hover, serveMetrics } from '@iovisor-ovn/agent/testing';
import type { Random } from '../random.js';
import { openHover } from './hoverRest.js';
import { rawHttp1, rawHttp2, sendRaw, type Wire } from './rawHttp.js';
import type { Tally } from './target.js';

/** Connections that were hung up on are gone by then, on a busy machine, too. */
const PATIENCE_MS = 20_000;
const same = (bytes: Buffer) => bytes;

interface End {
  readonly name: string;
  readonly to: NetConnectOpts;
  readonly wire: (random: Random) => Wire;
}

/** Where an agent listens: its gRPC of health and reflection, the Hover API and its metrics, in this process. */
export class AgentEnds {
  readonly #tally: Tally;
  readonly #directory: string;
  readonly #health: HealthServer;
  readonly #hover: Hover;
  readonly #metrics: Server;
  readonly #socket: string;
  readonly #ends: readonly End[];
  readonly #wrong: (error: unknown) => void;
  readonly #before: number;

  private constructor(tally: Tally, directory: string, health: HealthServer, hover: Hover, metrics: Server) {
    this.#tally = tally;
    this.#directory = directory;
    this.#health = health;
    this.#hover = hover;
    this.#metrics = metrics;
    this.#socket = socketIn(directory);
    const { port } = metrics.address() as AddressInfo;
    const calls = [
      '/grpc.health.v1.Health/Check',
      '/grpc.health.v1.Health/Watch',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      '/nowhere',
    ];
    this.#ends = [
      { name: 'health', to: { path: this.#socket }, wire: (random) => rawHttp2(random, random.pick(calls)) },
      { name: 'health', to: { path: this.#socket }, wire: (random) => rawHttp2(random, random.pick(calls)) },
      { name: 'health', to: { path: this.#socket }, wire: rawHttp1 },
      { name: 'hover', to: { host: '127.0.0.1', port: hover.port }, wire: rawHttp1 },
      { name: 'metrics', to: { host: '127.0.0.1', port }, wire: rawHttp1 },
    ];
    this.#wrong = (error) => tally.fail(`thrown in the agent: ${(error as Error).stack}`);
    process.on('uncaughtException', this.#wrong).on('unhandledRejection', this.#wrong);
    this.#before = connections();
  }

  static async open(tally: Tally): Promise<AgentEnds> {
    const directory = mkdtempSync(join(tmpdir(), 'fuzz-agent-'));
    const health = new HealthServer({ kind: 'unix', path: socketIn(directory) }, undefined, {
      keepaliveMs: 200,
      timeoutMs: 200,
    });
    await health.listen();
    health.set('', true);
    const hover = openHover(tally);
    await hover.listen();
    const metrics = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => []);
    return new AgentEnds(tally, directory, health, hover, metrics);
  }

  /** One connection to one of them. */
  async attack(random: Random): Promise<void> {
    const { name, to, wire } = random.pick(this.#ends);
    const sent = wire(random);
    this.#tally.cases++;
    const hungUp = await sendRaw(to, sent);
    this.#tally.saw(`agent ${name}: ${sent.name}, ${hungUp ? 'hung up' : 'borne'}`);
  }

  /** Others are served as ever. */
  async check(): Promise<void> {
    await Promise.all([
      this.#checkHealth(),
      this.#get('hover', this.#hover.port, '/modules/'),
      this.#checkMetrics(),
    ]);
  }

  /** Nothing is kept of those who went. */
  async close(): Promise<void> {
    const late = Date.now() + PATIENCE_MS;
    while (connections() > this.#before && Date.now() < late) await delay(20);
    const left = connections() - this.#before;
    if (left > 0) this.#tally.fail(`${left} connections of the agent's are still open`);
    this.#health.close();
    this.#metrics.close();
    this.#metrics.closeAllConnections();
    await this.#hover.close();
    rmSync(this.#directory, { recursive: true, force: true });
    // What is thrown when all has gone is thrown before the next turn.
    await delay(0);
    process.off('uncaughtException', this.#wrong).off('unhandledRejection', this.#wrong);
  }

  async #checkHealth(): Promise<void> {
    const client = new Client(`unix:${this.#socket}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const options = { deadline: Date.now() + PATIENCE_MS };
    const answer = await new Promise<string>((resolve) => {
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        same,
        same,
        Buffer.alloc(0),
        options,
        (error, bytes) => resolve(error?.message ?? bytes!.toString('hex')),
      );
    });
    client.close();
    // status: SERVING
    if (answer !== '0801') this.#tally.fail(`the agent's health: ${answer}`);
  }

  #checkMetrics(): Promise<void> {
    return this.#get('metrics', (this.#metrics.address() as AddressInfo).port, '/metrics');
  }

  async #get(name: string, port: number, path: string): Promise<void> {
    const status = await new Promise<unknown>((resolve) => {
      const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error('no answer')));
      asked.on('error', resolve).end();
    });
    if (status !== 200) this.#tally.fail(`the agent's ${name}: ${String(status)}`);
  }
}

const socketIn = (directory: string) => join(directory, 'health.sock');

/** Both ends of those to the agent, and others that do not change in number. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((kind) => /^(Pipe|TCPSocket)Wrap$/.test(kind)).length;
}
