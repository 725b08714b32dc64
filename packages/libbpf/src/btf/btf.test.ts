import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compile, scratchDirectory } from '../fixtures/compile.js';
import { Btf } from './btf.js';

const types = Btf.fromObjectFile(compile('types'));

test('enums keep names, values and signs', (t) => {
  t.deepEqual(
    [...types.enumValues('fixture_color')],
    [
      ['COLOR_RED', 0],
      ['COLOR_GREEN', 5],
      ['COLOR_BLUE', 6],
    ],
  );
  t.deepEqual([...types.enumValues('fixture_signed').values()], [-7, 7]);
  t.deepEqual([...types.enumValues('fixture_flags').values()], [1, 2 ** 31]);
  t.is(types.enumValues('typedef_enum').get('TYPEDEF_B'), 9);
});

test('a 64-bit enum is told right or not at all', (t) => {
  // clang writes its values whole since version 15, and before that half of them without a word.
  const kind = types.type(types.find('fixture_wide', 'enum', 'enum64')!).kind;
  if (kind === 'enum64') t.is(types.enumValues('fixture_wide').get('WIDE_BIG'), 2 ** 32);
  else t.throws(() => types.enumValues('fixture_wide'), { message: /fixture_wide has 64-bit values.*clang/ });
});

test('types are found by name and number', (t) => {
  const id = types.find('fixture_types', 'struct')!;
  const type = types.type(id);
  t.is(type.kind, 'struct');
  t.deepEqual(types.types[id], type);
  t.is(types.type(0).kind, 'void');
  t.throws(() => types.type(1_000_000), { message: /no type 1000000/ });
  t.is(types.find('fixture_types', 'enum'), undefined);
});

test('what is missing or of another kind is refused by name', (t) => {
  t.throws(() => types.struct('no_such'), { message: /no struct or union no_such.*clang leaves out/ });
  t.throws(() => types.struct('vlan_id'), { message: /vlan_id is a int, not a struct/ });
  t.throws(() => types.enumValues('fixture_types'), { message: /no enum fixture_types/ });
});

test('files that are no BPF objects are refused by name', (t) => {
  const file = join(scratchDirectory(), 'broken');
  const cases: [Buffer, RegExp][] = [
    [Buffer.from('hello'), /broken: not an ELF/],
    [Buffer.from(`7f454c46020201${'00'.repeat(60)}`, 'hex'), /big-endian/],
    [Buffer.from(`7f454c46010101${'00'.repeat(60)}`, 'hex'), /not a 64-bit/],
  ];
  for (const [bytes, message] of cases) {
    writeFileSync(file, bytes);
    t.throws(() => Btf.fromObjectFile(file), { message });
  }
  t.throws(() => new Btf(Buffer.alloc(40), 'zeros'), { message: 'zeros: not BTF data' });
  t.throws(() => Btf.fromObjectFile(process.execPath), { message: /has no BTF: compile it with -g/ });
});

const kernelHasBtf = existsSync('/sys/kernel/btf/vmlinux');
(kernelHasBtf ? test : test.skip)('the kernel’s BTF is read whole', (t) => {
  const kernel = Btf.fromKernel();
  t.is(kernel.types.length > 10_000, true);
  t.is(kernel.struct('ethhdr').size, 14);
  t.deepEqual(
    kernel.struct('ethhdr').fields.map(({ name, offset, type }) => [name, offset, type]),
    [
      ['h_dest', 0, { bytes: 6 }],
      ['h_source', 6, { bytes: 6 }],
      ['h_proto', 12, 'be16'],
    ],
  );
  t.is(kernel.enumValues('bpf_map_type').get('BPF_MAP_TYPE_LRU_HASH'), 9);
});
