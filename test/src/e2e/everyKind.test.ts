import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test from 'ava';
import { deviations } from '../faults/verify.js';
import { command, PingSeries, ping, until } from '../lab/index.js';
import {
  type EveryKind,
  everyKind,
  gratuitousArp,
  lostDuring,
  rarp,
  virtualIp,
} from './support/everyKind.js';
import { addresses, ip4, mac, spec } from './support/network.js';

let kinds: EveryKind;
test.before(async () => {
  kinds = await everyKind();
});
test.after.always(() => kinds?.lab.destroy());

let marks = 0;

/** Every row of the Southbound database that anyone wrote while `work` ran. */
async function written(work: () => Promise<unknown>): Promise<string[]> {
  const argv = ['--format=csv', 'monitor', kinds.lab.central.sb, 'OVN_Southbound', 'ALL'];
  const child = spawn('ovsdb-client', argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await once(child.stdout, 'data');
  await work();
  // What was written before is told before.
  const mark = `seen-${++marks}`;
  await kinds.lab.central.sbctl('set', 'SB_Global', '.', `external_ids:mark=${mark}`);
  while (!text.includes(mark)) await once(child.stdout, 'data');
  const closed = once(child, 'close');
  child.kill();
  await closed;
  const before = text.slice(0, text.lastIndexOf('\nrow,', text.indexOf(mark)));
  return before.split('\n').filter((line) => /^[^,]+,(insert|delete|old|new),/.test(line));
}

const devices = () => kinds.lab.hv(1).netns.exec('ip', '-br', 'link');

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test.serial(
    `an agent with every kind of port, ended by ${signal} and started again: no ping lost, nothing written twice`,
    async (t) => {
      const { lab } = kinds;
      t.true((await written(() => lab.sync())).length > 0, 'a write would be seen');
      const before = await devices();
      let rows: string[] = [];
      const lost = await lostDuring(kinds, async () => {
        rows = await written(async () => {
          await lab.hv(1).stopAgent(signal);
          await lab.hv(1).startAgent();
          // ovs-vsctl is answered.
          await lab.hv(1).vsctl('set', 'Bridge', 'br-int', `external_ids:answered=${signal}`);
        });
        await lab.sync();
      });
      t.deepEqual(lost, {});
      t.deepEqual(rows, []);
      t.is(await devices(), before);
    },
  );
}

test.serial(
  'a machine moves: its port is on one chassis, on both until the RARP, on the other; no ping lost',
  async (t) => {
    const { lab } = kinds;
    const there = lab.vm('vm3').netns;
    const here = lab.vm('vm1').netns;
    const options = (...pairs: string[]) =>
      lab.nbctl('--timeout=20', '--wait=hv', 'lsp-set-options', 'vm20', ...pairs);
    await lab.nbctl('lsp-add', 'sw0', 'vm20', '--', 'lsp-set-addresses', 'vm20', addresses(20));
    await options('requested-chassis=hv1');
    const source = await lab.addMachine(lab.hv(1), spec(20));
    await lab.portsUp('vm20');
    const series = [await PingSeries.start(there, ip4(20)), await PingSeries.start(here, ip4(20))];
    const answers = (more: number) => Promise.all(series.map((one) => one.answers(more)));
    await options('requested-chassis=hv1,hv2', 'activation-strategy=rarp');
    const spec20 = { ...spec(20), name: 'moved20', port: 'vm20', tap: 'tap20' };
    const moved = await lab.addMachine(lab.hv(2), spec20);
    await lab.sync();
    await answers(10);
    await moved.sendFrame(rarp(mac(20)));
    await lab.central.sbctl(
      ...['--timeout=10', 'wait-until', 'Port_Binding', 'vm20', 'options:additional-chassis-activated=hv2'],
    );
    await answers(10);
    await source.netns.ip('link set eth0 down');
    await options('requested-chassis=hv2');
    await lab.hv(1).unplug('tap20');
    await answers(20);
    for (const one of series) t.is((await one.stop()).lost, 0);
  },
);

test.serial(
  'kids of one tag, a kid that is its own parent, a circle of parents harm nobody else, and heal',
  async (t) => {
    const { lab, kids } = kinds;
    const kid = (name: string, parent: string, tag: number) => [
      ...[
        '--',
        'set',
        'Logical_Switch_Port',
        name,
        `parent_name=${parent}`,
        `tag_request=${tag}`,
        `tag=${tag}`,
      ],
    ];
    const set = (...args: string[]) => lab.nbctl('--timeout=20', '--wait=hv', ...args.slice(1));
    for (const wrong of [
      kid('vm5', 'vm4', 6),
      kid('vm5', 'vm5', 5),
      [...kid('vm5', 'vm6', 5), ...kid('vm6', 'vm5', 6)],
    ]) {
      await set(...wrong);
      t.true(await lab.vm('vm4').reaches(ip4(3), { count: 1 }), wrong.join(' '));
      await set(...kid('vm5', 'vm4', 5), ...kid('vm6', 'vm4', 6));
      for (const one of kids)
        await until('the kid is back', async () => (await ping(one, ip4(3), { count: 1 })).received === 1);
    }
  },
);

test.serial(
  '20,000 MACs at a port that learns: others do not notice, and the daemons stay small',
  async (t) => {
    const { lab } = kinds;
    const [before, script] = [await lab.memory(), flood(20_000)];
    const lost = await lostDuring(kinds, () => lab.vm('vm2').netns.exec('python3', '-c', script));
    t.deepEqual(lost, {});
    await lab.sync();
    for (const [name, bytes] of Object.entries(await lab.memory()))
      t.true(bytes - before[name]! < 100 << 20, `${name}: from ${before[name]} to ${bytes} bytes`);
  },
);

test.serial(
  '--cleanup leaves nothing of every kind of port, and the next start makes all of it again',
  async (t) => {
    const { lab, hosts, kids } = kinds;
    const hv1 = lab.hv(1);
    await hv1.stopAgent('SIGKILL');
    t.is((await hv1.runAgent('--bpffs', hv1.bpffs, '--cleanup')).status, 0);
    t.notRegex(await devices(), /^(iov|br-)/m);
    t.false(existsSync(hv1.bpffs), 'no pins');
    const filters = await command([...hv1.netns.prefix, 'tc', 'filter', 'show', 'dev', 'tap4', 'ingress']);
    t.is(filters.trim(), '');
    await hv1.startAgent();
    await lab.sync();
    await lab.vm('vm1').sendFrame(gratuitousArp(mac(1), virtualIp));
    const ways = [
      [hosts.tagged, ip4(7)],
      [hosts.flat, ip4(8)],
      [hosts.gateway, ip4(9)],
      [kids[0], ip4(3)],
      [lab.vm('vm3').netns, virtualIp],
      [lab.vm('vm13').netns, ip4(3)],
    ] as const;
    for (const [from, to] of ways)
      await until(`${to} is reached`, async () => (await ping(from, to, { count: 1 })).received === 1);
  },
);

test.serial('after all of this the data plane is as a fresh start would compute it', async (t) => {
  await kinds.lab.sync();
  t.deepEqual(await deviations(kinds.lab), []);
});

/** Broadcasts, each from another address. */
const flood = (count: number): string => `
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for i in range(${count}):
    s.send(b"\\xff" * 6 + struct.pack("!HI", 0x0200, 0x99000000 + i) + bytes.fromhex("88b5") + bytes(46))
`;
