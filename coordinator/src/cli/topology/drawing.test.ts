import { execFileSync } from 'node:child_process';
import { Node, Port, Router, Switch } from '@iovisor-ovn/proto';
import test from 'ava';
import { dot } from './dot.js';
import { type Drawing, drawingOf } from './drawing.js';
import { mermaid } from './mermaid.js';
import { svg } from './svg.js';

/** What would end a string, begin a tag, an entity, an escape or a line in one of the languages. */
const hostile = 'x"]; } <script>&amp;#34;\'`*\\N\\"\n\u001b[31m\u202e--> end %% {{}} |"';

const inventory = {
  routers: [
    Router.create({ name: `r${hostile}`, ports: [`rp${hostile}`], gateways: [hostile], problem: 'no' }),
  ],
  switches: [
    Switch.create({ name: `s${hostile}`, tunnelKey: 1, ports: 2 }),
    Switch.create({ name: 'other', tunnelKey: 2 }),
  ],
  nodes: [
    Node.create({ chassis: `h${hostile}`, encaps: hostile, kind: 'iovisor', connected: true }),
    Node.create({ chassis: 'stock', kind: 'ovn-controller' }),
  ],
  ports: [
    Port.create({
      name: `p${hostile}`,
      switchName: `s${hostile}`,
      node: `h${hostile}`,
      up: true,
      local: { tap: hostile, instances: ['portsec:1', hostile] },
    }),
    Port.create({ name: 'plain', switchName: 'other', node: 'stock' }),
    Port.create({ name: 'loose', switchName: 'other' }),
    Port.create({ name: 'to-r', switchName: `s${hostile}`, type: 'router', peer: `rp${hostile}` }),
  ],
};
const all = { switch: '', node: '' };

test('what is drawn: routers, switches, hypervisors with their ports, and those that are nowhere', (t) => {
  const drawing = drawingOf(inventory, all);
  t.deepEqual(
    drawing.ports.map(({ name, hypervisor, switch: of }) => [name.slice(0, 5), hypervisor, of]),
    [
      ['px"];', 'h0', 's0'],
      ['plain', 'h1', 's1'],
      ['loose', 'nowhere', 's1'],
    ],
  );
  t.like(drawing.links[0], { router: 'r0', switch: 's0' });
  const ids = (limit: typeof all) => {
    const { routers, switches, hypervisors, ports } = drawingOf(inventory, limit);
    return [
      routers.length,
      switches.map(({ name }) => name),
      hypervisors.map(({ name }) => name),
      ports.length,
    ];
  };
  t.deepEqual(ids({ switch: 'other', node: '' }), [0, ['other'], ['stock', 'on no hypervisor'], 2]);
  t.deepEqual(ids({ switch: '', node: 'stock' }), [0, ['other'], ['stock'], 1]);
});

const drawing: Drawing = drawingOf(inventory, all);

// biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
const unsafe = /[\u0000-\u0009\u000b-\u001f\u202e]/;

test('dot: a hostile name is one quoted string', (t) => {
  const text = dot(drawing);
  t.notRegex(text, unsafe);
  for (const line of text.split('\n')) {
    // Whatever is not in quotes is our own.
    const rest = line.replace(/"(?:[^"\\]|\\.)*"/g, '""');
    t.regex(rest, /^[\w\s{}[\]=;,-]*(?:""[\w\s{}[\]=;,-]*)*$/, line);
    t.notRegex(rest, /script|amp/);
  }
  t.true(text.includes('\\\\N'), 'a backslash of the name is not an escape');
});

test('mermaid: a hostile name is one quoted string of letters and entities', (t) => {
  const text = mermaid(drawing);
  t.notRegex(text, unsafe);
  for (const line of text.split('\n')) {
    const rest = line.replace(/"(?:[\p{L}\p{N} .,:/=→…×_-]|#\d+;|<br\/>)*"/gu, '""');
    t.regex(
      rest,
      /^ *(?:flowchart LR|end|subgraph \w+\[""\]|\w+(?:\[""\]|\(\[""\]\)|\{\{""\}\})|\w+ (?:---|-\.-)(?:\|""\|)? \w+)$/,
      line,
    );
  }
});

test('svg: well-formed whatever the names are, and nothing in it but our elements', (t) => {
  const text = svg(drawing);
  t.notRegex(text, unsafe);
  const script =
    'import sys,xml.etree.ElementTree as E;r=E.fromstring(sys.stdin.read());' +
    "print(' '.join(sorted({e.tag.split('}')[1] for e in r.iter()})));" +
    "print('\\n'.join(e.text for e in r.iter() if e.text))";
  const [tags, ...texts] = execFileSync('python3', ['-c', script], { input: text, encoding: 'utf8' }).split(
    '\n',
  );
  t.is(tags, 'g path rect svg text');
  t.true(texts.some((one) => one.startsWith('px"]; } <script>&amp;#34;')));
});
