import test from 'ava';
import type { JsonObject } from './json.js';
import { LargeContainer } from './large.js';
import { MessageFramer } from './messageFramer.js';

async function frame(text: string | Buffer, chunkBytes: number): Promise<unknown[]> {
  const bytes = Buffer.from(text);
  const framer = new MessageFramer();
  const messages: (JsonObject | LargeContainer)[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // Copies, as those of a socket are its own.
    framer.push(Buffer.from(bytes.subarray(at, at + chunkBytes)), (message) => messages.push(message));
  }
  const plain: unknown[] = [];
  for (const message of messages)
    plain.push(message instanceof LargeContainer ? await message.materialize() : message);
  return plain;
}

const SMALL = [
  { id: 1, method: 'x', params: ['a"}{[]\\', '\\', '', 'ü€😀', { b: [[], {}, null, true, -1.5e3] }] },
  { id: 2, result: {}, error: null },
];

test('finds messages wherever the chunks are cut', async (t) => {
  const text = SMALL.map((message) => JSON.stringify(message)).join('');
  for (let chunkBytes = 1; chunkBytes < text.length; chunkBytes++)
    t.deepEqual(await frame(text, chunkBytes), SMALL);
  t.deepEqual(
    await frame(` \n${JSON.stringify(SMALL[0], null, 2)}\r\n\t${JSON.stringify(SMALL[1])}`, 7),
    SMALL,
  );
});

function bigMessage(): object {
  const rows = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [
      `row,${i}"`,
      { insert: { name: `n${i}`, list: ['set', [i, `:{${i}`]] } },
    ]),
  );
  const long = 'x'.repeat(100_000);
  const items = Array.from({ length: 20_000 }, (_, i) => i);
  return {
    id: 7,
    result: [true, 'txn', { A: rows, tiny: {}, B: { one: { insert: { long } } }, C: rows }, items, long],
    error: null,
  };
}

test('a long message is cut into pieces and comes out whole, wherever the chunks are cut', async (t) => {
  const big = bigMessage();
  const text = JSON.stringify(big);
  for (const chunkBytes of [1000, 4099, 32_768, 65_536, text.length]) {
    t.deepEqual(await frame(text + text, chunkBytes), [big, big], `chunks of ${chunkBytes}`);
  }
  t.deepEqual(await frame(JSON.stringify(big, null, 3), 5001), [big]);
});

test('a member named __proto__ is a member like any other', async (t) => {
  const text = `{"id":1,"result":{${'"a":"b",'.repeat(20_000)}"__proto__":{"x":1}}}`;
  const [message] = (await frame(text, 4096)) as [{ result: object }];
  t.deepEqual(Object.keys(message.result), ['a', '__proto__']);
  t.is(Object.getPrototypeOf(message.result), Object.prototype);
});

const filler = `"k":[${'"0123456789",'.repeat(10_000)}"0"]`;

for (const [what, text, message] of [
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n', /does not speak OVSDB.*HTTP\/1\.1 400/],
  ['a TLS alert', '\x15\x03\x01\x00\x02', /does not speak OVSDB/],
  ['a top-level array', '[1,2]', /does not speak OVSDB/],
  ['a number between messages', '{}1{}', /does not speak OVSDB/],
  ['a word in a message', '{hello', /does not speak OVSDB.*hello/],
  ['deep nesting', '{"a":'.repeat(200), /nested deeper than 128/],
  ['a wrong bracket', '{"a":[1}', /closed a JSON array/],
  ['a bracket too many', '}', /does not speak OVSDB/],
  ['broken JSON', '{"a" 1}', /broken JSON/],
  ['a control character', '{"a":"\x01"}', /broken JSON/],
  ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not UTF-8/],
  ['a missing comma in a long message', `{${filler} "b":1}`, /comma is missing|broken JSON/],
  ['a comma too many in a long message', `{${filler},}`, /comma too many/],
  ['two commas in a long message', `{${filler},,"b":1}`, /no pairs/],
  ['a comma first in a long message', `{,${filler}}`, /comma too many|broken JSON/],
  ['a long member without a name', `{[${'"0123456789",'.repeat(10_000)}"0"]}`, /broken JSON|no name|pairs/],
  [
    'a long item without a comma',
    `{"a":[1 [${'"0123456789",'.repeat(10_000)}"0"]]}`,
    /comma is missing|broken JSON/,
  ],
  ['pairs that are none in a long message', `{"k":{${'"a":1,'.repeat(20_000)}"b"}}`, /without a value/],
  ['two colons in a long message', `{"k":{${'"a":1,'.repeat(20_000)}"b":1:2}}`, /no pairs/],
  ['a number for a name in a long message', `{"k":{${'"a":1,'.repeat(20_000)}1:2}}`, /no string/],
] as [string, string | Buffer, RegExp][]) {
  test(`garbage is an error: ${what}`, async (t) => {
    await t.throwsAsync(frame(text, 1024), { name: 'WireError', message });
  });
}

test('an endless string is given up and not collected for ever', async (t) => {
  const framer = new MessageFramer();
  const chunk = Buffer.alloc(32_768, 'x');
  framer.push(Buffer.from('{"a":"'), () => t.fail());
  const error = t.throws(() => {
    for (let i = 0; i < 1000; i++) framer.push(chunk, () => t.fail());
  });
  t.regex(error.message, /longer than 16777216 bytes/);
});

test('an endless message is given up', (t) => {
  const framer = new MessageFramer();
  framer.push(Buffer.from('{"a":["",'), () => t.fail());
  const chunk = Buffer.from(`"${'x'.repeat(4 * 1024 * 1024)}",`);
  const error = t.throws(() => {
    for (let i = 0; i < 300; i++) framer.push(chunk, () => t.fail());
  });
  t.regex(error.message, /message longer than 1073741824 bytes/);
});
