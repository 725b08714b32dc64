import test from 'ava';
import { bytes, type Column, fit, tableText } from './table.js';
import { clean, cleaned, displayWidth, safeJson, truncate } from './terminal.js';

const columns: Column<string[]>[] = [
  { title: 'NAME', value: (row) => row[0] ?? '' },
  { title: 'TEXT', value: (row) => row[1] ?? '', shrink: 1 },
];
const rows = [['x'.repeat(20), 'y'.repeat(100)]];

test('columns that may shrink give way until the table fits, then the others', (t) => {
  t.deepEqual(fit(columns, rows, 0), [20, 100]);
  t.deepEqual(fit(columns, rows, 80), [20, 58]);
  t.deepEqual(fit(columns, rows, 25), [15, 8]);
  t.deepEqual(fit(columns, rows, 10), [8, 8], 'but not below what can be read');
});

test('a table is as wide as the terminal at most, one line a row, and complete without a terminal', (t) => {
  const text = tableText(columns, rows, 'none', 60);
  t.deepEqual(
    text.split('\n').map((line) => displayWidth(line)),
    [26, 60],
  );
  t.true(text.endsWith('y…'));
  t.true(tableText(columns, rows, 'none', 0).includes('y'.repeat(100)));
  t.is(tableText(columns, [], 'none', 60), 'none');
});

test('names of 10 kB do not take the table apart', (t) => {
  const long = [['n'.repeat(10_000), 't'.repeat(10_000)]];
  for (const line of tableText(columns, long, 'none', 80).split('\n')) t.true(displayWidth(line) <= 80);
});

test('what would do something to the terminal is shown escaped', (t) => {
  const name = 'a\u001b[31mb\nc\rd\te\u0007f\u009bg\u202eh\u200bi\u2066j';
  const shown = 'a\\x1b[31mb\\nc\\rd\\te\\x07f\\x9bg\\u202eh\\u200bi\\u2066j';
  t.is(clean(name), shown);
  t.is(clean('lone \ud800 and 😀'), 'lone \\ud800 and 😀');
  t.is(clean('Grüße, 東京, שלום'), 'Grüße, 東京, שלום');
  t.is(tableText(columns, [[name, 'x']], 'none', 0).split('\n').length, 2);
  t.deepEqual(cleaned({ list: [{ name }], bytes: Buffer.from([27]), count: 5n }), {
    list: [{ name: shown }],
    bytes: Buffer.from([27]),
    count: 5n,
  });
});

test('JSON says the same, and does nothing to the terminal', (t) => {
  const value = { name: '\u001b\u009b\u202e\u007f\n"', more: [1] };
  const text = safeJson(JSON.stringify(value, undefined, 2));
  t.deepEqual(JSON.parse(text), value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
  t.notRegex(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

test('text is cut by what it takes on the terminal', (t) => {
  t.is(truncate('abcdef', 6), 'abcdef');
  t.is(truncate('abcdef', 5), 'abcd…');
  t.is(displayWidth('東京'), 4);
  t.is(truncate('東京都', 5), '東京…');
  t.is(displayWidth('e\u0301'), 1);
});

test('amounts of bytes', (t) => {
  t.deepEqual([0, 999, 1500, 2_000_000n].map(bytes), ['0 B', '999 B', '1.5 kB', '2.0 MB']);
});
