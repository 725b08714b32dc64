import test from 'ava';
import { ip4, ip6, network } from '../e2e/support/network.js';
import { transfer } from '../e2e/support/transfer.js';
import { type Lab, type Machine, until } from '../lab/index.js';

/** What an inner IP packet may have of an underlay with 1,500. */
const inner = {
  'vxlan ip4': 1450,
  'geneve ip4': 1442,
  'vxlan ip6': 1430,
  'geneve ip6': 1422,
} as const;

/** Steps that share no factor with a header's length, and the sizes round the limits. */
const sizes = [
  ...Array.from({ length: 9000 / 61 }, (_, n) => n * 61),
  ...Array.from({ length: 120 }, (_, n) => 1370 + n),
  ...[8972, 8973, 9000],
];

for (const underlayFamily of ['ip4', 'ip6'] as const) {
  for (const encap of ['vxlan', 'geneve'] as const) {
    const mtu = inner[`${encap} ${underlayFamily}`];

    test(`${encap} over ${underlayFamily}: what does not fit is answered, and TCP finds its way`, async (t) => {
      const lab = await jumbo({ encap, underlayFamily });
      t.teardown(() => lab.destroy());
      const vm1 = lab.vm('vm1');
      await until('vm3 answers', () => vm1.reaches(ip4(3)));
      for (const [family, address] of [
        ['-4', ip4(3)],
        ['-6', ip6(3)],
      ] as const) {
        const path = await vm1.netns.exec('tracepath', family, '-n', '-m', '3', address);
        t.regex(path, new RegExp(`pmtu ${mtu}`), `tracepath says the true MTU to ${address}`);
        t.deepEqual(await unanswered(vm1, address, sizes), [], `every size to ${address}`);
        await vm1.netns.exec('ip', family, 'route', 'flush', 'cache');
        const { sent, received } = await transfer(vm1, lab.vm('vm3'), address, 4);
        t.is(received, sent, `TCP to ${address}`);
      }
    });
  }
}

/** Machines with 9,000 over an underlay with 1,500. */
async function jumbo(o: { encap: 'vxlan' | 'geneve'; underlayFamily: 'ip4' | 'ip6' }): Promise<Lab> {
  const lab = await network({ ...o, underlayMtu: 1500, machines: { 1: 1, 3: 2 } });
  for (const [n, hv] of [
    [1, 1],
    [3, 2],
  ] as const) {
    const machine = lab.vm(`vm${n}`);
    await lab.hv(hv).netns.ip(`link set ${machine.tap} mtu 9000`);
    await machine.netns.ip('link set eth0 mtu 9000');
  }
  return lab;
}

/**
 * Pings with DF set, one per size. A size is fine when its answer comes, or when ping prints that somebody said what fits
 * (a router's answer, or the kernel that remembers it).
 */
async function unanswered(from: Machine, address: string, all: readonly number[]): Promise<number[]> {
  const script = `for s in ${all.join(' ')}; do
    ping -n -M do -c 1 -W 2 -s $s ${address} > /dev/null 2>&1 && continue
    ping -n -M do -c 1 -W 2 -s $s ${address} 2>&1 | grep -qE 'too long|Frag needed|too big|bytes from' || echo $s
  done`;
  const { stdout } = await from.netns.try(['sh', '-c', script], { timeoutMs: 90_000 });
  return stdout.split('\n').filter(Boolean).map(Number);
}
