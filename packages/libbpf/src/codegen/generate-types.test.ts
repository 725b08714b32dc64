import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { Btf } from '../btf/btf.js';
import type { StructCodec } from '../codec/struct-codec.js';
import { compile } from '../fixtures/compile.js';
import { generateTypes } from './generate-types.js';

const CLI = fileURLToPath(new URL('./cli.js', import.meta.url));
const TSC = fileURLToPath(new URL('../../../../node_modules/typescript/bin/tsc', import.meta.url));
const object = compile('types');

/** In dist/, so that `@iovisor-ovn/libbpf` resolves as it does for a user. */
function project(t: import('ava').ExecutionContext): string {
  const directory = mkdtempSync(fileURLToPath(new URL('../generated-', import.meta.url)));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

const USE = `
import { fixture_color, fixture_typesCodec, type fixture_types } from './types.js';
const value: Partial<fixture_types> = {
  addr: 0x0a000001, u64: 1n, yes: true, name: Buffer.from('x'), many: [{ addr: 1, port: 2, proto: 3 }],
  color: fixture_color.COLOR_GREEN, both: { word: 1, halves: { low: 1, high: 0 } }, matrix: [[1]], huge: 5n,
};
export const decoded: fixture_types = fixture_typesCodec.decode(fixture_typesCodec.encode(value));
// @ts-expect-error a 64-bit member is a bigint
export const wrong: Partial<fixture_types> = { u64: 1 };
`;

test('generated code compiles strictly and is what BTF says', async (t) => {
  const directory = project(t);
  const args = [
    CLI,
    object,
    '--structs',
    'fixture_types,mac_vlan',
    '--enums',
    'fixture_color,fixture_signed',
  ];
  writeFileSync(join(directory, 'types.ts'), execFileSync(process.execPath, args));
  writeFileSync(join(directory, 'use.ts'), USE);
  const flags = [
    '--strict',
    '--target',
    'ES2022',
    '--module',
    'NodeNext',
    '--skipLibCheck',
    '--types',
    'node',
  ];
  const tsc = spawnSync(process.execPath, [TSC, ...flags, join(directory, 'use.ts')], { encoding: 'utf8' });
  t.is(tsc.stdout, '');
  const types = (await import(pathToFileURL(join(directory, 'types.js')).href)) as Record<string, unknown>;
  const use = (await import(pathToFileURL(join(directory, 'use.js')).href)) as {
    decoded: Record<string, unknown>;
  };
  t.is(use.decoded.addr, 0x0a000001);
  t.is(use.decoded.color, 5);
  const codec = types.fixture_typesCodec as StructCodec;
  const fromBtf = Btf.fromObjectFile(object).struct('fixture_types');
  t.deepEqual(codec.fields, fromBtf.fields);
  t.is(codec.size, fromBtf.size);
  const layout = types.fixture_types_layout as { size: number; offsets: Record<string, number> };
  t.is(layout.size, 160);
  t.is(layout.offsets.many, 72);
  t.deepEqual(types.fixture_signed, { SIGNED_BELOW: -7, SIGNED_ABOVE: 7 });
});

test('inner structs get interfaces once, before they are used', (t) => {
  const text = generateTypes(Btf.fromObjectFile(object), {
    structs: ['fixture_types', 'fixture_inner'],
    enums: [],
  });
  t.is(text.split('export interface fixture_inner {').length, 2);
  t.true(text.indexOf('interface fixture_inner ') < text.indexOf('interface fixture_types '));
  t.is(text.split('export const fixture_innerCodec').length, 2);
});

test('the command writes a file, and explains mistakes', (t) => {
  const out = join(project(t), 'out.ts');
  execFileSync(process.execPath, [CLI, object, '--enums', 'fixture_color', '--out', out]);
  t.regex(readFileSync(out, 'utf8'), /export const fixture_color = \{\n {2}COLOR_RED: 0,/);
  t.notRegex(readFileSync(out, 'utf8'), /import/);
  const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
  const cases: [string[], RegExp][] = [
    [[], /one object file is wanted\nusage: bpf-codegen OBJ\.o/],
    [[object], /nothing to generate/],
    [[object, '--structs', 'nope'], /types\.o: no struct or union nope/],
    [['/nonexistent.o', '--structs', 'x'], /nonexistent\.o/],
    [[object, '--colour'], /--colour/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr, stdout } = run(...args);
    t.is(status, 1);
    t.regex(stderr, message);
    t.is(stdout, '');
  }
});
