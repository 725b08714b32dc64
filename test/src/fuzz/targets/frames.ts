import {
  arp,
  encapsulated,
  ether,
  igmp,
  igmp3,
  igmpPacket,
  ipv4,
  ipv6,
  linkOption,
  mld,
  mld2,
  mldPacket,
  nd,
  type Outer,
  padExtension,
  tcp,
  udp,
} from '@iovisor-ovn/iomodules/testing';
import type { Random } from '../random.js';
import { REMOTE_SLOT, type Tenant } from './tenants.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const [IP4, IP6, ARP] = [0x0800, 0x86dd, 0x0806];

/** A frame that a module is about: from port `from` of a tenant to something of its own. */
type Maker = (random: Random, tenant: Tenant, from: number) => Buffer;

const to = (random: Random, { macs }: Tenant) => random.int(macs.length);

const plain: Maker = (random, tenant, from) => {
  const dst = to(random, tenant);
  return framed(random, tenant, from, dst, 64);
};

function framed(
  random: Random,
  { macs, ip4, ip6 }: Tenant,
  from: number,
  dst: number,
  length: number,
): Buffer {
  const header = { src: macs[from]!, dst: macs[dst]! };
  const payload = random.pick([
    udp(1000, 53, Buffer.alloc(length, 0x55)),
    tcp(1000, 80, Buffer.alloc(length, 0x55)),
  ]);
  const proto = payload.length === length + 8 ? 17 : 6;
  if (random.chance(0.5))
    return ether({ ...header, type: IP4 }, ipv4({ src: ip4[from]!, dst: ip4[dst]!, proto }, payload));
  const packet = { src: ip6[from]!, dst: ip6[dst]! };
  if (random.chance(0.3))
    return ether({ ...header, type: IP6 }, ipv6({ ...packet, next: 0 }, padExtension(proto, payload)));
  return ether({ ...header, type: IP6 }, ipv6({ ...packet, next: proto }, payload));
}

/** By the name of the module that most of it reaches. */
export const makers: Readonly<Record<string, Maker>> = {
  entry: (random, tenant, from) => {
    const vlan = random.int(4096);
    const header = {
      src: tenant.macs[from]!,
      dst: tenant.macs[to(random, tenant)]!,
      type: random.int(65536),
      vlan,
    };
    return ether({ ...header, tpid: random.pick([0x8100, 0x88a8]) });
  },
  portsec: plain,
  switch: (random, tenant, from) => {
    const header = {
      src: tenant.macs[from]!,
      dst: tenant.macs[to(random, tenant)]!,
      type: random.int(65536),
    };
    return ether(header);
  },
  police: plain,
  observe: (random, tenant, from) => {
    const sha = `0a:77:00:00:00:${random.int(256).toString(16).padStart(2, '0')}`;
    const spa = tenant.ip4[from]!;
    return ether({ src: sha, dst: BROADCAST, type: ARP }, arp({ op: 1 + random.int(2), sha, spa, tpa: spa }));
  },
  neighbour: (random, { macs, ip4, ip6 }, from) => {
    const dst = random.int(macs.length);
    const src = macs[from]!;
    if (random.chance(0.5))
      return ether({ src, dst: BROADCAST, type: ARP }, arp({ sha: src, spa: ip4[from]!, tpa: ip4[dst]! }));
    const about = { src: ip6[from]!, dst: ip6[dst]!, target: ip6[dst]! };
    const body = nd({ ...about, type: 135, options: [linkOption(1, src)] });
    return ether({ src, dst: '33:33:ff:00:00:01', type: IP6 }, body);
  },
  snoop: (random, { macs, ip4 }, from) => {
    const src = macs[from]!;
    const group = random.pick(['239.1.1.1', '224.0.0.22', '239.9.9.9']);
    const group6 = random.pick(['ff0e::1', 'ff02::16', 'ff0e::9']);
    const lla = 'fe80::1';
    const packet = random.pick([
      () => igmpPacket(ip4[from]!, group, igmp(random.pick([0x11, 0x16, 0x17]), group)),
      () => igmpPacket(ip4[from]!, '224.0.0.22', igmp3([{ type: 4, group }])),
      () => mldPacket(lla, group6, mld(random.pick([130, 131, 132]), group6)),
      () => mldPacket(lla, 'ff02::16', mld2([{ type: 4, group: group6 }])),
      () => ipv4({ src: ip4[from]!, dst: group, proto: 17 }, udp(1, 2)),
    ])();
    const v4 = packet[0]! >> 4 === 4;
    return ether({ src, dst: v4 ? '01:00:5e:01:01:01' : '33:33:00:00:00:01', type: v4 ? IP4 : IP6 }, packet);
  },
  flood: (random, { macs, ip4 }, from) => {
    const dst = random.pick([BROADCAST, '01:00:5e:00:00:fb', '0a:99:00:00:00:01']);
    return ether(
      { src: macs[from]!, dst, type: IP4 },
      ipv4({ src: ip4[from]!, dst: '255.255.255.255', proto: 17 }, udp(68, 67)),
    );
  },
  tunnel: (random, tenant, from) => framed(random, tenant, from, REMOTE_SLOT - 1, random.int(300)),
  toobig: (random, tenant, from) => framed(random, tenant, from, REMOTE_SLOT - 1, 1400 + random.int(200)),
};

/** A packet from another chassis for a tenant's port, or group. */
export function fromTunnel(random: Random, outers: readonly Outer[], tenant: Tenant): Buffer {
  const outer = random.pick(outers);
  const egress = random.pick([1, 2, 3, 4, 5, 0x8000, 0x8001, 0x8002]);
  const inner = random.pick(Object.values(makers))(random, { ...tenant }, random.int(5));
  const keys =
    outer.type === 'vxlan'
      ? { vni: ((egress & 0xfff) << 12) | tenant.key }
      : { vni: tenant.key, ingress: 7, egress };
  return encapsulated({ ...outer, ...keys, checksum: random.chance(0.5) }, inner);
}
