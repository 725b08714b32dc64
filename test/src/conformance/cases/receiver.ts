import { ether } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, type Host, host, macIp4, macIp6 } from '../host.js';
import { type Case, dropped, everyone, reaches, type Scenario } from '../table.js';
import { arpFrame, ethertype, message6, ping4, solicit, udp4, udp6 } from './packets.js';

const sender = host(0x11);
const foreign = host(0x99);
/** The receivers by what their port security lists beside the MAC; each also exists on the other hypervisor. */
const near = { mac: host(0x21), ip4: host(0x22), ip6: host(0x23), both: host(0x24), mask: host(0x25) };
const far = { mac: host(0x31), ip4: host(0x32), ip6: host(0x33), both: host(0x34), mask: host(0x35) };
type Receiver = keyof typeof near;

type Verdict = 'pass' | string;
interface Row {
  name: string;
  frame: (who: Host) => Buffer;
  verdicts: Record<Receiver, Verdict>;
}
const row = (
  name: string,
  frame: Row['frame'],
  [mac, ip4, ip6, both, mask]: [Verdict, Verdict, Verdict, Verdict, Verdict],
): Row => ({ name, frame, verdicts: { mac, ip4, ip6, both, mask } });

const to = (who: Host, address = who.ip4) => ({
  src: sender.mac,
  dst: who.mac,
  from: sender.ip4,
  to: address,
});
const to6 = (who: Host, address = who.ip6) => ({
  src: sender.mac,
  dst: who.mac,
  from: sender.ip6,
  to: address,
});
const typed = (type: number) => (who: Host) =>
  ether({ src: sender.mac, dst: who.mac, type }, Buffer.alloc(46, 0x5a));

const no4 = 'portsec_out_ip4';
const no6 = 'portsec_out_ip6';
const pass = 'pass';

const rows: Row[] = [
  row('IPv4 to its own address', (w) => udp4(to(w)), [pass, pass, no4, pass, pass]),
  row('ping to its own address', (w) => ping4(to(w)), [pass, pass, no4, pass, pass]),
  row('IPv4 to a foreign address', (w) => udp4(to(w, foreign.ip4)), [pass, no4, no4, no4, no4]),
  row('IPv4 to 0.0.0.0', (w) => udp4(to(w, '0.0.0.0')), [pass, no4, no4, no4, no4]),
  row('IPv4 to 255.255.255.255', (w) => udp4(to(w, '255.255.255.255')), [pass, pass, no4, pass, pass]),
  row('IPv4 to 224.0.0.5', (w) => udp4(to(w, '224.0.0.5')), [pass, pass, no4, pass, pass]),
  row('IPv4 to 239.255.255.255', (w) => udp4(to(w, '239.255.255.255')), [pass, pass, no4, pass, pass]),
  row('IPv4 to 240.0.0.1', (w) => udp4(to(w, '240.0.0.1')), [pass, no4, no4, no4, no4]),
  row('IPv4 to 223.255.255.255', (w) => udp4(to(w, '223.255.255.255')), [pass, no4, no4, no4, no4]),
  row('IPv4 to its subnet’s broadcast address', (w) => udp4(to(w, '10.0.0.255')), [
    pass,
    no4,
    no4,
    no4,
    pass,
  ]),
  row('IPv4 to its subnet’s network address', (w) => udp4(to(w, '10.0.0.0')), [pass, no4, no4, no4, no4]),
  row('IPv6 to its own address', (w) => udp6(to6(w)), [pass, no6, pass, pass, pass]),
  row('IPv6 to its link-local address', (w) => udp6(to6(w, w.lla)), [pass, no6, pass, pass, pass]),
  row('IPv6 to another link-local address', (w) => udp6(to6(w, foreign.lla)), [pass, no6, no6, no6, no6]),
  row('IPv6 to a foreign address', (w) => udp6(to6(w, foreign.ip6)), [pass, no6, no6, no6, no6]),
  row('IPv6 to ::', (w) => udp6(to6(w, '::')), [pass, no6, no6, no6, no6]),
  row('IPv6 to ff02::1', (w) => udp6(to6(w, 'ff02::1')), [pass, no6, pass, pass, pass]),
  row('IPv6 to ff0e::1234', (w) => udp6(to6(w, 'ff0e::1234')), [pass, no6, pass, pass, pass]),
  row('ICMPv6 echo to its own address', (w) => message6(to6(w), 128), [pass, no6, pass, pass, pass]),
  row('NS to its address for a foreign one', (w) => solicit(sender, foreign.ip6, { to: w.ip6, dst: w.mac }), [
    pass,
    no6,
    pass,
    pass,
    pass,
  ]),
  row('NS for a foreign address to its MAC', (w) => solicit(sender, foreign.ip6, { dst: w.mac }), [
    pass,
    no6,
    pass,
    pass,
    pass,
  ]),
  row(
    'ARP request to its MAC for a foreign address',
    (w) => arpFrame({ sha: sender.mac, spa: sender.ip4, tpa: foreign.ip4, dst: w.mac }),
    [pass, pass, pass, pass, pass],
  ),
  row(
    'ARP reply to its MAC',
    (w) => arpFrame({ op: 2, sha: sender.mac, spa: sender.ip4, tha: w.mac, tpa: foreign.ip4, dst: w.mac }),
    [pass, pass, pass, pass, pass],
  ),
  row('an unknown ethertype', typed(ethertype.experiment), [pass, pass, pass, pass, pass]),
  row('802.3', typed(46), [pass, pass, pass, pass, pass]),
];

const many: Case[] = [
  ['IPv4 broadcast', udp4({ ...to(sender, '255.255.255.255'), dst: broadcast })],
  ['IPv4 to a foreign address in a broadcast frame', udp4({ ...to(sender, foreign.ip4), dst: broadcast })],
  ['IPv4 multicast', udp4({ ...to(sender, '224.0.0.5'), dst: '01:00:5e:00:00:05' })],
  ['IPv6 multicast', udp6({ ...to6(sender, 'ff02::1'), dst: '33:33:00:00:00:01' })],
  [
    'IPv6 to a foreign address in a multicast frame',
    udp6({ ...to6(sender, foreign.ip6), dst: '33:33:00:00:00:01' }),
  ],
  ['ARP for a foreign address', arpFrame({ sha: sender.mac, spa: sender.ip4, tpa: foreign.ip4 })],
  [
    'an unknown ethertype to many',
    ether({ src: sender.mac, dst: broadcast, type: ethertype.experiment }, Buffer.alloc(46, 1)),
  ],
].map(([name, frame]) => ({
  name: `to all: ${name as string}`,
  from: 's',
  frame: frame as Buffer,
  expected: everyone,
}));

function casesOf({ name, frame, verdicts }: Row): Case[] {
  const kinds = Object.keys(near) as Receiver[];
  const make = (side: string, hosts: typeof near) =>
    kinds.map((kind): Case => {
      const verdict = verdicts[kind];
      const expected = verdict === 'pass' ? reaches(`${side}-${kind}`) : dropped(verdict);
      return { name: `to ${side} ${kind}: ${name}`, from: 's', frame: frame(hosts[kind]), expected };
    });
  return [...make('near', near), ...make('far', far)];
}

function ports(side: string, hv: 1 | 2, hosts: typeof near) {
  const make = (kind: Receiver, portSecurity: string) => [
    `${side}-${kind}`,
    { hv, addresses: [hosts[kind].mac], portSecurity: [portSecurity] },
  ];
  return Object.fromEntries([
    make('mac', hosts.mac.mac),
    make('ip4', macIp4(hosts.ip4)),
    make('ip6', macIp6(hosts.ip6)),
    make('both', all(hosts.both)),
    make('mask', `${hosts.mask.mac} ${hosts.mask.ip4}/24 ${hosts.mask.ip6}`),
  ]);
}

/** What port security lets out to a port, on the sender's hypervisor and on the other one. */
export const receiver: Scenario = {
  setup: {
    name: 'so',
    ports: { s: { hv: 1, addresses: [all(sender)] }, ...ports('near', 1, near), ...ports('far', 2, far) },
  },
  cases: [...rows.flatMap(casesOf), ...many],
};
