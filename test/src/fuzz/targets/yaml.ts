import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError as AgentUsageError, makeConfig, readOptions } from '@iovisor-ovn/agent/testing';
import {
  Failure,
  planTopology,
  readCoordinatorConfig,
  readTopology,
  UsageError,
} from '@iovisor-ovn/coordinator/testing';
import { Random } from '../random.js';
import { mutate } from './mutate.js';
import { Tally, type Target } from './target.js';

const samples = [
  'nb: unix:/a\nsb: tcp:10.0.0.1:6642,tcp:[fd00::1]:6642\nlisten: 0.0.0.0:6650\nlog-level: debug\nmetrics: unix:/m\n',
  'ovsdb: unix:/run/db.sock\ncoordinator: 10.0.0.1:6650,10.0.0.2:6650\nbpffs: /sys/fs/bpf/x\nhover: none\nhook: tcx\n',
  'coordinator: [a:1, b:2]\nhover-allow-ovn-ports: true\nlog-level: &x warn\nmetrics: *x\n',
  `name: lab
modules:
  - { name: sw, type: switch, config: { age: 300 } }
  - { name: rt, type: router, config: { interfaces: [{ a: 1 }] } }
links:
  - { from: sw, to: rt }
external_interfaces:
  - { module: sw, iface: veth1 }
`,
];
const pieces = [
  '- ',
  '{',
  '}',
  '[',
  ']',
  ': ',
  '&a ',
  '*a',
  '!!binary ',
  '!!js/function ',
  '<<: *a',
  '---\n',
  '|\n',
  '\t',
  '\u0000',
  '\ufeff',
  '__proto__: ',
  'constructor: ',
  '? ',
  '999999999999999999999',
  '.inf',
  '~',
  '"',
  '#',
  'é',
  '\ud800',
];
/** Ten thousand million elements, written out. */
const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghij'[i]}`).join()}]`).join('\n')}\n`;

export const yamlTarget: Target = {
  name: 'yaml',
  what: 'files that people write, broken: each is read, or refused in one line that says what is wrong',
  cases: 200_000,
  run: async ({ seed, cases, stop = () => false }) => {
    const tally = new Tally();
    const random = new Random(seed);
    const dir = mkdtempSync(join(tmpdir(), 'iovisor-fuzz-'));
    const file = join(dir, 'x.yaml');
    try {
      while (tally.cases < cases && !stop() && !tally.isFull) {
        const bytes = tally.cases === 0 ? Buffer.from(bomb) : made(random);
        writeFileSync(file, bytes);
        for (const [name, read] of Object.entries(readers)) judge(tally, name, () => read(file), bytes);
        if (++tally.cases % 100 === 0) await new Promise(setImmediate);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
    return tally;
  },
};

const readers: Readonly<Record<string, (file: string) => unknown>> = {
  coordinator: (file) => readCoordinatorConfig(['node', 'x', '--config', file], {}, '1'),
  agent: (file) => makeConfig(readOptions(['--config', file], {}, '1')),
  topology: (file) => planTopology(readTopology(file), { modules: [], links: [] }),
};

function made(random: Random): Buffer {
  const sample = Buffer.from(random.pick(samples));
  if (random.chance(0.5)) return mutate(random, sample, Buffer.from(random.pick(samples)));
  let text = sample.toString();
  for (let times = 1 + random.int(4); times > 0; times--) {
    const at = random.int(text.length);
    text = text.slice(0, at) + random.pick(pieces) + text.slice(at + random.int(3));
  }
  return Buffer.from(text);
}

function judge(tally: Tally, name: string, read: () => unknown, bytes: Buffer): void {
  const began = performance.now();
  try {
    read();
    tally.saw(`${name}: read`);
  } catch (error) {
    const known = error instanceof UsageError || error instanceof AgentUsageError || error instanceof Failure;
    if (known) tally.saw(`${name}: refused`);
    else tally.fail(`${name}: ${(error as Error).stack} of ${JSON.stringify(bytes.toString())}`);
    // Of a failure people see one line.
    if (known && error.message.trim() === '')
      tally.fail(`${name}: refused without a word: ${JSON.stringify(bytes.toString())}`);
  }
  const took = performance.now() - began;
  if (took > 2000) tally.fail(`${name}: took ${took.toFixed(0)} ms for ${JSON.stringify(bytes.toString())}`);
}
