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
  padExtension,
  tcp,
  udp,
} from '../testing/index.js';

const MAC = '02:00:00:00:00:01';
const OTHER = '02:00:00:00:00:99';
const PEER = '02:00:00:00:00:02';
const LLA = 'fe80::ff:fe00:1';
const PEER_LLA = 'fe80::ff:fe00:2';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
lab.addSwitch(1, { flood: 0x8000 });
const peer = lab.addPort({ addresses: [PEER] });
const ports = new Map<string, LabPort>();
lab.addGroup(1, 0x8000, { local: [peer.number] });
test.after.always(() => lab.close());

/** The port with this port security, in the form (inline element or tries) asked for. */
function portWith(security: string, inline: boolean): LabPort {
  const id = `${security}|${inline}`;
  const port = ports.get(id) ?? lab.addPort({ security: security.split(', ').filter(Boolean), inline });
  ports.set(id, port);
  return port;
}

const v4 = (src: string, dst = '10.0.0.2', mac = MAC) =>
  ether({ src: mac, dst: PEER, type: 0x0800 }, ipv4({ src, dst, proto: 6 }, tcp(1000, 80)));
const dhcp = (a: {
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  proto?: number;
  fragment?: number;
}) =>
  ether(
    { src: MAC, dst: ALL, type: 0x0800 },
    ipv4(
      {
        src: a.src ?? '0.0.0.0',
        dst: a.dst ?? '255.255.255.255',
        proto: a.proto ?? 17,
        fragment: a.fragment,
      },
      udp(a.sport ?? 68, a.dport ?? 67),
    ),
  );
const v6 = (src: string, dst = 'fd00::2', mac = MAC) =>
  ether({ src: mac, dst: PEER, type: 0x86dd }, ipv6({ src, dst, next: 6 }, tcp(1000, 80)));
const mldTo = (type: number, a: { src?: string; dst?: string; code?: number } = {}) =>
  ether(
    { src: MAC, dst: '33:33:00:00:00:16', type: 0x86dd },
    icmp6({ src: a.src ?? '::', dst: a.dst ?? 'ff02::16', type, code: a.code, hops: 1 }, Buffer.alloc(20)),
  );
const request = (a: { sha?: string; spa: string; op?: number; src?: string }) =>
  ether(
    { src: a.src ?? MAC, dst: ALL, type: 0x0806 },
    arp({ sha: a.sha ?? MAC, spa: a.spa, tpa: '10.0.0.2', op: a.op }),
  );
type Nd = Partial<Parameters<typeof nd>[0]> & { mac?: string };
const solicit = ({ mac = MAC, ...a }: Nd = {}) =>
  ether(
    { src: mac, dst: '33:33:ff:00:00:02', type: 0x86dd },
    nd({
      type: 135,
      src: 'fd00::1',
      dst: 'ff02::1:ff00:2',
      target: 'fd00::2',
      options: [linkOption(1, MAC)],
      ...a,
    }),
  );
const advertise = ({ mac = MAC, ...a }: Nd = {}) =>
  ether(
    { src: mac, dst: PEER, type: 0x86dd },
    nd({ type: 136, src: 'fd00::1', dst: 'fd00::2', target: 'fd00::1', options: [linkOption(2, MAC)], ...a }),
  );
const raw = (type: number, mac = MAC) => ether({ src: mac, dst: PEER, type });
const cut = (frame: Buffer, bytes: number) => frame.subarray(0, frame.length - bytes);
/** The IPv6 payload length follows the cut, so that only what is inside is short. */
function cut6(frame: Buffer, bytes: number): Buffer {
  const shorter = Buffer.from(cut(frame, bytes));
  shorter.writeUInt16BE(shorter.length - 54, 18);
  return shorter;
}
/** All after the eight bytes with which a message of neighbour discovery begins. */
const bare = (frame: Buffer) => cut6(frame, frame.length - 62);
/** The IPv6 payload of a frame behind extension headers. */
function extended(frame: Buffer, count: number): Buffer {
  let [next, payload] = [frame[20]!, frame.subarray(54)];
  for (let i = 0; i < count; i++) [payload, next] = [padExtension(next, payload), 60];
  const header = Buffer.from(frame.subarray(0, 54));
  header.writeUInt16BE(payload.length, 18);
  header[20] = next;
  return Buffer.concat([header, payload]);
}

const OK = undefined;
const macOnly = MAC;
const ip4Only = `${MAC} 10.0.0.1`;
const ip6Only = `${MAC} fd00::1`;
const both = `${MAC} 10.0.0.1 fd00::1`;

// [port security, what is sent, the frame, the drop reason or undefined when it passes]
const cases: [string, string, Buffer, string | undefined][] = [
  ['', 'any source MAC', v4('1.2.3.4', '10.0.0.2', OTHER), OK],
  ['', 'an ARP lie', request({ sha: OTHER, spa: '1.2.3.4' }), OK],
  ['', 'an unknown ethertype', raw(0x88b5), OK],

  [macOnly, 'any IPv4 source', v4('1.2.3.4'), OK],
  [macOnly, 'any IPv6 source', v6('fd00::77'), OK],
  [macOnly, 'IPv6 from a foreign link-local address', v6('fe80::77'), OK],
  [macOnly, 'another MAC', v4('10.0.0.1', '10.0.0.2', OTHER), 'portsec_in_mac'],
  [macOnly, 'another MAC, IPv6', v6('fd00::1', 'fd00::2', OTHER), 'portsec_in_mac'],
  [macOnly, 'another MAC, ARP', request({ src: OTHER, sha: OTHER, spa: '10.0.0.1' }), 'portsec_in_mac'],
  [macOnly, 'ARP with its MAC and any IP', request({ spa: '1.2.3.4' }), OK],
  [macOnly, 'an ARP probe', request({ spa: '0.0.0.0' }), OK],
  [macOnly, 'ARP with a foreign sender MAC', request({ sha: OTHER, spa: '1.2.3.4' }), 'portsec_in_arp'],
  [
    macOnly,
    'an ARP reply with a foreign sender MAC',
    request({ sha: OTHER, spa: '1.2.3.4', op: 2 }),
    'portsec_in_arp',
  ],
  [macOnly, 'a cut ARP', cut(request({ spa: '1.2.3.4' }), 1), 'portsec_in_arp'],
  [macOnly, 'RARP', raw(0x8035), OK],
  [macOnly, 'LLDP', raw(0x88cc), OK],
  [macOnly, 'an unknown ethertype', raw(0x88b5), OK],
  [macOnly, 'a length field (LLC)', raw(0x0026), OK],
  [macOnly, 'a solicitation with its MAC', solicit(), OK],
  [macOnly, 'a solicitation without option', solicit({ options: [] }), OK],
  [
    macOnly,
    'a solicitation with a zero option',
    solicit({ options: [linkOption(1, '00:00:00:00:00:00')] }),
    OK,
  ],
  [
    macOnly,
    'a solicitation with a foreign MAC',
    solicit({ options: [linkOption(1, OTHER)] }),
    'portsec_in_nd',
  ],
  [macOnly, 'an advertisement of any target', advertise({ target: 'fd00::77' }), OK],
  [macOnly, 'an advertisement without option', advertise({ options: [] }), OK],
  [
    macOnly,
    'an advertisement with a foreign MAC',
    advertise({ options: [linkOption(2, OTHER)] }),
    'portsec_in_nd',
  ],

  [ip4Only, 'its IPv4 address', v4('10.0.0.1'), OK],
  [ip4Only, 'another IPv4 address', v4('10.0.0.3'), 'portsec_in_ip4'],
  [ip4Only, 'another MAC with the IPv4 address', v4('10.0.0.1', '10.0.0.2', OTHER), 'portsec_in_mac'],
  [ip4Only, 'IPv4 from 0.0.0.0', v4('0.0.0.0'), 'portsec_in_ip4'],
  [ip4Only, 'a DHCP request', dhcp({}), OK],
  [ip4Only, 'DHCP from a foreign address', dhcp({ src: '10.0.0.3' }), 'portsec_in_ip4'],
  [ip4Only, 'DHCP to a subnet broadcast', dhcp({ dst: '10.0.0.255' }), 'portsec_in_ip4'],
  [ip4Only, 'DHCP from port 67', dhcp({ sport: 67 }), 'portsec_in_ip4'],
  [ip4Only, 'DHCP to port 68', dhcp({ dport: 68 }), 'portsec_in_ip4'],
  [ip4Only, 'TCP 68 to 67', dhcp({ proto: 6 }), 'portsec_in_ip4'],
  [ip4Only, 'a later fragment from 0.0.0.0', dhcp({ fragment: 100 }), 'portsec_in_ip4'],
  [ip4Only, 'IPv6', v6('fd00::1'), 'portsec_in_ip6'],
  [ip4Only, 'IPv6 from the link-local address of its MAC', v6(LLA), 'portsec_in_ip6'],
  [ip4Only, 'a solicitation from ::', solicit({ src: '::', options: [] }), 'portsec_in_ip6'],
  [ip4Only, 'its ARP', request({ spa: '10.0.0.1' }), OK],
  [ip4Only, 'ARP with another IP', request({ spa: '10.0.0.3' }), 'portsec_in_arp'],
  [ip4Only, 'an ARP probe', request({ spa: '0.0.0.0' }), 'portsec_in_arp'],
  [ip4Only, 'ARP with a foreign sender MAC', request({ sha: OTHER, spa: '10.0.0.1' }), 'portsec_in_arp'],
  [ip4Only, 'an ARP reply with its addresses', request({ spa: '10.0.0.1', op: 2 }), OK],
  [
    ip4Only,
    'ARP for something else than IPv4',
    Buffer.from(request({ spa: '10.0.0.1' })).fill(0x86, 16, 17),
    'portsec_in_arp',
  ],
  [ip4Only, 'RARP', raw(0x8035), 'portsec_in_ethertype'],
  [ip4Only, 'LLDP', raw(0x88cc), 'portsec_in_ethertype'],
  [ip4Only, 'an unknown ethertype', raw(0x88b5), 'portsec_in_ethertype'],
  [ip4Only, 'a length field (LLC)', raw(0x0026), 'portsec_in_ethertype'],

  [ip6Only, 'its IPv6 address', v6('fd00::1'), OK],
  [ip6Only, 'the link-local address of its MAC', v6(LLA), OK],
  [ip6Only, 'another link-local address', v6(PEER_LLA), 'portsec_in_ip6'],
  [ip6Only, 'another IPv6 address', v6('fd00::3'), 'portsec_in_ip6'],
  [ip6Only, 'IPv4', v4('10.0.0.1'), 'portsec_in_ip4'],
  [ip6Only, 'a DHCP request', dhcp({}), 'portsec_in_ip4'],
  [ip6Only, 'ARP', request({ spa: '10.0.0.1' }), 'portsec_in_arp'],
  [ip6Only, 'RARP', raw(0x8035), 'portsec_in_ethertype'],
  [ip6Only, 'IPv6 from ::', v6('::'), 'portsec_in_ip6'],
  [ip6Only, 'an MLD report from ::', mldTo(131), OK],
  [ip6Only, 'an MLDv2 report from ::', mldTo(143), OK],
  [ip6Only, 'an MLDv2 report from :: with a code', mldTo(143, { code: 1 }), 'portsec_in_ip6'],
  [ip6Only, 'an MLDv2 report from :: beyond the link', mldTo(143, { dst: 'ff05::16' }), 'portsec_in_ip6'],
  [ip6Only, 'an MLD query from ::', mldTo(130), 'portsec_in_ip6'],
  [ip6Only, 'an MLD done from ::', mldTo(132), 'portsec_in_ip6'],
  [ip6Only, 'a router solicitation from ::', mldTo(133, { dst: 'ff02::2' }), 'portsec_in_ip6'],
  [ip6Only, 'an MLDv2 report from its link-local address', mldTo(143, { src: LLA }), OK],
  [
    ip6Only,
    'DAD for its address',
    solicit({ src: '::', target: 'fd00::1', dst: 'ff02::1:ff00:1', options: [] }),
    OK,
  ],
  [ip6Only, 'DAD for a foreign address', solicit({ src: '::', options: [] }), OK],
  [
    ip6Only,
    'DAD to the target itself',
    solicit({ src: '::', dst: 'fd00::2', options: [] }),
    'portsec_in_ip6',
  ],
  [
    ip6Only,
    'DAD with a foreign MAC',
    solicit({ src: '::', options: [linkOption(1, OTHER)] }),
    'portsec_in_nd',
  ],
  [ip6Only, 'an advertisement from ::', advertise({ src: '::', dst: 'ff02::1' }), 'portsec_in_ip6'],
  [ip6Only, 'a solicitation with its MAC', solicit(), OK],
  [ip6Only, 'a solicitation from its link-local address', solicit({ src: LLA }), OK],
  [
    ip6Only,
    'a solicitation with a foreign MAC',
    solicit({ options: [linkOption(1, OTHER)] }),
    'portsec_in_nd',
  ],
  [
    ip6Only,
    'a solicitation with a nonce besides',
    solicit({ options: [Buffer.from([14, 1, 1, 2, 3, 4, 5, 6]), linkOption(1, MAC)] }),
    OK,
  ],
  [
    ip6Only,
    'a solicitation with a foreign MAC behind a nonce',
    solicit({ options: [Buffer.from([14, 1, 1, 2, 3, 4, 5, 6]), linkOption(1, OTHER)] }),
    'portsec_in_nd',
  ],
  [
    ip6Only,
    'a solicitation with two MACs',
    solicit({ options: [linkOption(1, MAC), linkOption(1, OTHER)] }),
    'portsec_in_nd',
  ],
  [
    ip6Only,
    'a solicitation with an endless option',
    solicit({ options: [Buffer.alloc(8)] }),
    'portsec_in_nd',
  ],
  [ip6Only, 'a solicitation with a cut option', cut6(solicit(), 1), 'portsec_in_nd'],
  [ip6Only, 'a solicitation cut in its target', cut6(solicit(), 12), 'portsec_in_nd'],
  [ip6Only, 'a solicitation that ends before its target', bare(solicit()), OK],
  [ip6Only, 'a solicitation with a bit of a target', cut6(solicit(), 23), 'portsec_in_nd'],
  [ip6Only, 'an advertisement that ends before its target', bare(advertise()), 'portsec_in_nd'],
  [ip6Only, 'a bare solicitation with a code', bare(solicit({ code: 1 })), 'portsec_in_nd'],
  [ip6Only, 'a solicitation with a code', solicit({ code: 1 }), 'portsec_in_nd'],
  [
    ip6Only,
    'a foreign MAC behind an extension header',
    extended(solicit({ options: [linkOption(1, OTHER)] }), 1),
    'portsec_in_nd',
  ],
  [ip6Only, 'a solicitation behind six extension headers', extended(solicit(), 6), OK],
  [ip6Only, 'seven extension headers', extended(solicit(), 7), 'malformed'],
  [
    ip6Only,
    'a routed "solicitation", which no host believes',
    solicit({ hops: 254, options: [linkOption(1, OTHER)] }),
    OK,
  ],
  [ip6Only, 'an advertisement of its address', advertise(), OK],
  [ip6Only, 'an advertisement of its link-local address', advertise({ src: LLA, target: LLA }), OK],
  [ip6Only, 'an advertisement of a foreign address', advertise({ target: 'fd00::3' }), 'portsec_in_nd'],
  [
    ip6Only,
    'an advertisement of a foreign link-local address',
    advertise({ target: PEER_LLA }),
    'portsec_in_nd',
  ],
  [
    ip6Only,
    'an advertisement with a foreign MAC',
    advertise({ options: [linkOption(2, OTHER)] }),
    'portsec_in_nd',
  ],
  [ip6Only, 'an advertisement without option', advertise({ options: [] }), OK],

  [both, 'its IPv4 address', v4('10.0.0.1'), OK],
  [both, 'its IPv6 address', v6('fd00::1'), OK],
  [both, 'another IPv4 address', v4('10.0.0.3'), 'portsec_in_ip4'],
  [both, 'another IPv6 address', v6('fd00::3'), 'portsec_in_ip6'],
  [both, 'its ARP', request({ spa: '10.0.0.1' }), OK],
  [both, 'another MAC', v6('fd00::1', 'fd00::2', OTHER), 'portsec_in_mac'],

  [`${MAC} 10.0.1.0/24`, 'an address of its network', v4('10.0.1.77'), OK],
  [`${MAC} 10.0.1.0/24`, 'ARP for an address of its network', request({ spa: '10.0.1.77' }), OK],
  [`${MAC} 10.0.1.0/24`, 'an address beyond its network', v4('10.0.2.77'), 'portsec_in_ip4'],
  [`${MAC} 10.0.2.5/24`, 'its address, given with host bits', v4('10.0.2.5'), OK],
  [`${MAC} 10.0.2.5/24`, 'a neighbour of it', v4('10.0.2.6'), 'portsec_in_ip4'],
  [`${MAC} 10.0.2.5/24`, 'the subnet broadcast as source', v4('10.0.2.255'), 'portsec_in_ip4'],
  [`${MAC} 10.0.0.1 10.0.0.7`, 'the second address', v4('10.0.0.7'), OK],
  [`${MAC} 10.0.0.1 10.0.0.7`, 'a third address', v4('10.0.0.8'), 'portsec_in_ip4'],
  [`${MAC} 0.0.0.0/0`, 'whatever when 0.0.0.0/0 is listed', v4('203.0.113.9'), OK],
  [`${MAC} 0.0.0.0/0`, 'IPv6 when only 0.0.0.0/0 is listed', v6('fd00::1'), 'portsec_in_ip6'],
  [`${MAC} fd00:1::/64`, 'an address of its IPv6 network', v6('fd00:1::77'), OK],
  [
    `${MAC} fd00:1::/64`,
    'an advertisement in its IPv6 network',
    advertise({ src: 'fd00:1::77', target: 'fd00:1::78' }),
    OK,
  ],
  [`${MAC} fd00:1::/64`, 'an address beyond its IPv6 network', v6('fd00:2::77'), 'portsec_in_ip6'],
  [`${MAC} fd00:1::5/64`, 'its IPv6 address, given with host bits', v6('fd00:1::5'), OK],
  [`${MAC} fd00:1::5/64`, 'a neighbour of its IPv6 address', v6('fd00:1::6'), 'portsec_in_ip6'],

  [`${MAC} 10.0.0.1, ${OTHER}`, 'the MAC of the second element', v4('1.2.3.4', '10.0.0.2', OTHER), OK],
  [`${MAC} 10.0.0.1, ${OTHER}`, 'the addresses stay with their MAC', v4('1.2.3.4'), 'portsec_in_ip4'],
  [
    `${MAC} 10.0.0.1, ${OTHER}`,
    'a third MAC',
    v4('10.0.0.1', '10.0.0.2', '02:00:00:00:00:98'),
    'portsec_in_mac',
  ],
  [`${MAC} 10.0.0.1, ${OTHER} 10.0.0.9`, 'the address of another element', v4('10.0.0.9'), 'portsec_in_ip4'],
  [`${MAC} 10.0.0.1, ${MAC} 10.0.0.7`, 'one MAC in two elements, first address', v4('10.0.0.1'), OK],
  [`${MAC} 10.0.0.1, ${MAC} 10.0.0.7`, 'one MAC in two elements, second address', v4('10.0.0.7'), OK],
  [`${MAC} 10.0.0.1, ${MAC} fd00::1`, 'one MAC in two elements, IPv4', v4('10.0.0.1'), OK],
  [`${MAC} 10.0.0.1, ${MAC} fd00::1`, 'one MAC in two elements, IPv6', v6('fd00::1'), OK],
  [`${MAC} 10.0.0.1, ${MAC} fd00::1`, 'one MAC in two elements, neither', v6('fd00::3'), 'portsec_in_ip6'],
  [`${MAC}, ${MAC} 10.0.0.1`, 'any L3 once an element lists none', v6('fd00::3'), OK],
  [`${MAC}, ${MAC} 10.0.0.1`, 'any ARP once an element lists none', request({ spa: '1.2.3.4' }), OK],
  [`${MAC}, ${MAC} 10.0.0.1`, 'any ethertype once an element lists none', raw(0x88b5), OK],
];

for (const inline of [true, false]) {
  for (const [security, what, frame, reason] of cases) {
    const name = `${inline ? 'inline' : 'tries'}: ${security || 'no port security'}: ${what} ${reason ?? 'passes'}`;
    test.serial(name, (t) => {
      const port = portWith(security, inline);
      const before = reason === undefined ? 0n : lab.portDrops(port, lab.run(frame, port).scratch.drop);
      const verdict = lab.run(frame, port);
      if (reason === undefined) {
        t.not(verdict.action, 'drop', verdict.reason);
      } else {
        t.is(verdict.action, 'drop');
        t.is(verdict.reason, reason);
        t.is(lab.portDrops(port, verdict.scratch.drop), before + 1n, 'counted at the sender');
      }
    });
  }
}
