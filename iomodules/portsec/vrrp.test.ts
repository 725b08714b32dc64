import test from 'ava';
import {
  arp,
  ether,
  icmp6,
  ipv4,
  ipv6,
  Lab,
  type LabPort,
  linkOption,
  nd,
  tcp,
  udp,
} from '../testing/index.js';

/*
 * VRRPv3 elements of port_security. The first table is OVN's test "Port security - VRRPv3 ARP/ND" (tests/ovn.at, 2025), frame
 * by frame; the second what its flows (controller/lflow.c) do beyond that.
 */
const MAC = '00:00:00:00:10:01';
const PEER = '00:00:00:00:10:02';
const ALL = 'ff:ff:ff:ff:ff:ff';
const V4 = '00:00:5e:00:01:05';
const V6 = '00:00:5e:00:02:05';
const LLA = 'fe80::200:ff:fe00:1001';
const V6_LLA = 'fe80::200:5eff:fe00:205';
const OK = undefined;

const lab = new Lab();
test.after.always(() => lab.close());
const ports = new Map<string, { port: LabPort; sender: LabPort }>();
let datapaths = 0;

/** A port with this port security, and another one on its switch that sends to it. */
function portWith(security: string): { port: LabPort; sender: LabPort } {
  const known = ports.get(security);
  if (known) return known;
  const datapath = ++datapaths;
  lab.addSwitch(datapath, { flood: 0x8000 });
  const sender = lab.addPort({ datapath, addresses: [PEER] });
  const port = lab.addPort({ datapath, addresses: [MAC, V4, V6], security: security.split(', ') });
  lab.addGroup(datapath, 0x8000, { local: [sender.number, port.number] });
  ports.set(security, { port, sender });
  return { port, sender };
}

const arpOf = (a: { src?: string; sha?: string; spa?: string; op?: number } = {}) =>
  ether(
    { src: a.src ?? MAC, dst: ALL, type: 0x0806 },
    arp({ op: a.op, sha: a.sha ?? V4, spa: a.spa ?? '192.168.10.1', tpa: '192.168.10.99' }),
  );
type Nd = { src?: string; from?: string; target?: string; link?: string; hops?: number };
const solicit = (a: Nd = {}) =>
  ether(
    { src: a.src ?? MAC, dst: '33:33:ff:00:00:01', type: 0x86dd },
    nd({
      type: 135,
      src: a.from ?? 'fd10::1',
      dst: 'ff02::1:ff00:2',
      target: 'fd10::2',
      hops: a.hops,
      options: a.link === '' ? [] : [linkOption(1, a.link ?? V6)],
    }),
  );
const advertise = (a: Nd = {}) =>
  ether(
    { src: a.src ?? MAC, dst: '33:33:ff:00:00:01', type: 0x86dd },
    nd({
      type: 136,
      src: a.from ?? 'fd10::1',
      dst: 'ff02::1:ff00:1',
      target: a.target ?? 'fd10::1',
      options: a.link === '' ? [] : [linkOption(2, a.link ?? V6)],
    }),
  );

const anyRouter = '00:00:5e:00:01:00/40 00:00:5e:00:02:00/40';
const eight = '00:00:5e:00:01:00/45 00:00:5e:00:02:00/45';
const ips = '192.168.10.1 fd10::1';
const [noArp, noNd] = ['portsec_in_arp', 'portsec_in_nd'];

// [port security, the reason to drop ARP, the reason to drop NS and NA]
const ovn: [string, string | undefined, string | undefined][] = [
  [MAC, noArp, noNd],
  [`${MAC} ${ips}`, noArp, noNd],
  [`${MAC}, VRRPv3 ${MAC} ${anyRouter}`, OK, OK],
  [`${MAC} ${ips}, VRRPv3 ${MAC} ${anyRouter} ${ips}`, OK, OK],
  [`${MAC}, VRRPv3 ${MAC} ${V4}`, OK, noNd],
  [`${MAC} ${ips}, VRRPv3 ${MAC} ${V4} ${ips}`, OK, noNd],
  [`${MAC}, VRRPv3 ${MAC} ${V6}`, noArp, OK],
  [`${MAC} ${ips}, VRRPv3 ${MAC} ${V6} ${ips}`, noArp, OK],
  [`${MAC}, VRRPv3 ${MAC} ${V4} ${V6}`, OK, OK],
  [`${MAC} ${ips}, VRRPv3 ${MAC} ${V4} ${V6} ${ips}`, OK, OK],
  [`${MAC}, VRRPv3 ${MAC} ${eight}`, OK, OK],
  [`${MAC} ${ips}, VRRPv3 ${MAC} ${eight} ${ips}`, OK, OK],
  [`${MAC} ${ips}, VRRPv3 ${MAC} 00:00:5e:00:01:01 00:00:5e:00:02:01 ${ips}`, noArp, noNd],
  [`VRRPv3 ${MAC} ${anyRouter}`, OK, 'portsec_in_ip6'],
  [`VRRPv3 ${MAC} ${V4} ${V6} ${ips}`, OK, 'portsec_in_ip6'],
];

const v4 = (src: string, mac: string) =>
  ether({ src: mac, dst: PEER, type: 0x0800 }, ipv4({ src, dst: '10.0.0.2', proto: 6 }, tcp(1000, 80)));
const v6 = (src: string, mac: string) =>
  ether({ src: mac, dst: PEER, type: 0x86dd }, ipv6({ src, dst: 'fd10::2', next: 6 }, tcp(1000, 80)));
const dhcp = (mac: string) =>
  ether(
    { src: mac, dst: ALL, type: 0x0800 },
    ipv4({ src: '0.0.0.0', dst: '255.255.255.255', proto: 17 }, udp(68, 67)),
  );
const report = (mac: string) =>
  ether(
    { src: mac, dst: '33:33:00:00:00:16', type: 0x86dd },
    icmp6({ src: '::', dst: 'ff02::16', type: 143, hops: 1 }, Buffer.alloc(20)),
  );
const raw = (src: string) => ether({ src, dst: PEER, type: 0x88b5 });

const free = `VRRPv3 ${MAC} ${V4} ${V6}`;
const listed = `VRRPv3 ${MAC} ${V4} ${V6} 192.168.10.1/24 fd10::1`;
const only4 = `VRRPv3 ${MAC} ${V4} ${V6} 192.168.10.1`;
const only6 = `VRRPv3 ${MAC} ${V4} ${V6} fd10::1`;
const regular = `${MAC} 10.0.0.1 fd00::1`;

const sent: [string, string, Buffer, string | undefined][] = [
  [free, 'IPv4 of the physical MAC', v4('1.2.3.4', MAC), 'portsec_in_ip4'],
  [free, 'DHCP of the physical MAC', dhcp(MAC), 'portsec_in_ip4'],
  [free, 'IPv6 of the physical MAC', v6('fd10::1', MAC), 'portsec_in_ip6'],
  [free, 'ARP of the physical MAC for itself', arpOf({ sha: MAC }), noArp],
  [free, 'ARP with an IPv6 router’s MAC', arpOf({ sha: V6 }), noArp],
  [free, 'ARP with an unlisted router’s MAC', arpOf({ sha: '00:00:5e:00:01:06' }), noArp],
  [free, 'another type of the physical MAC', raw(MAC), 'portsec_in_ethertype'],
  [free, 'a foreign MAC', v4('1.2.3.4', PEER), 'portsec_in_mac'],
  [free, 'any IPv4 of a virtual MAC', v4('1.2.3.4', V4), OK],
  [free, 'IPv6 of an IPv4 router’s MAC', v6('fd00::9', V4), OK],
  [free, 'IPv6 of a virtual MAC', v6('fd00::9', V6), OK],
  [free, 'another type of a virtual MAC', raw(V4), OK],
  [free, 'ARP of a virtual MAC', arpOf({ src: V4 }), noArp],
  [free, 'NS of a virtual MAC', solicit({ src: V6 }), noNd],
  [free, 'NA of a virtual MAC', advertise({ src: V6 }), noNd],
  [free, 'a routed "NS" of a virtual MAC', solicit({ src: V6, hops: 254 }), OK],
  [listed, 'its IPv4 of a virtual MAC', v4('192.168.10.1', V4), OK],
  [listed, 'another IPv4 of a virtual MAC', v4('192.168.10.2', V4), 'portsec_in_ip4'],
  [listed, 'its IPv4 of an IPv6 router’s MAC', v4('192.168.10.1', V6), 'portsec_in_ip4'],
  [listed, 'DHCP of a virtual MAC', dhcp(V4), OK],
  [listed, 'its IPv6 of a virtual MAC', v6('fd10::1', V6), OK],
  [listed, 'the link-local address of a virtual MAC', v6(V6_LLA, V6), OK],
  [listed, 'that of the physical MAC', v6(LLA, V6), 'portsec_in_ip6'],
  [listed, 'another IPv6 of a virtual MAC', v6('fd10::2', V6), 'portsec_in_ip6'],
  [listed, 'its IPv6 of an IPv4 router’s MAC', v6('fd10::1', V4), 'portsec_in_ip6'],
  [listed, 'a multicast report of a virtual MAC', report(V6), OK],
  [listed, 'duplicate address detection of a virtual MAC', solicit({ src: V6, from: '::', link: '' }), noNd],
  [listed, 'another type of a virtual MAC', raw(V4), 'portsec_in_ethertype'],
  [listed, 'ARP of its address', arpOf(), OK],
  [listed, 'an ARP reply of its address', arpOf({ op: 2 }), OK],
  [listed, 'ARP of another address', arpOf({ spa: '192.168.10.2' }), noArp],
  [listed, 'ARP of a virtual MAC', arpOf({ src: V4 }), noArp],
  [only4, 'IPv6 of a virtual MAC', v6('fd10::1', V6), 'portsec_in_ip6'],
  [only6, 'IPv4 of a virtual MAC', v4('192.168.10.1', V4), 'portsec_in_ip4'],
  [only6, 'DHCP of a virtual MAC', dhcp(V4), 'portsec_in_ip4'],
  [only6, 'ARP', arpOf(), noArp],
  [`${regular}, ${listed}`, 'NA of a listed target', advertise({ from: 'fd00::1' }), OK],
  [`${regular}, ${listed}`, 'NA of another', advertise({ from: 'fd00::1', target: 'fd10::2' }), noNd],
  [`${regular}, ${listed}`, 'NA of the own link-local', advertise({ from: LLA, target: LLA }), OK],
  [`${regular}, ${listed}`, 'NA with an IPv4 router’s MAC', advertise({ from: 'fd00::1', link: V4 }), noNd],
  [`${regular}, ${listed}`, 'NS with its own MAC', solicit({ from: 'fd00::1', link: MAC }), OK],
  [`${regular}, ${listed}`, 'NS without a MAC', solicit({ from: 'fd00::1', link: '' }), OK],
  [`${regular}, ${listed}`, 'NA of its own', advertise({ from: LLA, target: 'fd00::1', link: MAC }), OK],
  [`${regular}, ${listed}`, 'NA, its MAC, a router’s target', advertise({ from: LLA, link: MAC }), noNd],
  [`${regular}, ${listed}`, 'ARP of its own', arpOf({ sha: MAC, spa: '10.0.0.1' }), OK],
  [`${regular}, ${listed}`, 'ARP with its MAC, a router’s address', arpOf({ sha: MAC }), noArp],
  [`${regular}, ${listed}`, 'ARP with a router’s MAC, its address', arpOf({ spa: '10.0.0.1' }), noArp],
  [
    `${regular}, ${only4}`,
    'NA of any target, no IPv6 listed',
    advertise({ from: LLA, target: 'fd00::7' }),
    OK,
  ],
  [`${free}, ${V4} 10.0.0.7`, 'ARP of a MAC with an element', arpOf({ src: V4, spa: '10.0.0.7' }), OK],
  [`VRRPv3 ${V4} ${V4}`, 'ARP where the physical MAC is the virtual one', arpOf({ src: V4 }), OK],
];

const to4 = (dst: string, mac: string) =>
  ether({ src: PEER, dst: mac, type: 0x0800 }, ipv4({ src: '10.0.0.2', dst, proto: 6 }, tcp(1000, 80)));
const to6 = (dst: string, mac: string) =>
  ether({ src: PEER, dst: mac, type: 0x86dd }, ipv6({ src: 'fd10::2', dst, next: 6 }, tcp(1000, 80)));

const received: [string, string, Buffer, string | undefined][] = [
  [free, 'to the physical MAC', to4('1.2.3.4', MAC), 'portsec_out_mac'],
  [`${regular}, ${free}`, 'to the physical MAC with an element', to4('10.0.0.1', MAC), OK],
  [`${regular}, ${free}`, 'to a foreign address of it', to4('10.0.0.2', MAC), 'portsec_out_ip4'],
  [free, 'IPv4 to a virtual MAC', to4('1.2.3.4', V4), OK],
  [free, 'IPv6 to a virtual MAC', to6('fd00::7', V6), OK],
  [listed, 'its IPv4 to a virtual MAC', to4('192.168.10.1', V4), OK],
  [listed, 'its broadcast to a virtual MAC', to4('192.168.10.255', V4), OK],
  [listed, 'IPv4 multicast to a virtual MAC', to4('224.0.0.18', V4), OK],
  [listed, 'another IPv4 to a virtual MAC', to4('192.168.10.2', V4), 'portsec_out_ip4'],
  [listed, 'IPv6 to an IPv4 router’s MAC', to6('fd00::7', V4), OK],
  [listed, 'its IPv6 to a virtual MAC', to6('fd10::1', V6), OK],
  [listed, 'its link-local to a virtual MAC', to6(V6_LLA, V6), OK],
  [listed, 'IPv6 multicast to a virtual MAC', to6('ff02::12', V6), OK],
  [listed, 'another IPv6 to a virtual MAC', to6('fd10::7', V6), 'portsec_out_ip6'],
  [listed, 'IPv4 to an IPv6 router’s MAC', to4('1.2.3.4', V6), OK],
  [only6, 'IPv4 to an IPv4 router’s MAC', to4('192.168.10.1', V4), 'portsec_out_ip4'],
  [only6, 'IPv6 to an IPv4 router’s MAC', to6('fd10::9', V4), OK],
  [only4, 'IPv6 to an IPv6 router’s MAC', to6('fd10::1', V6), 'portsec_out_ip6'],
];

function check(
  name: string,
  security: string,
  frame: Buffer,
  reason: string | undefined,
  receives = false,
): void {
  test.serial(`${security}: ${name} ${reason ?? 'passes'}`, (t) => {
    const { port, sender } = portWith(security);
    const verdict = lab.run(frame, receives ? sender : port);
    if (reason === undefined) t.not(verdict.action, 'drop', verdict.reason);
    else t.is(verdict.reason, reason);
  });
}

for (const [security, forArp, forNd] of ovn) {
  check('ARP request', security, arpOf(), forArp);
  check('ARP reply', security, arpOf({ op: 2 }), forArp);
  check('NS', security, solicit(), forNd);
  check('NA', security, advertise(), forNd);
}
for (const [security, name, frame, reason] of sent) check(name, security, frame, reason);
for (const [security, name, frame, reason] of received) check(name, security, frame, reason, true);
