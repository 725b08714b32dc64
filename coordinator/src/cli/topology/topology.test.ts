import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { describe, planTopology } from './plan.js';
import { parseTopology, readTopology } from './topology-file.js';

const FILE = `
modules:
  - { name: sw, type: switch, config: { age: 300 } }
  - { name: rt, type: router, config: }
links:
  - { from: sw, to: rt }
external_interfaces:
  - { module: sw, iface: veth1 }
`;

const read = (yaml: string) => parseTopology(parse(yaml), '/dir/lab.yaml');

test('a file is read in its order; its name is that of the topology', (t) => {
  t.deepEqual(read(FILE), {
    name: 'lab',
    modules: [
      { name: 'sw', type: 'switch', config: { age: 300 } },
      { name: 'rt', type: 'router', config: undefined },
    ],
    links: [
      { from: 'sw', to: 'rt' },
      { from: 'sw', to: 'i:veth1' },
    ],
  });
  t.is(read(`name: other\n${FILE}`).name, 'other');
});

test('mistakes in a file are named', (t) => {
  const module = 'modules: [{ name: a, type: x }]\n';
  const cases: [yaml: string, wanted: string | RegExp][] = [
    ['[]', /modules, links and external_interfaces are wanted/],
    ['links: []', 'No modules present on topology file'],
    ['modules: []', 'No modules present on topology file'],
    ['modules: 5', /modules is a list/],
    ['module: []', /unknown key "module"/],
    ['modules: [{ type: x }]', 'name is missing in module'],
    ['modules: [{ name: a }]', "type is missing in module 'a'"],
    ['modules: [{ name: a, type: x, config: 5 }]', "config of module 'a' is a mapping"],
    ['modules: [{ name: a, type: bpf, code: none.c }]', /^code of module 'a': ENOENT/],
    ['modules: [{ name: a, type: x }, { name: a, type: y }]', "Module 'a' is there twice"],
    [`${module}links: [{ from: a }]`, 'to is not present on link request'],
    [`${module}links: [{ to: a }]`, 'from is not present on link request'],
    [`${module}links: [{ from: a, to: b }]`, "Module 'b' does not exist"],
    [`${module}links: [{ from: a, to: a }]`, "Module 'a' is linked to itself"],
    [`${module}external_interfaces: [{ iface: v }]`, "'module' is missing in link to interface"],
    [`${module}external_interfaces: [{ module: a }]`, "'iface' is missing in link to interface"],
    [`${module}external_interfaces: [{ module: b, iface: v }]`, "Module 'b' does not exist"],
    [
      `${module}external_interfaces: [{ module: a, iface: v }, { module: a, iface: v }]`,
      "Interface 'v' is there twice",
    ],
  ];
  for (const [yaml, message] of cases) t.throws(() => read(yaml), { message }, yaml);
  const directory = mkdtempSync(join(tmpdir(), 'topology-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'broken.yaml'), 'modules: [');
  t.throws(() => readTopology(join(directory, 'broken.yaml')), { message: /broken\.yaml: / });
});

test('only what differs is done; what belongs to others is not looked at', (t) => {
  const module = (
    id: string,
    display_name: string,
    module_type: string,
    config = {},
    tags = ['topology:lab'],
  ) => ({
    id,
    display_name,
    module_type,
    config,
    tags,
  });
  const link = (id: string, from: string, to: string) => ({ id, from, to, 'from-id': 1, 'to-id': 1 });
  const sw = module('m:00000001', 'sw', 'switch', { age: 300 });
  const rt = module('m:00000002', 'rt', 'router');
  const links = [link('l1', 'm:00000002', 'm:00000001'), link('l2', 'i:veth1', 'm:00000001')];
  const plan = (modules: (typeof sw)[], has = links) =>
    describe(planTopology(read(FILE), { modules, links: has }));
  t.deepEqual(plan([sw, rt]), []);
  const foreign = [
    module('m:00000009', 'sw', 'switch', {}, []),
    link('l9', 'i:veth9', 'm:00000009'),
  ] as const;
  t.deepEqual(plan([foreign[0], sw, rt], [...links, foreign[1]]), []);
  t.deepEqual(plan([]), [
    '+ module sw (switch)',
    '+ module rt (router)',
    '+ link sw rt',
    '+ link sw i:veth1',
  ]);
  t.deepEqual(plan([{ ...sw, config: { age: 5 } }, rt]), ['~ config of sw (m:00000001)']);
  const old = module('m:00000003', 'gone', 'nat');
  t.deepEqual(plan([sw, rt, old], [...links, link('l3', 'm:00000003', 'i:veth3')]), [
    '- link m:00000003 i:veth3',
    '- module gone (m:00000003, nat)',
  ]);
  t.deepEqual(plan([{ ...sw, module_type: 'hub' }, rt]), [
    '+ module sw (switch)',
    '- link m:00000002 m:00000001',
    '- link i:veth1 m:00000001',
    '+ link sw rt',
    '+ link sw i:veth1',
    '- module sw (m:00000001, hub)',
  ]);
});
