import test from 'ava';
import { enterPrivateNetns } from '../../netlink/testsupport/privateNetns.js';
import { listing } from '../rest/listing.js';
import { Lab } from '../testsupport/lab.js';

enterPrivateNetns();

const COUNT = 100_000;

test.serial(
  'a table of a hundred thousand entries is listed while others write and delete in it',
  async (t) => {
    const lab = await Lab.open(t);
    const source = `BPF_TABLE("hash", u32, u64, large, 131072);
static int handle_rx(void *skb, struct metadata *md) { return RX_DROP; }`;
    const module = await lab.module(1, source);
    const table = module.tables.get('large')!;
    for (let key = 0; key < COUNT; key++) table.set(`${key}`, `${key * 2}`);

    let [turns, gone, running] = [0, 0, true];
    const meddle = () => {
      if (!running) return;
      turns++;
      // The second half goes, from its end; others come; and one of those that stay is written again.
      for (let i = 0; i < 20 && gone < COUNT / 2; i++) table.delete(`${COUNT - 1 - gone++}`);
      table.set(`${COUNT + turns}`, '1');
      table.set('7', `${turns % 2 === 0 ? 14 : 15}`);
      setImmediate(meddle);
    };
    setImmediate(meddle);
    const { body } = await listing(table.entries(), () => true);
    running = false;
    const listed = JSON.parse(Buffer.concat(body as Buffer[]).toString()) as { key: string; value: string }[];
    const values = new Map(listed.map(({ key, value }) => [Number(key), Number(value)]));
    t.is(values.size, listed.length, 'each once');
    let missing = 0;
    for (let key = 0; key < COUNT / 2; key++) {
      const value = values.get(key);
      if (value === undefined || (value !== key * 2 && key !== 7)) missing++;
    }
    t.is(missing, 0, 'what stays is there, whole');
    t.true([14, 15].includes(values.get(7)!));
    t.true(turns > 20, `${turns} turns of the event loop`);

    // The module goes while it is listed: nothing of the next that gets its number shows.
    const half = table.entries()[Symbol.iterator]();
    half.next();
    let there = true;
    const reply = listing({ [Symbol.iterator]: () => half }, () => there);
    module.close();
    there = false;
    t.is((await reply).status, 404);
  },
);
