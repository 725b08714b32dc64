import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ip4, ip6, mac, port, spec } from '../e2e/support/network.js';
import { checkout, Lab, type Machine } from '../lab/index.js';
import { KernelVm } from './kernelVm.js';
import { vmKernel } from './requirements.js';

// A real guest with virtio-net on a real tap of a hypervisor: checksums left to others, segments of 64 KiB, a tap's semantics.
const kernel = await vmKernel();
const tcp = join(checkout, 'test/src/vm/guest/tcp.py');
const TAP = 'tapvm';
const PORT = 5555;
/** A byte, less than and more than a segment, and enough for many segments of the largest size. */
const SIZES = [1, 1000, 1500, 70_000, 4_000_000];
/** No frame is larger unless it is to be segmented later. */
const LARGEST_FRAME = 1514;

let lab: Lab;
let vm: KernelVm;
const servers: ChildProcess[] = [];

if (typeof kernel === 'string') test.skip(`a virtual machine on a tap: ${kernel}`, () => undefined);
else {
  test.before(async () => {
    lab = await Lab.create();
    // vm1 is the guest, vm2 its neighbour, vm3 on the other hypervisor.
    await lab.nbctl('ls-add', 'sw0', ...[1, 2, 3].flatMap((n) => port('sw0', n)));
    const { netns } = lab.hv(1);
    await netns.ip(`tuntap add dev ${TAP} mode tap vnet_hdr`, `link set ${TAP} up`);
    await lab.hv(1).plug(TAP, 'vm1');
    const booting = KernelVm.boot({ kernel, modules: ['virtio_net'], netns, nic: { tap: TAP, mac: mac(1) } });
    for (const n of [2, 3]) {
      const machine = await lab.addMachine(lab.hv(n - 1), spec(n));
      const argv = ['setpriv', '--pdeathsig', 'KILL', '--', ...machine.netns.prefix, 'python3', tcp];
      servers.push(spawn(argv[0]!, [...argv.slice(1), 'serve', `${PORT}`], { stdio: 'inherit' }));
    }
    vm = await booting;
    await lab.portsUp('vm1', 'vm2', 'vm3');
    await lab.sync();
    const addresses = [`${ip4(1)}/24`, `${ip6(1)}/64 nodad`].map((a) => `ip address add ${a} dev eth0`);
    const set = [
      'set -e',
      'ip link set eth0 up',
      ...addresses,
      `python3 ${tcp} serve ${PORT} >/tmp/tcp 2>&1 &`,
    ];
    const { status, output } = await vm.run(set.join('\n'));
    if (status !== 0) throw new Error(output);
  });
  test.after.always(async () => {
    await vm?.close();
    for (const server of servers) server.kill('SIGKILL');
    await lab?.destroy();
  });

  test.serial('the guest leaves checksums and segmentation to others', async (t) => {
    const { output } = await vm.run('ethtool -k eth0');
    for (const feature of ['tx-checksumming', 'tcp-segmentation-offload', 'tx-tcp6-segmentation'])
      t.regex(output, new RegExp(`${feature}: on`), output);
    const [link] = JSON.parse(await lab.hv(1).netns.exec('ip', '-d', '-j', 'link', 'show', TAP)) as [
      { linkinfo: { info_data: { vnet_hdr: boolean } } },
    ];
    t.true(link.linkinfo.info_data.vnet_hdr);
  });

  for (const n of [2, 3]) {
    const where = n === 2 ? 'on its hypervisor' : 'on the other hypervisor';

    test.serial(`pings: guest and a machine ${where}`, async (t) => {
      for (const address of [ip4(n), ip6(n)]) {
        const { status, output } = await vm.run(`ping -c 3 -i 0.1 -W 2 ${address}`);
        t.is(status, 0, output);
      }
      for (const address of [ip4(1), ip6(1)]) t.true(await lab.vm(`vm${n}`).reaches(address));
    });

    for (const [family, own, other] of [
      ['IPv4', ip4(1), ip4(n)],
      ['IPv6', ip6(1), ip6(n)],
    ] as const) {
      test.serial(`TCP over ${family} from the guest to a machine ${where}`, async (t) => {
        const { from } = await meanFrames(t, async () => {
          const { status, output } = await vm.run(`python3 ${tcp} send ${other} ${PORT} ${SIZES.join(' ')}`);
          t.is(status, 0, output);
          return output;
        });
        t.true(from > LARGEST_FRAME, `mean frame of the guest: ${from}`);
      });

      test.serial(`TCP over ${family} from a machine ${where} to the guest`, async (t) => {
        const { to } = await meanFrames(t, () => sendFrom(lab.vm(`vm${n}`), own));
        // What comes out of a tunnel the kernel segments for a tap: it still says that it is tunnelled, and taps cannot do that.
        if (n === 2) t.true(to > LARGEST_FRAME, `mean frame to the guest: ${to}`);
      });
    }
  }
}

const sendFrom = ({ netns }: Machine, address: string): Promise<string> =>
  netns.exec('python3', tcp, 'send', address, `${PORT}`, ...SIZES.map(String));

/** Runs a transfer, compares what was sent with what came, and tells the mean size of the tap's frames from and to the guest. */
async function meanFrames(t: ExecutionContext, transfer: () => Promise<string>) {
  const before = await counters();
  const lines = (await transfer()).trim().split('\n');
  const after = await counters();
  t.deepEqual(
    lines.map((line) => Number(line.split(' ')[0])),
    SIZES,
  );
  for (const line of lines) {
    const [size, hash, receivedSize, receivedHash] = line.split(' ');
    t.deepEqual([receivedSize, receivedHash], [size, hash]);
  }
  const mean = (way: 'rx' | 'tx') =>
    Math.round((after[way].bytes - before[way].bytes) / (after[way].packets - before[way].packets));
  return { from: mean('rx'), to: mean('tx') };
}

/** Of the tap, whose rx is what the guest sends. */
async function counters() {
  const text = await lab.hv(1).netns.exec('ip', '-s', '-j', 'link', 'show', TAP);
  const [link] = JSON.parse(text) as [
    { stats64: Record<'rx' | 'tx', { bytes: number; packets: number; dropped: number }> },
  ];
  return link.stats64;
}
