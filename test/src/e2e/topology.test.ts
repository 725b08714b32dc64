import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Lab, program, tryCommand } from '../lab/index.js';
import { ip4, spec } from './support/network.js';

/** Sends what comes in by port 1 out of port 2, and back. */
const WIRE = `static int handle_rx(void *skb, struct metadata *md) {
  pkt_redirect(skb, md, 3 - md->in_ifc);
  return RX_REDIRECT;
}`;
const CHAIN = `modules:
  - { name: left, type: bpf, code: wire.c }
  - { name: right, type: bpf, code: wire.c }
links:
  - { from: left, to: right }
external_interfaces:
  - { module: left, iface: tap1 }
  - { module: right, iface: tap2 }
`;
const SHORT = `modules:
  - { name: left, type: bpf, code: wire.c }
external_interfaces:
  - { module: left, iface: tap1 }
  - { module: left, iface: tap2 }
`;

let lab: Lab;

// Without a logical network: machines are there, their taps belong to nobody.
test.before(async () => {
  lab = await Lab.create({ hypervisors: 1, agentFlags: ['--hover', '127.0.0.1:5002'] });
  for (const n of [1, 2]) await lab.addMachine(lab.hv(1), spec(n), { plug: false });
  writeFileSync(join(lab.hv(1).dir, 'wire.c'), WIRE);
});
test.after.always(() => lab?.destroy());

function topology(command: string, yaml?: string) {
  const file = join(lab.hv(1).dir, 'lab.yaml');
  if (yaml !== undefined) writeFileSync(file, yaml);
  const argv = [...lab.hv(1).netns.prefix, ...program('coordinator', 'iovctl'), 'topology', command];
  return tryCommand(command === 'show' ? argv : [...argv, file]);
}

const reaches = (waitSeconds = 10) => lab.vm('vm1').reaches(ip4(2), { count: 2, waitSeconds });
const lines = ({ stdout }: { stdout: string }) => stdout.trim().split('\n');

test.serial('iovctl topology: a chain is made, again without effect, changed, and deleted', async (t) => {
  const planned = await topology('diff', CHAIN);
  t.is(planned.status, 1, planned.stderr);
  const made = await topology('apply');
  t.is(made.status, 0, made.stderr);
  t.is(made.stdout, planned.stdout);
  t.true(await reaches());
  const shown = await topology('show');
  t.regex(shown.stdout, /left.*bpf.*topology:lab/);
  t.deepEqual([(await topology('diff')).status, (await topology('diff')).stdout], [0, '']);
  t.is((await topology('apply')).stdout, 'nothing to do\n');
  const shorter = await topology('apply', SHORT);
  t.is(shorter.status, 0, shorter.stderr);
  t.is(lines(shorter).length, 4, shorter.stdout);
  t.true(await reaches());
  const gone = await topology('delete');
  t.is(lines(gone).length, 1);
  t.is((await topology('delete')).stdout, 'nothing to do\n');
  t.false(await reaches(1));
});

test.serial('iovctl topology: what fails is taken back as a whole', async (t) => {
  await topology('apply', SHORT);
  const before = (await topology('show')).stdout;
  const cases: [yaml: string, wanted: RegExp][] = [
    [
      `${CHAIN}  - { module: right, iface: none }\n`,
      /^iovctl: Error linking Modules 'right' -> 'i:none': Link not found$/m,
    ],
    [
      CHAIN.replace('name: right, type: bpf', 'name: right, type: hub'),
      /^iovctl: Invalid module type 'hub' for module 'right'$/m,
    ],
    [
      CHAIN.replace('right, type: bpf, code: wire.c', 'right, type: bpf, code: broken.c'),
      /^iovctl: Error deploying module 'right': /m,
    ],
    ['modules: []\n', /^iovctl: No modules present on topology file$/m],
  ];
  const broken = join(lab.hv(1).dir, 'broken.c');
  writeFileSync(broken, 'static int handle_rx(');
  t.teardown(() => rmSync(broken));
  for (const [yaml, wanted] of cases) {
    const { status, stderr } = await topology('apply', yaml);
    t.is(status, 1);
    t.regex(stderr, wanted);
    // Links that were taken away came back, with other ids.
    const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
    t.is((await topology('show')).stdout.replace(ids, ''), before.replace(ids, ''));
    t.true(await reaches());
  }
  await topology('delete', SHORT);
});

test.serial('iovctl topology: mistakes on the command line, nobody there', async (t) => {
  const iovctl = (...args: string[]) =>
    tryCommand([...lab.hv(1).netns.prefix, ...program('coordinator', 'iovctl'), 'topology', ...args]);
  for (const args of [['nonsense'], ['apply'], ['apply', 'a', 'b'], ['show', '--hover', 'x']]) {
    const { status, stderr } = await iovctl(...args);
    t.is(status, 2, args.join(' '));
    t.is(stderr.trim().split('\n').length, 1, stderr);
  }
  const { status, stderr } = await iovctl('show', '--hover', '127.0.0.1:1');
  t.is(status, 3);
  t.regex(stderr, /^iovctl: the Hover API at 127\.0\.0\.1:1: .*ECONNREFUSED.*--hover$/m);
});
