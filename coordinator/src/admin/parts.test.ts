import { EventEmitter } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import test from 'ava';
import { sendParts } from './parts.js';

/** A call whose other end reads when it is told to. */
class Call extends EventEmitter {
  cancelled = false;
  destroyed = false;
  room = true;
  readonly parts: number[][] = [];
  onWrite: () => void = () => undefined;

  write(part: number[]): boolean {
    this.parts.push(part);
    this.onWrite();
    return this.room;
  }

  get stream(): ServerWritableStream<unknown, number[]> {
    return this as unknown as ServerWritableStream<unknown, number[]>;
  }
}

let made = 0;
function* rows(count: number): Generator<number> {
  for (made = 0; made < count; made++) yield made;
}

test.serial('a long list is made in parts, and others get their turn between them', async (t) => {
  const call = new Call();
  let turns = 0;
  let between = 0;
  call.onWrite = () => {
    if (turns > 0) between++;
    turns = 0;
    setImmediate(() => turns++);
  };
  await sendParts(call.stream, rows(1000), (part) => part);
  t.deepEqual(
    call.parts.flat(),
    Array.from({ length: 1000 }, (_, index) => index),
  );
  t.true(call.parts.length >= 10);
  t.true(between >= call.parts.length - 2, 'a turn after each part');
});

test.serial('who does not read keeps rows from being made; who is gone ends it', async (t) => {
  const call = new Call();
  call.room = false;
  const sent = sendParts(call.stream, rows(1000), (part) => part);
  await new Promise(setImmediate);
  t.is(call.parts.length, 1);
  t.true(made <= 100);
  call.emit('drain');
  await new Promise(setImmediate);
  t.is(call.parts.length, 2);
  call.cancelled = true;
  call.emit('cancelled');
  await sent;
  t.is(call.parts.length, 2);
  t.deepEqual(
    ['drain', 'cancelled', 'close', 'error'].map((event) => call.listenerCount(event)),
    [0, 0, 0, 0],
  );
});
