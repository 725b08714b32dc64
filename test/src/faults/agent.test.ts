import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { BpfMap } from '@iovisor-ovn/libbpf';
import test, { type ExecutionContext } from 'ava';
import { addresses, ip4, mac, network, port, spec } from '../e2e/support/network.js';
import { type Lab, serving, until } from '../lab/index.js';
import { otherBuild } from './otherBuild.js';
import { faultsOf, Streams, summary } from './stream.js';
import { record } from './trial.js';
import { deviations } from './verify.js';

let lab: Lab;
let scratch: string;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'iovbuild-'));
  lab = await network();
  for (const [a, b] of [
    [1, 2],
    [1, 3],
  ] as const)
    await vm(a).reaches(ip4(b));
});
test.after.always(async () => {
  await lab?.destroy();
  rmSync(scratch, { recursive: true, force: true });
});

/** 1,000 packets a second each way, on one hypervisor and between two, while `work` runs: none may be lost, and all is as it should be. */
async function lossless(t: ExecutionContext, work: () => Promise<unknown>): Promise<void> {
  const streams = await Streams.start([vm(1), vm(2)], [vm(1), vm(3)]);
  const started = performance.now();
  await work();
  const results = await streams.stop();
  t.log(`${Math.round(performance.now() - started)} ms; ${summary(results)}`);
  const found = await deviations(lab);
  record(t, results, found);
  t.deepEqual(faultsOf(results), []);
  t.deepEqual(found, []);
}

/** When the agent of this log said last that its programs are in the kernel, ms since 1970. */
function loadedAt(log: string): number {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const line = lines.findLast((text) => text.includes('the data plane is loaded'));
  return (JSON.parse(line ?? '{"time":0}') as { time: number }).time;
}

const tags = async () => {
  const modules = await lab.coordinator.json<
    { node: string; module: { name: string; tag: string; programId: number } }[]
  >('modules', '--node', 'hv1');
  return modules.find(({ module }) => module.name === 'switch')!.module;
};

test.serial(
  'killed and started again: nothing is lost, and what is new while it is dead works, too',
  async (t) => {
    await lossless(t, async () => {
      await lab.hv(1).stopAgent('SIGKILL');
      // Answers of the ARP responder, a new flow, a MAC that nobody has seen: all in the kernel.
      await vm(1).flushNeighbours();
      t.true(await vm(1).reaches(ip4(2)));
      t.true(await vm(1).reaches(ip4(3)));
      const more = await Streams.start([vm(2), vm(3)]);
      await lab.hv(1).startAgent();
      await lab.sync();
      const results = await more.stop();
      t.deepEqual(faultsOf(results), []);
    });
  },
);

test.serial(
  'a machine with an unknown MAC, new while the agent is dead, is flooded to and answers',
  async (t) => {
    await lab.nbctl('--wait=hv', 'lsp-set-addresses', 'vm2', addresses(2), 'unknown');
    await lossless(t, async () => {
      await lab.hv(1).stopAgent('SIGKILL');
      const { netns } = vm(2);
      await netns.ip(
        `link add link eth0 name macv address 02:00:00:00:00:77 type macvlan mode bridge`,
        'link set macv up',
      );
      await netns.ip('addr add 10.0.0.77/24 dev macv');
      // Answers for 10.0.0.77 come from macv alone.
      await netns.sysctl({
        'net.ipv4.conf.all.arp_ignore': 1,
        'net.ipv4.conf.all.arp_announce': 2,
        'net.ipv4.conf.all.rp_filter': 0,
      });
      t.true(await vm(1).reaches('10.0.0.77'), 'local');
      t.true(await vm(3).reaches('10.0.0.77'), 'from another hypervisor');
      await lab.hv(1).startAgent();
      await lab.sync();
      await netns.ip('link del macv');
    });
    await lab.nbctl('--wait=hv', 'lsp-set-addresses', 'vm2', addresses(2));
  },
);

test.serial('what came and went while it was away is put right when it starts', async (t) => {
  const vm5 = await lab.addMachine(lab.hv(1), spec(5), { plug: false });
  const vm6 = await lab.addMachine(lab.hv(1), spec(6));
  await lab.nbctl('--wait=hv', ...port('sw0', 6).slice(1));
  await lab.portsUp('vm6');
  t.true(await vm6.reaches(ip4(3)));
  const hv = lab.hv(1);
  await lossless(t, async () => {
    await hv.stopAgent('SIGKILL');
    const set = ['set', 'Interface', vm5.tap, 'external_ids:iface-id=vm5'];
    await hv.vsctl('--no-wait', 'add-port', 'br-int', vm5.tap, '--', ...set);
    await hv.vsctl('--no-wait', 'del-port', 'br-int', vm6.tap);
    await lab.nbctl(...port('sw0', 5).slice(1));
    t.true(await vm6.reaches(ip4(3)), 'the data plane is as it was');
    const started = Date.now();
    hv.spawnAgent();
    await lab.portsUp('vm5');
    const up = Date.now();
    await until('vm5 reaches vm3', () => vm5.reaches(ip4(3), { count: 1, waitSeconds: 0.1 }));
    t.is((await vm6.ping(ip4(3), { count: 1 })).received, 0);
    const loaded = loadedAt(join(hv.dir, 'agent.log'));
    t.log(
      `a process is started; its programs are loaded after ${loaded - started} ms, and its new port is up after ${up - started} ms`,
    );
    await serving(hv.health);
    await lab.sync();
  });
  await lab.nbctl('--wait=hv', 'lsp-del', 'vm5', '--', 'lsp-del', 'vm6');
  await hv.vsctl('del-port', 'br-int', vm5.tap);
});

test.serial('upgraded to a build whose programs are others, with the same maps', async (t) => {
  const before = await tags();
  const hv = lab.hv(1);
  hv.agentProgram = await otherBuild(join(scratch, 'code'), { code: true });
  await lossless(t, async () => {
    await hv.stopAgent();
    await hv.startAgent();
    await lab.sync();
  });
  t.not((await tags()).tag, before.tag);
});

test.serial('upgraded to a build with maps of another version, and back', async (t) => {
  const hv = lab.hv(1);
  const old = hv.agentProgram;
  hv.agentProgram = await otherBuild(
    join(scratch, 'abi'),
    process.env.IOVISOR_SLOW ? { abi: 99, layout: true } : { abi: 99 },
  );
  const [version] = readdirSync(hv.bpffs).filter((name) => name !== 'v99');
  await lossless(t, async () => {
    // Without a coordinator nobody fills the new maps: the old programs go on, and a new one that dies changes nothing.
    await lab.coordinator.stop('SIGKILL');
    await hv.stopAgent('SIGKILL');
    const early = hv.spawnAgent();
    await early.during((signal) => serving(hv.health, { service: 'ovsdb', signal }));
    t.true(existsSync(join(hv.bpffs, 'v99')));
    t.true(await vm(1).reaches(ip4(3)));
    await hv.stopAgent('SIGKILL');
    await lab.coordinator.start();
    await hv.startAgent();
    await lab.sync();
  });
  await until('only its own directory is left', async () => readdirSync(hv.bpffs).join() === ['v99'].join());
  t.true(await vm(2).reaches(ip4(3)));
  // With another hook, too. A qdisc clsact that comes to a busy device may cost it packets, which the kernel has no queue for meanwhile.
  await hv.stopAgent();
  await hv.startAgent('--hook', 'clsact');
  await lab.sync();
  t.true(await vm(1).reaches(ip4(3)));
  hv.agentProgram = old;
  await lossless(t, async () => {
    await hv.stopAgent();
    await hv.startAgent();
    await lab.sync();
  });
  await until(
    'only its own directory is left',
    async () => readdirSync(hv.bpffs).join() === [version].join(),
  );
});

// A minute of clang: by hand, IOVISOR_SLOW=1.
(process.env.IOVISOR_SLOW ? test.serial : test.serial.skip)(
  'upgraded to a build whose maps have another shape under the same version, and back',
  async (t) => {
    const hv = lab.hv(1);
    const old = hv.agentProgram;
    const other = await otherBuild(join(scratch, 'layout'), { layout: true });
    for (const program of [other, old]) {
      hv.agentProgram = program;
      await lossless(t, async () => {
        await hv.stopAgent();
        await hv.startAgent();
        await lab.sync();
      });
      t.true(await vm(1).reaches(ip4(3)));
    }
  },
);

test.serial(
  'verify finds what somebody did by hand on another hypervisor, and --repair puts it right',
  async (t) => {
    const hv = lab.hv(2);
    const [version] = readdirSync(hv.bpffs);
    const maps = join(hv.bpffs, version!, 'maps');
    const fdb = BpfMap.openPinned(join(maps, 'iov_fdb'));
    t.teardown(() => fdb.close());
    const key = Buffer.from(`0100${mac(1).replaceAll(':', '')}`, 'hex');
    // The agent itself looks at everything now and then, and may be first.
    for (let repairedByHand = false; !repairedByHand; ) {
      t.true(fdb.delete(key));
      const found = await deviations(lab);
      const { status, stdout } = await lab.coordinator.tryIovctl('verify', '--repair');
      t.is(status, 0, stdout);
      t.not(fdb.lookup(key), undefined);
      repairedByHand = /1 repaired/.test(stdout);
      if (repairedByHand)
        t.regex(
          found.join('\n'),
          /^hv2: iov_fdb datapath=1 mac=020000000001: wanted kind=2 .*found nothing \(port vm1\)$/,
        );
    }
    t.deepEqual(await deviations(lab), []);
  },
);
