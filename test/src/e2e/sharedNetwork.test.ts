import test from 'ava';
import { Lab, type LabOptions, Netns, PhysicalNetwork, PingSeries, ping, until } from '../lab/index.js';
import { addVlan } from '../lab/vlans.js';
import { problems } from './support/iovctl.js';
import { ip4, port, spec } from './support/network.js';

/** Two switches at VLAN 10 of one physical network, two more at its frames without a tag, and a host at each. */
interface Shared {
  lab: Lab;
  tagged: Netns;
  flat: Netns;
}

const localnet = (network: string, name: string, ...columns: string[]): string[] => [
  ...['--', 'lsp-add', network, name, '--', 'lsp-set-addresses', name, 'unknown'],
  ...['--', 'set', 'Logical_Switch_Port', name, 'type=localnet', 'options:network_name=phys', ...columns],
];

/** vm1 and vm2 are at VLAN 10, vm3 and vm4 have no tag; each is in a switch of its own. */
async function shared(o: LabOptions): Promise<Shared> {
  const lab = await Lab.create(o);
  try {
    const hv = lab.hv(1);
    const physical = await PhysicalNetwork.create(lab.name, 'phys', lab.registry);
    await physical.attach(hv);
    const [tagged, trunk, flat] = await Promise.all(
      ['tagged', 'trunk', 'flat'].map((name) => Netns.create(`${lab.name}-${name}`, lab.registry)),
    );
    await physical.connect(trunk!, 'eth0', 'trunk');
    await addVlan(trunk!, 10, tagged!, lab.registry.dir);
    await physical.connect(flat!, 'eth0', 'flat');
    for (const [netns, n] of [
      [tagged!, 207],
      [flat!, 208],
    ] as const)
      await netns.ip('link set eth0 up', `addr add ${ip4(n)}/24 dev eth0`);
    const switches = [1, 2, 3, 4].flatMap((n) => [
      ...['--', 'ls-add', `s${n}`],
      ...port(`s${n}`, n),
      ...localnet(`s${n}`, `ln${n}`, ...(n < 3 ? ['tag=10'] : [])),
    ]);
    await lab.nbctl(...switches.slice(1));
    for (const n of [1, 2, 3, 4]) await lab.addMachine(hv, spec(n));
    await lab.portsUp('vm1', 'vm2', 'vm3', 'vm4');
    await lab.sync();
    return { lab, tagged: tagged!, flat: flat! };
  } catch (error) {
    await lab.destroy();
    throw error;
  }
}

const sides: Record<string, LabOptions> = {
  ours: { hypervisors: 1 },
  'the same on stock': { hypervisors: 0, stock: 1 },
};
for (const [side, options] of Object.entries(sides)) {
  test.serial(`switches that share a VLAN of a physical network are connected by it (${side})`, async (t) => {
    const { lab, tagged, flat } = await shared(options);
    t.teardown(() => lab.destroy());
    const at = (n: number) => lab.vm(`vm${n}`).netns;
    const ways: [string, Netns, string][] = [
      ['VLAN 10, one switch to the other', at(1), ip4(2)],
      ['and back', at(2), ip4(1)],
      ['a host to one', tagged, ip4(1)],
      ['a host to the other', tagged, ip4(2)],
      ['one to the host', at(1), ip4(207)],
      ['the other to the host', at(2), ip4(207)],
      ['without a tag, one switch to the other', at(3), ip4(4)],
      ['and back', at(4), ip4(3)],
      ['a host without a tag to one', flat, ip4(3)],
      ['a host without a tag to the other', flat, ip4(4)],
    ];
    // The first ones may be early on stock: a VIF is up before the patch ports are there.
    for (const [way, from, to] of ways)
      await t.notThrowsAsync(
        until(way, async () => (await ping(from, to, { count: 1 })).received === 1),
        way,
      );
    // A broadcast reaches all that are in the VLAN, on either side, once.
    const captures = await Promise.all(
      [1, 2, 3, 4].map((n) => lab.vm(`vm${n}`).capture('arp host 10.0.0.77')),
    );
    await ping(tagged, ip4(77), { count: 1 });
    await captures[0]!.until(/10\.0\.0\.77/);
    await captures[1]!.until(/10\.0\.0\.77/);
    await ping(flat, ip4(77), { count: 1 });
    await captures[2]!.until(/who-has 10\.0\.0\.77 tell 10\.0\.0\.208/);
    await captures[3]!.until(/who-has 10\.0\.0\.77 tell 10\.0\.0\.208/);
    for (const [index, capture] of captures.entries()) {
      await capture.stop();
      const foreign = index < 2 ? /tell 10\.0\.0\.208/ : /tell 10\.0\.0\.207/;
      t.deepEqual(capture.matching(foreign), [], `vm${index + 1} hears its own VLAN only`);
    }
    const { received } = await ping(at(1), ip4(3), { count: 1 });
    t.is(received, 0, 'VLANs are apart');
  });
}

test.serial(
  'they stay connected over a restart of the agent; what a switch leaves behind is removed',
  async (t) => {
    const { lab, tagged, flat } = await shared({ hypervisors: 1 });
    t.teardown(() => lab.destroy());
    const hv = lab.hv(1);
    const at = (n: number) => lab.vm(`vm${n}`).netns;
    const devices = async () =>
      [...(await hv.netns.exec('ip', '-br', 'link')).matchAll(/^iov[nuxy][^@ ]*/gm)]
        .map(([name]) => name)
        .sort();
    const before = await devices();
    const isFurther = /^Device +iovx/m.test(await lab.coordinator.iovctl('port', 'ln1'));
    t.is(before.length, 6, before.join());
    t.deepEqual(
      (await problems(lab)).map(({ message }) => message),
      [],
    );
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const series = await Promise.all([
        PingSeries.start(at(1), ip4(2)),
        PingSeries.start(tagged, ip4(1)),
        PingSeries.start(tagged, ip4(2)),
        PingSeries.start(flat, ip4(3)),
        PingSeries.start(flat, ip4(4)),
        PingSeries.start(at(3), ip4(4)),
      ]);
      await hv.stopAgent(signal);
      await hv.startAgent();
      await lab.sync();
      await Promise.all(series.map((one) => one.answers(20)));
      for (const [index, one] of series.entries()) t.is((await one.stop()).lost, 0, `${signal} ${index}`);
      t.deepEqual(await devices(), before);
    }
    const remaining = await PingSeries.start(tagged, ip4(2));
    await lab.nbctl('--timeout=20', '--wait=hv', 'lsp-del', 'ln1', '--', 'lsp-del', 'ln3');
    await remaining.answers(10);
    t.is((await remaining.stop()).lost, 0);
    t.is((await ping(tagged, ip4(1), { count: 1 })).received, 0);
    await lab.nbctl('--timeout=20', '--wait=hv', 'lsp-del', 'ln2', '--', 'lsp-del', 'ln4');
    t.deepEqual(
      (await devices()).filter((name) => /^iov[xy]/.test(name)),
      [],
    );
    // The first to come back has the wire that served the other, and the bridge must know: nobody asks by broadcast.
    for (const n of [1, 2])
      await tagged.exec(
        ...['ip', 'neigh', 'replace', ip4(n), 'lladdr', `02:00:00:00:00:0${n}`, 'dev', 'eth0'],
        ...['nud', 'permanent'],
      );
    for (const n of isFurther ? [1, 2] : [2, 1])
      await lab.nbctl('--timeout=20', '--wait=hv', ...localnet(`s${n}`, `ln${n}`, 'tag=10').slice(1));
    for (const n of [1, 2])
      await until(
        `vm${n} is there again`,
        async () => (await ping(tagged, ip4(n), { count: 1 })).received === 1,
      );
    await hv.stopAgent('SIGKILL');
    t.is((await hv.runAgent('--bpffs', hv.bpffs, '--cleanup')).status, 0);
    t.deepEqual(await devices(), []);
  },
);
