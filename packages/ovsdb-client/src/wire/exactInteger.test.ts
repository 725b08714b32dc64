import test from 'ava';
import { exactInteger, markExactIntegers, readExactInteger, stringifyExact } from './exactInteger.js';
import type { JsonValue } from './json.js';

const parse = (text: string) => JSON.parse(markExactIntegers(text)) as JsonValue;

test('an integer beyond 2^53 is read digit by digit', (t) => {
  const value = parse('{"a":9223372036854775807,"b":[-9223372036854775808, 9007199254740993],"c":1}') as {
    a: JsonValue;
    b: JsonValue[];
    c: JsonValue;
  };
  t.is(readExactInteger(value.a), 9223372036854775807n);
  t.deepEqual(value.b.map(readExactInteger), [-9223372036854775808n, 9007199254740993n]);
  t.is(value.c, 1);
});

test('what is no such integer stays as it is', (t) => {
  for (const text of [
    '[1234567890123456, 9007199254740991]',
    String.raw`["9223372036854775807", "a\"9223372036854775807", "\\", "9223372036854775807"]`,
    '[0.92233720368547758070, 9223372036854775807.5, 9223372036854775807e1, 1e9223372036854775]',
    '{"9223372036854775807": "x"}',
  ])
    t.is(markExactIntegers(text), text);
  t.deepEqual(parse(String.raw`["\"", 9223372036854775807]`), ['"', exactInteger(9223372036854775807n)]);
});

test('it is written as plain digits, and text that looks like the mark is not', (t) => {
  const big = exactInteger(-(2n ** 63n));
  t.is(stringifyExact({ row: { nb_cfg: big } }), '{"row":{"nb_cfg":-9223372036854775808}}');
  const text = JSON.stringify(exactInteger(5n));
  t.is(
    stringifyExact({ text, big }),
    JSON.stringify({ text, big: 0 }).replace(':0}', ':-9223372036854775808}'),
  );
  t.is(stringifyExact({ set: ['integer', '5'] }), '{"set":["integer","5"]}');
});
