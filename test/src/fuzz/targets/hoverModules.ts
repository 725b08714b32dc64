import { type BuiltinModule, builtinModules, type JsonObject } from '@iovisor-ovn/iomodules';
import { arp, echo, ether, ipv4, ModuleLab, tcp, udp } from '@iovisor-ovn/iomodules/testing';
import { Random } from '../random.js';
import { mutate } from './mutate.js';
import { Tally, type Target } from './target.js';

const [IP4, ARP] = [0x0800, 0x0806];
const [INSIDE, OUTSIDE] = ['0a:00:00:00:00:05', '0a:00:00:00:00:06'];
const ADDRESSES = ['10.0.0.5', '10.0.0.1', '192.0.2.1', '192.0.2.9', '8.8.8.8', '10.0.1.5'];

/** Configurations with which each has something to do; a module without one gets none. */
const configs: Readonly<Record<string, JsonObject>> = {
  nat: { public_ip: '192.0.2.1' },
  dhcp: {
    netmask: '255.255.255.0',
    addr_low: '10.0.0.100',
    addr_high: '10.0.0.150',
    dns: '8.8.8.8',
    router: '10.0.0.1',
    lease_time: 3600,
    server_ip: '10.0.0.1',
    server_mac: '0a:00:00:00:00:01',
  },
  router: {
    interfaces: [1, 2].map((n) => ({
      name: `p${n}`,
      ip: `10.0.${n - 1}.1`,
      netmask: '255.255.255.0',
      mac: n === 1 ? INSIDE : OUTSIDE,
    })),
    static_routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', interface: 'p2', next_hop: '10.0.1.5' }],
    arp_entries: [{ ip: '10.0.1.5', mac: OUTSIDE }],
  },
  onetoonenat: { nat_entries: [{ internal_ip: '10.0.0.5', external_ip: '192.0.2.1' }] },
};

/** One target for each module of the repository that is linked by hand. */
export const hoverModuleTargets: Target[] = builtinModules.map((module) => ({
  name: `hover:${module.types[0]}`,
  what: 'mutated packets: each verdict is counted, and goes to a port that is linked',
  cases: 1_000_000,
  run: async ({ seed, cases, stop = () => false }) => {
    const tally = new Tally();
    const lab = labOf(module);
    try {
      const random = new Random(seed);
      while (tally.cases < cases && !stop() && !tally.isFull) {
        shoot(lab, random, tally);
        if (++tally.cases % 256 === 0) await new Promise(setImmediate);
      }
    } finally {
      lab.close();
    }
    return tally;
  },
}));

function labOf(module: BuiltinModule): ModuleLab {
  const config = configs[module.types[0]!] ?? {};
  // Some want fewer ports than others.
  for (const ports of [4, 2, 1]) {
    try {
      return new ModuleLab(module, config, Math.min(ports, module.maxPorts ?? ports));
    } catch (error) {
      if (ports === 1) throw error;
    }
  }
  throw new Error('not reached');
}

function shoot(lab: ModuleLab, random: Random, tally: Tally): void {
  const [src, dst] = [random.pick(ADDRESSES), random.pick(ADDRESSES)];
  const payload = Buffer.alloc(random.int(100), 0x5a);
  const packet = random.pick([
    () => ipv4({ src, dst, proto: 17 }, udp(random.pick([67, 68, 1000]), random.pick([67, 68, 53]), payload)),
    () => ipv4({ src, dst, proto: 6 }, tcp(1000, 80, payload)),
    () => ipv4({ src, dst, proto: 1 }, echo()),
  ]);
  const header = {
    src: random.pick([INSIDE, OUTSIDE]),
    dst: random.pick([INSIDE, OUTSIDE, 'ff:ff:ff:ff:ff:ff']),
  };
  const whole = random.chance(0.2)
    ? ether({ ...header, type: ARP }, arp({ sha: header.src, spa: src, tpa: dst, op: 1 + random.int(2) }))
    : ether({ ...header, type: IP4 }, packet());
  const bytes = random.chance(0.1) ? whole : mutate(random, whole, whole, 14);
  const port = 1 + random.int(2);
  try {
    // Throws when a packet was dropped without being counted, counted and not dropped, or led to no port.
    const verdict = lab.run(bytes, port);
    tally.saw(verdict.action === 'drop' ? `drop ${verdict.reason}` : verdict.action);
    if (verdict.action === 'forward' && verdict.port > 4)
      tally.fail(`to port ${verdict.port}: ${bytes.toString('hex')}`);
  } catch (error) {
    const text = (error as Error).message;
    if (text.includes('EINVAL')) tally.saw('not run');
    else tally.fail(`${text}: ${bytes.toString('hex')} at port ${port}`);
  }
}
