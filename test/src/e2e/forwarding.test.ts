import test from 'ava';
import type { Lab } from '../lab/index.js';
import { until } from '../lab/index.js';
import { ethernet, experiment } from './support/frames.js';
import { dropped } from './support/iovctl.js';
import { addresses, ip4, ip6, mac, network, port, spec } from './support/network.js';
import { transfer } from './support/transfer.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  lab = await network({ machines: { 1: 1, 2: 1, 3: 2, 4: 2 } });
});
test.after.always(() => lab?.destroy());

for (const [from, to, where] of [
  [1, 2, 'inside a hypervisor'],
  [1, 3, 'across hypervisors'],
  [4, 2, 'back across hypervisors'],
] as const) {
  test.serial(`IPv4 ping ${where}`, async (t) => {
    t.true(await vm(from).reaches(ip4(to)));
  });
  test.serial(`IPv6 ping ${where}`, async (t) => {
    t.true(await vm(from).reaches(ip6(to)));
  });
}

for (const [to, where] of [
  [2, 'a local port'],
  [3, 'a remote port'],
] as const) {
  test.serial(
    `ARP and ND for ${where} are answered in the kernel: the machine sees no question`,
    async (t) => {
      const capture = await vm(to).capture('arp or icmp or icmp6');
      await vm(1).flushNeighbours();
      // The target asks nobody either: it would show its own questions.
      for (const n of [to, 1]) await vm(n).flushNeighbours();
      t.true(await vm(1).reaches(ip4(to)));
      t.true(await vm(1).reaches(ip6(to)));
      await capture.until(/ICMP6, echo reply/);
      await capture.stop();
      const question = new RegExp(`Request who-has ${ip4(to)} |neighbor solicitation, who has ${ip6(to)}`);
      t.deepEqual(capture.matching(question), []);
      t.true(capture.matching(/ICMP echo request/).length >= 3);
    },
  );
}

test.serial('a broadcast reaches every other machine of the switch exactly once', async (t) => {
  const others = [2, 3, 4];
  const captures = await Promise.all(others.map((n) => vm(n).capture(`ether proto ${experiment}`)));
  const own = await vm(1).capture(`ether proto ${experiment}`);
  const frame = (length: number) =>
    ethernet('ff:ff:ff:ff:ff:ff', mac(1), experiment, Buffer.alloc(length, 0xab));
  await vm(1).sendFrame(frame(100));
  // What would come twice, or late, comes before the second one, which is the sign to count.
  await vm(1).sendFrame(frame(200));
  for (const [i, capture] of captures.entries()) {
    await capture.until(/length 214/);
    t.is(capture.matching(/length 114/).length, 1, `vm${others[i]}`);
  }
  await own.until(/length 214/);
  t.is(own.matching(/length 114/).length, 1, 'the sender sees it leave, and not come back');
  await Promise.all([...captures, own].map((capture) => capture.stop()));
});

test.serial('a frame to a MAC that nobody has is dropped and counted', async (t) => {
  const reason = 'unknown_destination';
  const before = await dropped(lab, reason, 'vm1');
  await vm(1).sendFrame(ethernet('02:00:00:00:00:77', mac(1), experiment, Buffer.alloc(50)));
  await until('the drop is counted', async () => (await dropped(lab, reason, 'vm1')) === before + 1);
  t.pass();
});

test.serial(
  'a port with `unknown` gets what nobody else claims, on either hypervisor, and nobody else does',
  async (t) => {
    await lab.nbctl('lsp-add', 'sw0', 'vm9', '--', 'lsp-set-addresses', 'vm9', 'unknown');
    const vm9 = await lab.addMachine(lab.hv(2), spec(9));
    await lab.portsUp('vm9');
    await lab.sync();
    t.true(await vm(1).reaches(vm9), 'its ARP answer comes from itself');
    const [there, elsewhere] = await Promise.all(
      [vm9, vm(3)].map((m) => m.capture(`ether proto ${experiment}`)),
    );
    await vm(1).sendFrame(ethernet('02:00:00:00:00:77', mac(1), experiment, Buffer.alloc(100)));
    await there!.until(/length 114/);
    await vm(1).sendFrame(ethernet('ff:ff:ff:ff:ff:ff', mac(1), experiment, Buffer.alloc(200)));
    await elsewhere!.until(/length 214/);
    t.deepEqual(elsewhere!.matching(/length 114/), []);
    await Promise.all([there!.stop(), elsewhere!.stop()]);
    await lab.nbctl('--wait=hv', 'lsp-del', 'vm9');
    await lab.hv(2).unplug(vm9.tap);
  },
);

test.serial('IPv4: full-size packets fit through the tunnel', async (t) => {
  t.true(await vm(1).reaches(ip4(3), { size: 1472, extra: ['-M', 'do'] }));
});

for (const [to, address, where] of [
  [2, ip4(2), 'inside a hypervisor'],
  [3, ip4(3), 'through the tunnel'],
  [3, ip6(3), 'through the tunnel, IPv6'],
] as const) {
  test.serial(`50 MB of TCP with segmentation offload arrive unchanged ${where}`, async (t) => {
    const { sent, received } = await transfer(vm(1), vm(to), address, 50);
    t.regex(sent, /^52428800 [0-9a-f]{64}$/);
    t.is(received, sent);
  });
}

test.serial('two switches with the same MACs and IPs do not hear each other', async (t) => {
  const twin = (n: number) => ({ ...spec(n), name: `twin${n}`, tap: `twin${n}` });
  const create = [1, 3].flatMap((n) => [
    ...['--', 'lsp-add', 'sw1', `twin${n}`],
    ...['--', 'lsp-set-addresses', `twin${n}`, addresses(n)],
  ]);
  await lab.nbctl('ls-add', 'sw1', ...create);
  const twin1 = await lab.addMachine(lab.hv(1), twin(1));
  const twin3 = await lab.addMachine(lab.hv(2), twin(3));
  await lab.portsUp('twin1', 'twin3');
  await lab.sync();
  const [right, wrong] = await Promise.all([twin3.capture('icmp'), vm(3).capture('icmp')]);
  t.true(await twin1.reaches(ip4(3)));
  t.is((await twin1.ping(ip4(2), { count: 1 })).received, 0, 'vm2 is in the other switch');
  await right.until(/echo request/);
  await vm(1).ping(ip4(3), { count: 1, size: 333 });
  await wrong.until(/length 341/);
  t.deepEqual(
    wrong.lines.filter((line) => !line.includes('length 341')),
    [],
  );
  await Promise.all([right.stop(), wrong.stop()]);
});

test.serial('a disabled port hears and says nothing, and is enabled again', async (t) => {
  await lab.nbctl('--wait=hv', 'lsp-set-enabled', 'vm2', 'disabled');
  t.is((await vm(1).ping(ip4(2), { count: 1 })).received, 0);
  t.is((await vm(2).ping(ip4(3), { count: 1 })).received, 0);
  t.is(await lab.nbctl('lsp-get-up', 'vm2'), 'up');
  await lab.nbctl('--wait=hv', 'lsp-set-enabled', 'vm2', 'enabled');
  t.true(await vm(1).reaches(ip4(2)));
});

test.serial('a port is deleted and made again while its tap stays plugged', async (t) => {
  await lab.nbctl('--wait=hv', 'lsp-del', 'vm4');
  t.is((await vm(4).ping(ip4(3), { count: 1 })).received, 0);
  t.is((await vm(1).ping(ip4(4), { count: 1 })).received, 0);
  await lab.nbctl('--wait=hv', ...port('sw0', 4).slice(1));
  t.true(await vm(4).reaches(ip4(3)));
  t.true(await vm(1).reaches(ip4(4)));
});

test.serial('a port moves to another hypervisor with its tap', async (t) => {
  await lab.hv(2).unplug(vm(4).tap);
  await lab.nbctl('--timeout=10', 'wait-until', 'Logical_Switch_Port', 'vm4', 'up=false');
  await vm(4).detach();
  const moved = await lab.addMachine(lab.hv(1), { ...spec(4), name: 'moved4', port: 'vm4' });
  await lab.portsUp('vm4');
  await lab.sync();
  t.true(await moved.reaches(ip4(3)));
  t.true(await vm(3).reaches(ip4(4)));
  t.true(await vm(2).reaches(ip4(4)));
});
