import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfMap } from '@iovisor-ovn/libbpf';
import test, { type ExecutionContext } from 'ava';
import { type Problem, problems } from '../e2e/support/iovctl.js';
import { addresses, ip4, mac, network } from '../e2e/support/network.js';
import { type Lab, until } from '../lab/index.js';
import { otherBuild } from './otherBuild.js';
import { faultsOf, Streams, summary } from './stream.js';
import { deviations } from './verify.js';

let lab: Lab;
let scratch: string;
const vm = (n: number) => lab.vm(`vm${n}`);
const hv = () => lab.hv(1);

test.before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'iovbuild-'));
  lab = await network();
  await vm(1).reaches(ip4(3));
});
test.after.always(async () => {
  await lab?.destroy();
  rmSync(scratch, { recursive: true, force: true });
});

/** What happens to vm2's port, or to the agent, is nothing to vm1 and vm3, and leaves nothing behind. */
async function harmless(t: ExecutionContext, work: () => Promise<unknown>): Promise<void> {
  const streams = await Streams.start([vm(1), vm(3)]);
  await work();
  const results = await streams.stop();
  t.log(summary(results));
  t.deepEqual(faultsOf(results), []);
  t.deepEqual(await deviations(lab), []);
}

const open = (n: number) => vm(1).reaches(ip4(n), { count: 1, waitSeconds: 0.2 });
const opens = (n: number) => until(`vm1 reaches vm${n}`, () => open(n));
const isUp = async (port: string) => (await lab.nbctl('get', 'Logical_Switch_Port', port, 'up')) === 'true';

/** The port has lost its device: it is closed, down in OVN, and the local database says why. */
async function isClosed(t: ExecutionContext): Promise<void> {
  await lab.nbctl('--timeout=10', 'wait-until', 'Logical_Switch_Port', 'vm2', 'up=false');
  t.false(await open(2));
  t.regex(await hv().vsctl('get', 'Interface', 'tap2', 'error'), /tap2/);
  const gone = ({ table, name, message }: Problem) =>
    table === 'Interface' && name === 'tap2' && /No such device/.test(message);
  t.true((await problems(lab)).some(gone));
}

async function isOpen(t: ExecutionContext): Promise<void> {
  await lab.portsUp('vm2');
  await opens(2);
  t.is(await hv().vsctl('get', 'Interface', 'tap2', 'error'), '[]');
}

test.serial('a tap is renamed, and renamed back', async (t) => {
  await harmless(t, async () => {
    const { netns } = hv();
    await netns.ip('link set tap2 down', 'link set tap2 name other2', 'link set other2 up');
    await isClosed(t);
    await netns.ip('link set other2 down', 'link set other2 name tap2', 'link set tap2 up');
    await isOpen(t);
  });
});

test.serial('a tap is moved to another namespace, and back', async (t) => {
  await harmless(t, async () => {
    const other = lab.hv(2).netns;
    await hv().netns.ip(`link set tap2 netns ${other.name}`);
    await isClosed(t);
    await other.ip(`link set tap2 netns ${hv().netns.name}`);
    await hv().netns.ip('link set tap2 up');
    await isOpen(t);
  });
});

test.serial('a tap is deleted, and another is made under its name', async (t) => {
  await harmless(t, async () => {
    await vm(2).detach();
    await isClosed(t);
    await vm(2).attach();
    await isOpen(t);
  });
});

test.serial(
  'a map is full: what does not fit is named, the others are not harmed, and it heals',
  async (t) => {
    const [version] = readdirSync(hv().bpffs);
    const pin = join(hv().bpffs, version!, 'maps', 'iov_arp');
    await harmless(t, async () => {
      await hv().stopAgent();
      unlinkSync(pin);
      // As a release with a smaller map would have left it: 2 entries, and 3 machines.
      const small = BpfMap.create({
        type: 'hash',
        name: 'iov_arp',
        keySize: 8,
        valueSize: 8,
        maxEntries: 2,
        flags: 1,
      });
      small.pin(pin);
      small.close();
      await hv().startAgent();
      await lab.sync();
      const full = () =>
        problems(lab).then((all) => all.find(({ message }) => /map iov_arp: E2BIG.*at most 2/.test(message)));
      const problem = await until('the problem is listed', full);
      t.regex(problem.where, /hv1/);
      t.log(problem);
      t.regex(problem.name, /^vm[123]$/);
      t.is((await deviations(lab)).length, 1, 'verify tells of it, too');
      // One of the three has no address any more.
      await lab.nbctl('--wait=hv', 'lsp-set-addresses', 'vm2', mac(2));
      await until('the problem is gone', async () => !(await full()));
      for (const name of ['vm1', 'vm3']) t.true(await isUp(name));
    });
    await hv().stopAgent();
    unlinkSync(pin);
    await lab.nbctl('lsp-set-addresses', 'vm2', addresses(2));
    await harmless(t, async () => {
      await hv().startAgent();
      await lab.sync();
      await opens(2);
    });
  },
);

test.serial(
  'the verifier refuses a program of a new build: it says which, the old ones go on, and the next build takes over',
  async (t) => {
    await harmless(t, async () => {
      const good = hv().agentProgram;
      hv().agentProgram = await otherBuild(join(scratch, 'broken'), { broken: true });
      await hv().stopAgent();
      const broken = hv().spawnAgent();
      t.is(await broken.exited, 1);
      t.regex(readFileSync(join(hv().dir, 'agent.log'), 'utf8'), /verify program iov_switch/);
      t.true(await open(2));
      hv().agentProgram = good;
      await hv().startAgent();
      await lab.sync();
      t.true(await open(2));
    });
  },
);

test.serial('an agent without CAP_BPF says so, and the data plane goes on', async (t) => {
  await harmless(t, async () => {
    const { agentProgram } = hv();
    hv().agentProgram = ['setpriv', '--bounding-set', '-bpf,-sys_admin', ...agentProgram];
    await hv().stopAgent();
    const { status, stderr } = await lab.hv(1).netns.try(hv().agentArgv().slice(hv().netns.prefix.length));
    t.is(status, 2);
    t.regex(stderr, /BPF cannot be used: .*CAP_BPF/);
    t.true(await open(2));
    hv().agentProgram = agentProgram;
    await hv().startAgent();
    await lab.sync();
  });
});
