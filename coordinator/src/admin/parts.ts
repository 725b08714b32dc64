import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { AdminError } from './admin-error.js';

/** Rows made in one turn of the event loop: others get theirs after so many, or after so many milliseconds. */
const mostRows = 50;
const sliceMs = 2;

/**
 * Answers a list call in parts. Rows are made while they are sent, in short turns, and no faster than the other end reads, so
 * a long list costs neither memory nor the event loop.
 * @param rows lazy; may be made of live maps, which may change meanwhile
 */
export async function sendParts<Row, Reply>(
  call: ServerWritableStream<unknown, Reply>,
  rows: Iterable<Row>,
  part: (rows: Row[]) => Reply,
): Promise<void> {
  let batch: Row[] = [];
  let started = performance.now();
  for (const row of rows) {
    batch.push(row);
    if (batch.length < mostRows && performance.now() - started < sliceMs) continue;
    await flush(call, part(batch));
    if (call.cancelled || call.destroyed) return;
    batch = [];
    started = performance.now();
  }
  if (batch.length > 0) call.write(part(batch));
}

/** Runs what answers a streaming call, and ends the call with its error, if any. */
export async function answerStream<Reply>(
  call: ServerWritableStream<unknown, Reply>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    call.end();
  } catch (error) {
    const code = error instanceof AdminError ? error.code : status.INTERNAL;
    call.emit('error', { code, details: (error as Error).message });
  }
}

/** Resolves when the other end has room again, after a turn for others; also when it is gone. */
async function flush<Reply>(call: ServerWritableStream<unknown, Reply>, reply: Reply): Promise<void> {
  const room = call.write(reply);
  if (room) return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const events = ['drain', 'cancelled', 'close', 'error'];
    const done = () => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}
