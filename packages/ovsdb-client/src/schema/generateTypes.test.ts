import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const CLI = fileURLToPath(new URL('./cli.js', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const SCHEMAS = {
  nb: '/usr/share/ovn/ovn-nb.ovsschema',
  sb: '/usr/share/ovn/ovn-sb.ovsschema',
  vswitch: '/usr/share/openvswitch/vswitch.ovsschema',
};

function generate(...args: string[]) {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
}

const USE = `
import { Client, Replica } from '@iovisor-ovn/ovsdb-client';
import { OVN_NorthboundVersion, type OVN_NorthboundTables, type Logical_Switch_Port } from './nb.js';
const client = new Client({ remotes: 'unix:/x', database: 'OVN_Northbound' });
const replica = new Replica<OVN_NorthboundTables>(client, { tables: { Logical_Switch_Port: {}, ACL: { columns: ['action'] } } });
const port: Logical_Switch_Port | undefined = replica.table('Logical_Switch_Port').get('x');
const tag: number | undefined = port?.tag;
const addresses: readonly string[] = port?.addresses ?? [];
const option: string | undefined = port?.options.get('x');
const byName = replica.table('Logical_Switch_Port').index('name');
const up: boolean | undefined = byName.get('p')?.up;
replica.on('change', (batch, meta) => {
  for (const change of batch) {
    if (change.table === 'ACL' && change.kind !== 'delete') {
      const action: 'allow' | 'allow-related' | 'allow-stateless' | 'drop' | 'reject' | 'pass' = change.row.action as never;
      // @ts-expect-error the column is an enum
      if (change.row.direction === 'sideways') console.log(action);
    }
    if (change.kind === 'modify') console.log(change.old, change.columns, meta.reload);
  }
});
// @ts-expect-error no such table
replica.table('Logical_Flow');
// @ts-expect-error no such table
new Replica<OVN_NorthboundTables>(client, { tables: { Logical_Flow: {} } });
console.log(OVN_NorthboundVersion, tag, addresses, option, up);
`;

test('the types of the real schemas compile and can be used with a replica', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ovsdb-generate-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const { stdout, stderr, status } = generate(schema);
    t.is(stderr, '');
    t.is(status, 0);
    writeFileSync(join(directory, `${name}.ts`), stdout);
  }
  writeFileSync(join(directory, 'use.ts'), USE);
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'ES2022', lib: ['ES2023'], types: ['node'], skipLibCheck: true },
    ...{ module: 'NodeNext', moduleResolution: 'NodeNext', verbatimModuleSyntax: true },
    paths: { '@iovisor-ovn/ovsdb-client': [join(PACKAGE, 'dist/index.d.ts')] },
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const tsc = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'));
  symlinkSync(join(tsc, '../../..'), join(directory, 'node_modules'));
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
  t.is(stdout, '');
  t.is(status, 0);

  const nb = readFileSync(join(directory, 'nb.ts'), 'utf8');
  t.true(nb.includes("export const OVN_NorthboundVersion = '"));
  t.true(nb.includes("readonly direction: 'from-lport' | 'to-lport';"));
  t.regex(
    nb,
    /\/\*\* UUID of a row of DHCP_Options \(weak reference\)\. \*\/\n {2}readonly dhcpv4_options: string \| undefined;/,
  );
  t.regex(nb, /\/\*\* integer, 0 to 4095\. \*\/\n {2}readonly tag_request: number \| undefined;/);
});

test('--tables restricts the output', (t) => {
  const { stdout } = generate(SCHEMAS.nb, '--tables', 'NAT,ACL');
  t.deepEqual(stdout.match(/^export interface \w+/gm), [
    'export interface ACL',
    'export interface NAT',
    'export interface OVN_NorthboundTables',
  ]);
});

test('mistakes are told by file, place and reason', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ovsdb-generate-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'bad.ovsschema');
  for (const [text, reason] of [
    ['{', /bad\.ovsschema: .*JSON/],
    [
      '{"name":"X","version":"1","tables":{"T":{"columns":{"c":{"type":"text"}}}}}',
      /X\.T\.c: "text" is no OVSDB type/,
    ],
    ['{"name":"X","tables":{"T":{"columns":{"c":{"type":{"key":"string","max":0}}}}}}', /X\.T\.c: max is 0/],
    [
      '{"name":"X","tables":{"T":{"columns":{"__proto__":{"type":"string"}}}}}',
      /X\.T: "__proto__" is no valid name/,
    ],
    ['[]', /a database schema is a JSON object/],
  ] as const) {
    writeFileSync(file, text);
    const { status, stderr, stdout } = generate(file);
    t.is(status, 1);
    t.is(stdout, '');
    t.regex(stderr, reason);
  }
  t.regex(generate(SCHEMAS.nb, '--tables', 'Nope').stderr, /has no table Nope/);
  t.regex(generate().stderr, /one schema file is needed/);
  t.notThrows(() => execFileSync(process.execPath, [CLI, '--help']));
});
