import { readFileSync } from 'node:fs';
import test from 'ava';
import { Btf } from '../btf/btf.js';
import { ElfFile } from '../btf/elf.js';
import { compile } from '../fixtures/compile.js';
import { accessor } from './accessor.js';
import { structCodec } from './struct-codec.js';

const object = compile('types');
const btf = Btf.fromObjectFile(object);
const codec = btf.struct('fixture_types');

/** A constant's bytes as the C compiler laid them out: the codecs' witness. */
function compiled(name: string): Buffer {
  const symbol = [...new ElfFile(readFileSync(object), object).symbols()].find((one) => one.name === name)!;
  return symbol.section!.data.subarray(symbol.offset, symbol.offset + symbol.size);
}

/** The same as `sample` in types.bpf.c. */
const sample = {
  u8: 200,
  s8: -100,
  u16: 60000,
  s32: -2000000000,
  u64: 0xfedcba9876543210n,
  s64: -81985529216486896n,
  yes: true,
  name: Buffer.from('tap0\0'),
  port: 4789,
  addr: 0x0a000001,
  tunnel: 0x0102030405060708n,
  color: 5,
  sign: -7,
  mac: { octets: Buffer.from([2, 0, 0, 0, 0, 9]), vlan: 4094 },
  nested: { addr: 0xc0a80101, port: 53, proto: 17 },
  many: [
    { addr: 1, port: 2, proto: 3 },
    { addr: 0, port: 0, proto: 255 },
  ],
  addrs: [1, 2, 3],
  matrix: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  ip4: 0x20010db8,
  ip6: Buffer.from('20010db8000000000000000000000001', 'hex'),
  both: { word: 0x00020001, halves: { low: 1, high: 2 } },
  anon: { x: 5 },
  flag_a: 1,
  flag_b: 5,
  wide: 0xabcde,
  negative: -16,
  huge: 0xff00000001n,
  pointer: 0n,
};

test('what C laid out is decoded', (t) => {
  t.is(codec.size, compiled('sample').length);
  t.deepEqual(codec.decode(compiled('sample')), sample);
});

test('what is encoded is what C lays out', (t) => {
  t.deepEqual(codec.encode(sample), compiled('sample'));
});

test('members of anonymous unions stand alone', (t) => {
  t.deepEqual(
    codec.decode(codec.encode({ ip4: 0x0a000001 })).ip6,
    Buffer.from([10, 0, 0, 1, ...Array(12).fill(0)]),
  );
  const both = codec.decode(codec.encode({ both: { halves: { high: 1 } } })).both;
  t.deepEqual(both, { word: 0x10000, halves: { low: 0, high: 1 } });
});

test('what is not given is zero, padding included, whatever the buffer held', (t) => {
  const buffer = Buffer.alloc(codec.size + 20, 0xff);
  codec.encodeInto(buffer, 10, { u8: 1 });
  t.deepEqual(buffer.subarray(10, 10 + codec.size), codec.encode({ u8: 1 }));
  t.deepEqual(buffer.subarray(0, 10), Buffer.alloc(10, 0xff));
  t.deepEqual(buffer.subarray(10 + codec.size), Buffer.alloc(10, 0xff));
  t.is(codec.decode(buffer, 10).u8, 1);
});

test('assign leaves the other members as they are, bitfields too', (t) => {
  const buffer = codec.encode(sample);
  codec.assign(buffer, 0, { flag_b: 2, port: 1 });
  t.deepEqual(codec.decode(buffer), { ...sample, flag_b: 2, port: 1 });
});

test('short bytes and arrays are filled with zeros', (t) => {
  const buffer = Buffer.alloc(codec.size, 0xff);
  codec.assign(buffer, 0, { name: Buffer.from('a') });
  t.deepEqual(codec.decode(buffer).name, Buffer.from('a\0\0\0\0'));
  t.deepEqual(codec.decode(codec.encode({ addrs: [9] })).addrs, [9, 0, 0]);
});

test('values that do not fit are refused by member', (t) => {
  const refused = (value: Record<string, unknown>, message: RegExp): void => {
    t.throws(() => codec.encode(value), { message });
  };
  refused({ u8: 256 }, /^fixture_types\.u8: .*out of range/);
  refused({ u64: -1n }, /^fixture_types\.u64: .*out of range/);
  refused({ u64: 1.5 }, /fixture_types\.u64: a bigint is wanted, not number 1.5/);
  refused({ u16: '7' }, /fixture_types\.u16: a number is wanted, not string 7/);
  refused({ name: Buffer.alloc(6) }, /fixture_types\.name: at most 5 bytes fit, not 6/);
  refused({ name: 'tap0' }, /fixture_types\.name: bytes are wanted/);
  refused({ addrs: [1, 2, 3, 4] }, /fixture_types\.addrs: at most 3 elements/);
  refused({ addrs: 1 }, /fixture_types\.addrs: an array is wanted/);
  refused({ nested: 3 }, /fixture_types\.nested: .*an object is wanted, not number 3/);
  refused({ nested: { port: 65536 } }, /fixture_types\.nested: fixture_inner\.port: /);
  refused({ flag_b: 8 }, /fixture_types\.flag_b: 8 does not fit into 3 bits/);
  refused({ negative: 16 }, /fixture_types\.negative: 16 does not fit/);
  refused({ wide: 0.5 }, /fixture_types\.wide: an integer is wanted/);
  refused({ flagb: 1 }, /^fixture_types has no member flagb/);
});

test('small integers may be given for 64-bit members, bigints for small ones', (t) => {
  t.is(codec.decode(codec.encode({ u64: 7, u8: 7n })).u64, 7n);
  t.is(codec.decode(codec.encode({ u64: 7, u8: 7n })).u8, 7);
});

test('a buffer that is too short is refused', (t) => {
  t.throws(() => codec.decode(Buffer.alloc(codec.size - 1)), { message: /fixture_types needs 160 bytes/ });
  t.throws(() => codec.encodeInto(Buffer.alloc(codec.size), 1, {}), { instanceOf: RangeError });
});

test('decoded bytes do not change with the buffer', (t) => {
  const buffer = codec.encode(sample);
  const { name } = codec.decode(buffer);
  buffer.fill(0);
  t.deepEqual(name, sample.name);
});

test('unions, typedefs and floating point', (t) => {
  t.deepEqual(btf.struct('fixture_union').decode(compiled('loose')), {
    word: 1,
    bytes: Buffer.from([1, 0, 0, 0]),
  });
  t.deepEqual(btf.struct('mac_vlan').encode(sample.mac), Buffer.from('020000000009fe0f', 'hex'));
  t.is(accessor('f64').read(compiled('ratio'), 0), 0.5);
  const floats = structCodec<{ f: number; d: number }>({
    name: 'floats',
    size: 16,
    fields: [
      { name: 'f', offset: 0, type: 'f32' },
      { name: 'd', offset: 8, type: 'f64' },
    ],
  });
  t.deepEqual(floats.encode({ f: 1.5, d: -2.25 }), compiled('floats'));
});
