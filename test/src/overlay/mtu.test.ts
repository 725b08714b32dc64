import test from 'ava';
import { ip4, ip6, mac, type NetworkOptions, network, spec } from '../e2e/support/network.js';
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

/** Fewer of them, for where each limit was tried already. */
const few = sizes.filter((_, index) => index % 5 === 0);

for (const underlayFamily of ['ip4', 'ip6'] as const) {
  for (const encap of ['vxlan', 'geneve'] as const) {
    const mtu = inner[`${encap} ${underlayFamily}`];

    test.serial(
      `${encap} over ${underlayFamily}: what does not fit is answered, and TCP finds its way`,
      async (t) => {
        const lab = await jumbo({ encap, underlayFamily });
        t.teardown(() => lab.destroy());
        const vm1 = lab.vm('vm1');
        await until('vm3 answers', () => vm1.reaches(ip4(3), { waitSeconds: 1 }));
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
      },
    );
  }
}

test.serial('so is what goes to a MAC that nobody has, and to a machine that two chassis have', async (t) => {
  const lab = await jumbo({ encap: 'geneve', hypervisors: 3 });
  t.teardown(() => lab.destroy());
  const vm1 = lab.vm('vm1');
  await until('vm3 answers', () => vm1.reaches(ip4(3), { waitSeconds: 1 }));
  // As while a machine moves.
  await lab.nbctl('lsp-set-options', 'vm3', 'requested-chassis=hv2,hv3');
  const moved = await lab.addMachine(lab.hv(3), { ...spec(3), name: 'moved3', port: 'vm3', tap: 'tap33' });
  await moved.netns.ip('link set eth0 down');
  await lab.hv(1).netns.ip('route add 172.31.0.3/32 dev uplink mtu 1400');
  await lab.central.sbctl(...['--timeout=20', 'wait-until', 'Port_Binding', 'vm3', 'additional_chassis!=[]']);
  await lab.sync();
  for (const [family, address] of [
    ['-4', ip4(3)],
    ['-6', ip6(3)],
  ] as const) {
    await until('the narrower of two ways counts', async () =>
      (await vm1.netns.exec('tracepath', family, '-n', '-m', '3', address)).includes('pmtu 1342'),
    );
    t.deepEqual(await unanswered(vm1, address, few), [], `every size to ${address}`);
  }

  await lab.nbctl('lsp-add', 'sw0', 'vm4', '--', 'lsp-set-addresses', 'vm4', 'unknown');
  await lab.addMachine(lab.hv(3), spec(4));
  await lab.portsUp('vm4');
  await lab.sync();
  const large = few.filter((size) => size + 48 > 1342);
  for (const address of [ip4(77), ip6(77)]) {
    await vm1.netns.ip(`neigh replace ${address} lladdr ${mac(77)} dev eth0`);
    t.deepEqual(await unanswered(vm1, address, large), [], `every large size to ${address}, flooded`);
  }
});

/** Machines with 9,000 over an underlay with 1,500. */
async function jumbo(o: NetworkOptions): Promise<Lab> {
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
 * Echo requests with DF set that ignore what the kernel has learned of the path (IP_PMTUDISC_PROBE, ip(7)), one per size. Prints the
 * sizes that nobody answered: neither the other end, nor anybody who says what fits (which IP_RECVERR turns into an errno).
 */
const prober = `
import errno, os, socket, struct, sys
address, sizes = sys.argv[1], [int(size) for size in sys.argv[2].split(",")]
six = ":" in address
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
s.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, 23 if six else 10, 3)  # MTU_DISCOVER, PROBE
s.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, 25 if six else 11, 1)  # RECVERR
s.settimeout(1)
s.connect((address, 0))
unanswered = []
for sequence, size in enumerate(sizes):
    data = os.urandom(size)
    for attempt in range(3):
        try:
            s.send(struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, sequence) + data)
            while True:
                reply = s.recv(65536)
                if struct.unpack("!H", reply[6:8])[0] == sequence:
                    break
            if reply[8:] == data:
                break
        except socket.timeout:
            continue
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                break
            raise
    else:
        unanswered.append(size)
print(",".join(map(str, unanswered)))
`;

async function unanswered(from: Machine, address: string, all: readonly number[]): Promise<number[]> {
  await from.netns.sysctl({ 'net.ipv4.ping_group_range': '0 0' });
  const printed = await from.netns.exec('python3', '-c', prober, address, all.join(','));
  return printed.split(',').filter(Boolean).map(Number);
}
