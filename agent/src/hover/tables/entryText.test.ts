import test from 'ava';
import { EntryError } from '../engine/hoverEngine.js';
import { formatEntry, parseEntry } from './entryText.js';
import { describe, type EntryType } from './entryType.js';

const int: EntryType = { kind: 'scalar', name: 'int', size: 4, signed: true };
const u16: EntryType = { kind: 'scalar', name: 'unsigned short', size: 2, signed: false };
const u64: EntryType = { kind: 'scalar', name: 'unsigned long long', size: 8, signed: false };
const list: EntryType = { kind: 'array', size: 6, element: u16, count: 3 };
const port: EntryType = {
  kind: 'struct',
  name: 'r_port',
  size: 16,
  fields: [
    { name: 'ip', offset: 0, type: int },
    { name: 'mac', offset: 4, bits: { shift: 0, width: 48 }, type: u64 },
    { name: 'flag', offset: 10, bits: { shift: 3, width: 5 }, type: u64 },
  ],
};
const nested: EntryType = {
  kind: 'struct',
  name: 'nested',
  size: 22,
  fields: [
    { name: 'port', offset: 0, type: port },
    { name: 'list', offset: 16, type: list },
  ],
};

const again = (type: EntryType, text: string) => formatEntry(type, parseEntry(type, text, 'key'));

test('integers as sscanf reads them', (t) => {
  const read: [string, string][] = [
    ['5', '0x5'],
    [' 0x1F ', '0x1f'],
    ['010', '0x8'],
    ['08', '0x0'],
    ['+7', '0x7'],
    ['-1', '0xffffffff'],
    ['0xffffffff', '0xffffffff'],
    ['5abc', '0x5'],
    ['{5}', '0x5'],
    ['{ 0x5 }', '0x5'],
  ];
  for (const [text, written] of read) t.is(again(int, text), written, text);
  t.is(again(u64, '18446744073709551615'), '0xffffffffffffffff');
  for (const text of ['', 'x', '{', '{}', '-', '0x100000000', '-2147483649', '[5]', 'é'])
    t.throws(() => again(int, text), {
      instanceOf: EntryError,
      message: `error scanning key (${text}) from string`,
    });
});

test('structs, arrays and bit-fields, nested and with free white space', (t) => {
  t.is(again(port, '{ 0x0101000a 0x23405af887b6 0x1f }'), '{ 0x101000a 0x23405af887b6 0x1f }');
  t.is(
    parseEntry(port, '{1 0x060504030201 31}', 'key').toString('hex'),
    '01000000010203040506f8'.padEnd(32, '0'),
  );
  t.is(again(list, '[1 2 3]'), '[ 0x1 0x2 0x3 ]');
  t.is(again(nested, '{{1 2 3}[4 5 6]}'), '{ { 0x1 0x2 0x3 } [ 0x4 0x5 0x6 ] }');
  t.is(again(port, '{1 2 3'), '{ 0x1 0x2 0x3 }', 'a missing bracket at the end is not noticed');
  t.is(again(port, '{1 2 3 4}'), '{ 0x1 0x2 0x3 }', 'nor what comes after the last field');
  for (const text of ['1 2 3', '{1 2}', '{1 2 32}', '{1 0x1000000000000 3}', '[1 2 3]', '{{1 2 3} {4 5 6}}'])
    t.throws(() => again(text.includes('{{') ? nested : port, text), { instanceOf: EntryError }, text);
});

test('descriptions are those of BCC', (t) => {
  t.is(describe(u64), '"unsigned long long"');
  t.is(
    describe(nested),
    '["nested",[["port",["r_port",[["ip","int"],["mac","unsigned long long",48],["flag","unsigned long long",5]],"struct"]],' +
      '["list","unsigned short",[3]]],"struct"]',
  );
});
