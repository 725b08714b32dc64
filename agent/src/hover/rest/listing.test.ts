import test from 'ava';
import { listing } from './listing.js';
import { ok } from './reply.js';

const entry = (number: number) => ({ key: `0x${number.toString(16)}`, value: '{ <&> }' });

function* table(count: number, onEntry?: () => void) {
  for (let i = 0; i < count; i++) {
    onEntry?.();
    yield entry(i);
  }
}

test('a listing is what it would be at once', async (t) => {
  for (const count of [0, 1, 1000]) {
    const { body, ...rest } = await listing(table(count), () => true);
    t.deepEqual({ ...rest, body: Buffer.concat(body as Buffer[]).toString() }, ok([...table(count)]));
  }
});

test('a hundred thousand entries leave others their turn', async (t) => {
  let [turns, running] = [0, true];
  const turn = () => {
    turns++;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const seen = new Set<number>();
  const { body } = await listing(
    table(100_000, () => seen.add(turns)),
    () => true,
  );
  running = false;
  t.is((JSON.parse(Buffer.concat(body as Buffer[]).toString()) as unknown[]).length, 100_000);
  t.true(seen.size > 3, `it was read in ${seen.size} pieces`);
});

test('a table that goes meanwhile is not read on', async (t) => {
  let [read, there] = [0, true];
  setImmediate(() => {
    there = false;
  });
  const reply = await listing(
    table(10_000_000, () => read++),
    () => there,
  );
  t.is(reply.status, 404);
  t.true(read < 10_000_000);
});
