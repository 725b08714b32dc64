import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { makeProgram } from '../program.js';
import { protoMessages } from './proto-messages.js';
import { referenceText } from './reference.js';

const inCheckout = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)), 'utf8');
const sources = ['admin', 'report'].map((name) => inCheckout(`proto/iovisor/v1/${name}.proto`));

test('docs/iovctl.md is current: npm run docs makes it so', (t) => {
  t.is(inCheckout('docs/iovctl.md'), referenceText(makeProgram(), sources));
});

test('messages, with their fields and what is said of them', (t) => {
  const source = `// One thing.
message One {
  // What it is
  // called.
  repeated string its_name = 1;
  map<string, bool> flags = 2;  // of it
}
message Two { uint64 a = 1; One one = 2; }
`;
  t.deepEqual(protoMessages(source), [
    {
      name: 'One',
      comment: 'One thing.',
      fields: [
        { name: 'itsName', type: 'string', repeated: true, comment: 'What it is called.' },
        { name: 'flags', type: 'map<string, bool>', repeated: false, comment: 'of it' },
      ],
    },
    {
      name: 'Two',
      comment: '',
      fields: [
        { name: 'a', type: 'uint64', repeated: false, comment: '' },
        { name: 'one', type: 'One', repeated: false, comment: '' },
      ],
    },
  ]);
});

test('every command says what its JSON is', (t) => {
  const text = referenceText(makeProgram(), sources);
  const without = ['completion', 'health'];
  for (const part of text.split('\n### `iovctl ').slice(1)) {
    const name = part.split(/[\s`]/)[0]!;
    if (!without.includes(name)) t.regex(part.split('\n### ')[0]!, /`--json`: /, name);
  }
});
