import test from 'ava';
import { bytes, type Column, fit } from './table.js';

const columns: Column<string[]>[] = [
  { title: 'NAME', value: (row) => row[0] ?? '' },
  { title: 'TEXT', value: (row) => row[1] ?? '', shrink: 1 },
];
const rows = [['x'.repeat(20), 'y'.repeat(100)]];

test('columns that may shrink give way until the table fits', (t) => {
  t.deepEqual(fit(columns, rows, 0), [20, 100]);
  t.deepEqual(fit(columns, rows, 80), [20, 56]);
  t.deepEqual(fit(columns, rows, 10), [20, 8], 'but not below what can be read');
});

test('amounts of bytes', (t) => {
  t.deepEqual([0, 999, 1500, 2_000_000n].map(bytes), ['0 B', '999 B', '1.5 kB', '2.0 MB']);
});
