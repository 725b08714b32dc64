import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../random.js';
import { mutate } from './mutate.js';

/** What is sent on one connection, whatever is said to it. */
export interface Wire {
  /** For the tally. */
  readonly name: string;
  /** One after the other; not all may be taken. */
  readonly parts: readonly Buffer[];
  /** Nothing of what comes back is read. */
  readonly deaf?: boolean;
}

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const NOTHING = Buffer.alloc(0);
/** Of each flood; more than what servers take in silence. */
const FLOOD = 1500;

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = NOTHING,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

const number32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** A header that enters no table; up to 126 bytes each. */
const literal = (name: string, value: string) =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);

/** Those of a call. */
function call(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86]),
    literal(':path', path),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ]);
}

const begun = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]);
const many = (make: (n: number) => Buffer, count = FLOOD) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));

/** An entry of the table of headers that is named a thousand times: bytes that become megabytes. */
function bomb(random: Random): Buffer {
  const length = 3900;
  const value = Buffer.alloc(length, 0x61);
  // Seven bits and more of the length: 127 + 3773.
  const size = Buffer.from([0x7f, ((length - 127) & 0x7f) | 0x80, (length - 127) >> 7]);
  const entry = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), size, value]);
  return Buffer.concat([call('/'), entry, Buffer.alloc(1000 + random.int(8000), 0xbe)]);
}

/** HTTP/2 that is broken, too much, too large or never finished. @param path of a call that there is */
export function rawHttp2(random: Random, path: string): Wire {
  const odd = () => 2 * random.int(50) + 1;
  const wires: (() => Omit<Wire, 'deaf'>)[] = [
    () => ({
      name: 'random frames',
      parts: [
        random.chance(0.2) ? mutate(random, begun) : begun,
        many(() => {
          const payload = Buffer.alloc(random.int(200), random.int(256));
          const length = random.chance(0.9) ? payload.length : random.int(0xffffff);
          return frame(random.int(12), random.int(256), random.int(10), payload, length);
        }, 20),
      ],
    }),
    () => ({ name: 'pings', parts: [begun, many((n) => frame(PING, 0, 0, Buffer.alloc(8, n)))] }),
    () => ({
      name: 'settings',
      parts: [
        PREFACE,
        many((n) =>
          frame(
            SETTINGS,
            0,
            0,
            Buffer.concat([Buffer.from([0, random.int(9)]), number32(random.pick([0, 1, n, 2 ** 32 - 1]))]),
          ),
        ),
      ],
    }),
    () => ({
      name: 'calls that are reset',
      parts: [
        begun,
        many((n) =>
          Buffer.concat([
            frame(HEADERS, END_HEADERS, 2 * n + 1, call(path)),
            frame(RST_STREAM, 0, 2 * n + 1, number32(random.pick([0, 8, 99]))),
          ]),
        ),
      ],
    }),
    () => ({
      name: 'calls without an end',
      parts: [begun, many((n) => frame(HEADERS, END_HEADERS, 2 * n + 1, call(path)), 300)],
    }),
    () => ({
      name: 'a bomb of headers',
      parts: [
        begun,
        frame(HEADERS, END_HEADERS | END_STREAM, 1, bomb(random)),
        frame(PING, 0, 0, Buffer.alloc(8)),
      ],
    }),
    () => ({
      name: 'headers that go on and on',
      parts: [
        begun,
        frame(HEADERS, 0, 1, call(path)),
        many(() => frame(CONTINUATION, 0, 1, random.chance(0.5) ? NOTHING : literal('a', 'b'))),
      ],
    }),
    () => ({
      name: 'frames too large',
      parts: [
        begun,
        frame(HEADERS, END_HEADERS, 1, call(path)),
        frame(random.pick([DATA, HEADERS, SETTINGS, PING]), 0, odd(), Buffer.alloc(20_000), 0x4e20),
        frame(DATA, 0, 1, NOTHING, 0xffffff),
      ],
    }),
    () => ({
      name: 'messages longer than they are',
      parts: [
        begun,
        frame(HEADERS, END_HEADERS, 1, call(path)),
        frame(
          DATA,
          0,
          1,
          Buffer.concat([
            Buffer.from([random.int(3)]),
            number32(random.pick([1, 2 ** 31, 2 ** 32 - 1])),
            Buffer.alloc(random.int(50)),
          ]),
        ),
        many(() => frame(DATA, 0, 1)),
        frame(DATA, END_STREAM, 1),
      ],
    }),
    () => ({
      name: 'windows',
      parts: [
        begun,
        frame(HEADERS, END_HEADERS | END_STREAM, 1, call(path)),
        many(
          () => frame(WINDOW_UPDATE, 0, random.pick([0, 1]), number32(random.pick([0, 1, 2 ** 31 - 1]))),
          50,
        ),
        many(() => frame(PRIORITY, 0, 1, Buffer.from([0, 0, 0, 1, 255])), 50),
        frame(GOAWAY, 0, 0, Buffer.alloc(random.int(9))),
      ],
    }),
    () => ({ name: 'half a preface', parts: [PREFACE.subarray(0, random.int(PREFACE.length))] }),
    () => ({
      name: 'a preface and no more',
      parts: [begun, frame(HEADERS, 0, 1, NOTHING, 50).subarray(0, 9 - random.int(5))],
    }),
  ];
  return { ...random.pick(wires)(), deaf: random.chance(0.3) };
}

/** HTTP/1 that is broken, too much, too large or never finished. */
export function rawHttp1(random: Random): Wire {
  const long = 'x'.repeat(random.pick([10, 8000, 40_000]));
  const get = Buffer.from(`GET /modules/ HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const post = 'POST /modules/ HTTP/1.1\r\nHost: localhost\r\n';
  const wires: (() => Omit<Wire, 'deaf'>)[] = [
    () => ({ name: 'HTTP/2', parts: rawHttp2(random, '/modules/').parts }),
    () => ({ name: 'requests in a row', parts: [many(() => get, 300)] }),
    () => ({
      name: 'broken requests',
      parts: [mutate(random, get), mutate(random, Buffer.from(`${post}Content-Length: 2\r\n\r\n{}`))],
    }),
    () => ({
      name: 'headers too large',
      parts: [Buffer.from(`GET /${long} HTTP/1.1\r\nHost: localhost\r\nX: ${long}\r\n\r\n`)],
    }),
    () => ({
      name: 'headers too many',
      parts: [
        Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n'),
        many((n) => Buffer.from(`X${n}: ${n}\r\n`)),
        Buffer.from('\r\n'),
      ],
    }),
    () => ({
      name: 'broken chunks',
      parts: [
        Buffer.from(`${post}Transfer-Encoding: chunked\r\n\r\n`),
        Buffer.from(
          random.pick([
            '-1\r\n',
            'ffffffffffffffff\r\n',
            `2;${long}`,
            '2\r\n{}x',
            '\r\n\r\n',
            '0\r\nA: b\r\n',
          ]),
        ),
      ],
    }),
    () => ({
      name: 'two lengths',
      parts: [
        Buffer.from(
          `${post}Content-Length: 2\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
        ),
      ],
    }),
    () => ({
      name: 'a body that does not come',
      parts: [Buffer.from(`${post}Content-Length: 1000\r\n\r\n{`)],
    }),
    () => ({ name: 'half a request', parts: [get.subarray(0, random.int(get.length))] }),
    () => ({
      name: 'an upgrade',
      parts: [
        Buffer.from('GET /controllers/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: '),
        Buffer.from(
          random.pick([
            'h2c\r\n\r\n',
            'websocket\r\n\r\n',
            'websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
          ]),
        ),
        mutate(random, Buffer.from('817f00000000ffffffff00000000', 'hex')),
      ],
    }),
  ];
  return { ...random.pick(wires)(), deaf: random.chance(0.3) };
}

/**
 * Sends it, and hangs up whatever came of it.
 * @returns whether the other side hung up first
 */
export async function sendRaw(to: net.NetConnectOpts, { parts, deaf }: Wire): Promise<boolean> {
  const socket = net.connect(to);
  socket.on('error', () => undefined);
  if (!deaf) socket.resume();
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  const closed = once(socket, 'close').then(
    () => true,
    () => true,
  );
  // Half of what is sent here gets no answer, since more is waited for.
  const hungUp = await Promise.race([closed, delay(20, false)]);
  socket.destroy();
  return hungUp;
}
