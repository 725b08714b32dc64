import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Replica } from '@iovisor-ovn/ovsdb-client';
import { Random } from '../random.js';
import { mutate } from './mutate.js';
import { Tally, type Target, type TargetOptions, type TargetReport } from './target.js';

/** The client is to be at rest within this, once its server has come to its senses, ms. */
const HEAL_MS = 20_000;

/** No turn of the event loop may take so long, whatever a server sends, ms: ours are 5, the rest is for a busy machine. */
const TURN_MS = 500;

const schema = {
  name: 'Test',
  version: '1.0.0',
  tables: {
    Thing: {
      columns: {
        name: { type: 'string' },
        size: { type: 'integer' },
        tags: { type: { key: 'string', min: 0, max: 'unlimited' } },
        more: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
        other: { type: { key: { type: 'uuid', refTable: 'Thing', refType: 'weak' }, min: 0, max: 1 } },
      },
      isRoot: true,
    },
  },
};

interface Tables {
  Thing: { readonly _uuid: string; readonly name: string };
}

const uuidOf = (n: number) => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const honestRows = Object.fromEntries(
  [1, 2, 3].map((n) => [uuidOf(n), { initial: { name: `thing${n}`, size: n } }]),
);

/** What an honest server has, as the replica gives it. */
const honest = 'thing1 thing2 thing3';

export const ovsdbTarget: Target = {
  name: 'ovsdb',
  what: 'an OVSDB server that breaks frames, lies in updates and nests without end: nothing throws, and it heals',
  cases: 20_000,
  run: async ({ seed, cases, stop = () => false }: TargetOptions): Promise<TargetReport> => {
    const tally = new Tally();
    const server = await new HostileServer(new Random(seed), tally).listen();
    try {
      for (let round = 0; tally.cases < cases && !stop() && !tally.isFull; round++)
        await server.round(Math.min(cases - tally.cases, 100), round);
    } finally {
      server.close();
    }
    return tally;
  },
};

type Json = unknown;

class HostileServer {
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #dir = mkdtempSync(join(tmpdir(), 'iovisor-fuzz-'));
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((socket) => this.#serve(socket));
  #hostile = false;
  #left = 0;
  #done = () => {};

  constructor(random: Random, tally: Tally) {
    this.#random = random;
    this.#tally = tally;
  }

  get #path(): string {
    return join(this.#dir, 's');
  }

  async listen(): Promise<this> {
    this.#server.listen(this.#path);
    await once(this.#server, 'listening');
    return this;
  }

  close(): void {
    this.#cut();
    this.#server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** One client suffers so many messages, then meets an honest server. */
  async round(cases: number, number: number): Promise<void> {
    const wrong = (error: unknown) => this.#tally.fail(`round ${number}: thrown: ${(error as Error).stack}`);
    process.on('uncaughtException', wrong).on('unhandledRejection', wrong);
    const options = { remotes: `unix:${this.#path}`, database: 'Test', backoff: { minMs: 1, maxMs: 5 } };
    const client = new Client({ ...options, probeIntervalMs: 100 });
    const replica = new Replica<Tables>(client, { tables: { Thing: {} } } as never);
    replica.ready.catch(() => undefined);
    const watch = new TurnWatch();
    this.#left = cases;
    this.#hostile = true;
    const suffered = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    client.start();
    replica.start();
    const patience = setTimeout(() => this.#end(), 10_000);
    await suffered;
    clearTimeout(patience);
    this.#hostile = false;
    this.#cut();
    if (!(await this.#heals(replica)))
      this.#tally.fail(
        `round ${number}: it did not heal: it has "${namesOf(replica)}" and is ${client.state}`,
      );
    else this.#tally.saw('healed');
    const longest = watch.stop();
    if (longest > TURN_MS)
      this.#tally.fail(`round ${number}: a turn of the event loop took ${longest.toFixed(0)} ms`);
    replica.stop();
    await client.close();
    process.off('uncaughtException', wrong).off('unhandledRejection', wrong);
  }

  async #heals(replica: Replica<Tables>): Promise<boolean> {
    const deadline = performance.now() + HEAL_MS;
    while (namesOf(replica) !== honest) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return true;
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #end(): void {
    this.#hostile = false;
    this.#done();
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      // The client's requests are one JSON text each, and it writes none with a brace in a string.
      for (let end = endOf(text); end > 0; end = endOf(text)) {
        this.#answer(socket, JSON.parse(text.slice(0, end)));
        text = text.slice(end);
      }
    });
  }

  #answer(socket: net.Socket, { id, method, params }: { id: Json; method?: string; params?: Json[] }): void {
    if (method === undefined || id === null) return;
    const result = this.#resultOf(method, params ?? []);
    this.#send(socket, { id, result, error: result === undefined ? 'unknown method' : null });
    if (!String(method).startsWith('monitor') || !this.#hostile) return;
    for (let n = this.#random.int(10); n > 0; n--) this.#send(socket, this.#update(params?.[1]));
  }

  #resultOf(method: string, params: Json[]): Json {
    switch (method) {
      case 'list_dbs':
        return ['Test'];
      case 'get_schema':
        return params[0] === 'Test' ? schema : undefined;
      case 'monitor_cond_since':
        return params[0] === 'Test' ? [false, uuidOf(99), { Thing: honestRows }] : undefined;
      case 'monitor_cond':
        return params[0] === 'Test' ? { Thing: honestRows } : undefined;
      case 'echo':
        return params;
      default:
        return undefined;
    }
  }

  /** A change that may be none: of rows, tables and columns that do not exist, of types that do not fit. */
  #update(monitor: Json): Json {
    const random = this.#random;
    const value = () =>
      random.pick<Json>([
        'x',
        5,
        -1,
        1.5,
        2 ** 60,
        null,
        true,
        [],
        {},
        ['set', []],
        ['set', ['a', 'a']],
        ['set', 5],
        ['map', [['a', 'b']]],
        ['map', [['a']]],
        ['uuid', 'x'],
        ['uuid', uuidOf(1)],
        ['set', [['uuid', uuidOf(2)]]],
        ['named-uuid', 'a'],
        'x'.repeat(random.int(100_000)),
        JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`),
      ]);
    const column = () =>
      random.pick(['name', 'size', 'tags', 'more', 'other', 'none', '_uuid', '__proto__', 'constructor']);
    const row = () => Object.fromEntries(Array.from({ length: random.int(4) }, () => [column(), value()]));
    const change = () =>
      random.pick<Json>([
        { insert: row() },
        { modify: row() },
        { delete: null },
        { initial: row() },
        { delete: row() },
        { old: row(), new: row() },
        {},
        value(),
      ]);
    const uuid = () => random.pick([uuidOf(random.int(6)), 'x', '', '__proto__', 'constructor']);
    const rows = Object.fromEntries(Array.from({ length: random.int(4) }, () => [uuid(), change()]));
    const tables = random.pick<Json>([{ Thing: rows }, { Thing: value() }, { None: rows }, value()]);
    const id = random.chance(0.8) ? monitor : value();
    return random.pick<Json>([
      { id: null, method: 'update3', params: [id, random.pick<Json>([uuidOf(7), value()]), tables] },
      { id: null, method: 'update2', params: [id, tables] },
      { id: null, method: 'update', params: [id, tables] },
      { id: null, method: random.pick(['monitor_canceled', 'locked', 'stolen', 'x']), params: [id] },
      { id: value(), method: 'echo', params: value() },
      { id: random.int(5), result: value(), error: value() },
      value(),
    ]);
  }

  /** As it should be, or broken; in pieces. */
  #send(socket: net.Socket, message: Json): void {
    if (socket.destroyed) return;
    let bytes = Buffer.from(JSON.stringify(message) ?? '');
    if (this.#hostile) {
      this.#tally.cases++;
      if (--this.#left <= 0) {
        this.#end();
        return;
      }
      bytes = this.#broken(bytes);
    }
    // In pieces, a few bytes or many.
    for (let at = 0; at < bytes.length && this.#hostile; ) {
      const length = 1 + this.#random.int(this.#random.pick([3, 100, 100_000]));
      socket.write(bytes.subarray(at, at + length));
      at += length;
      if (at > 2000) break;
    }
    if (!this.#hostile) socket.write(bytes);
    else if (bytes.length > 2000) socket.write(bytes.subarray(2000));
    if (this.#hostile && this.#random.chance(0.02)) socket.end();
  }

  #broken(bytes: Buffer): Buffer<ArrayBuffer> {
    const random = this.#random;
    const kind = random.weighted<string>([
      [12, 'as it is'],
      [3, 'mutated'],
      [1, 'utf8'],
      [1, 'giant'],
      [1, 'deep'],
      [1, 'merged'],
      [1, 'cut'],
    ]);
    this.#tally.saw(kind);
    switch (kind) {
      case 'mutated':
        return Buffer.from(mutate(random, bytes));
      case 'utf8':
        return Buffer.concat([
          bytes.subarray(0, 5),
          Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0]),
          bytes.subarray(5),
        ]);
      case 'giant':
        return Buffer.from(`{"id":null,"method":"update3","params":["${'x'.repeat(2 << 20)}`);
      case 'deep':
        return Buffer.from(random.pick(['[', '{"a":']).repeat(20_000));
      case 'merged':
        return Buffer.concat([bytes, bytes]);
      case 'cut':
        return Buffer.from(bytes.subarray(0, random.int(bytes.length)));
      default:
        return Buffer.from(bytes);
    }
  }
}

function namesOf(replica: Replica<Tables>): string {
  return [...replica.table('Thing')]
    .map(({ name }) => name)
    .sort()
    .join(' ');
}

/** Where the first JSON object of the text ends; 0: not yet. */
function endOf(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  return 0;
}

/** Notes the longest turn of this process's event loop, by the CPU it had: a machine that is busy otherwise is not its fault. */
class TurnWatch {
  #longest = 0;
  #at = performance.now();
  #cpu = process.cpuUsage();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#longest = Math.max(this.#longest, Math.min(now - this.#at - 5, (user + system) / 1000));
    this.#at = now;
    this.#cpu = process.cpuUsage();
  }, 5);

  stop(): number {
    clearInterval(this.#timer);
    return this.#longest;
  }
}
