import test from 'ava';
import { iov_port_flag } from '../gen/abi.js';
import { arp, ether, ipv4, ipv6, Lab, type LabPort, tcp } from '../testing/index.js';

const MAC = '02:00:00:00:00:01';
const OTHER = '02:00:00:00:00:99';
const SENDER = '02:00:00:00:00:02';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
let datapaths = 0;
test.after.always(() => lab.close());

/** A switch with one sender and one receiver that has both MACs, all their traffic, and this port security. */
function pair(security: string, inline: boolean): { sender: LabPort; receiver: LabPort } {
  const datapath = ++datapaths;
  lab.addSwitch(datapath, { flood: 0x8000 });
  const sender = lab.addPort({ datapath, addresses: [SENDER] });
  const elements = security.split(', ').filter(Boolean);
  const receiver = lab.addPort({ datapath, addresses: [MAC, OTHER], security: elements, inline });
  lab.addGroup(datapath, 0x8000, { local: [sender.number, receiver.number] });
  return { sender, receiver };
}
const pairs = new Map<string, ReturnType<typeof pair>>();

const v4 = (dst: string, mac = MAC) =>
  ether({ src: SENDER, dst: mac, type: 0x0800 }, ipv4({ src: '10.0.0.2', dst, proto: 6 }, tcp(1000, 80)));
const v6 = (dst: string, mac = MAC) =>
  ether({ src: SENDER, dst: mac, type: 0x86dd }, ipv6({ src: 'fd00::2', dst, next: 6 }, tcp(1000, 80)));
const reply = (tpa: string, mac = MAC) =>
  ether({ src: SENDER, dst: mac, type: 0x0806 }, arp({ op: 2, sha: SENDER, spa: '10.0.0.2', tha: mac, tpa }));
const raw = (mac = MAC) => ether({ src: SENDER, dst: mac, type: 0x88b5 });

const OK = undefined;
const ip4Only = `${MAC} 10.0.0.1`;
const ip6Only = `${MAC} fd00::1`;

const cases: [string, string, Buffer, string | undefined][] = [
  ['', 'any address', v4('1.2.3.4'), OK],
  ['', 'a second MAC', v4('1.2.3.4', OTHER), OK],

  [MAC, 'any IPv4 address', v4('1.2.3.4'), OK],
  [MAC, 'any IPv6 address', v6('fd00::77'), OK],
  [MAC, 'an unknown ethertype', raw(), OK],
  [MAC, 'another MAC', v4('10.0.0.1', OTHER), 'portsec_out_mac'],
  [MAC, 'ARP for another MAC', reply('10.0.0.1', OTHER), 'portsec_out_mac'],
  [MAC, 'an unknown ethertype to another MAC', raw(OTHER), 'portsec_out_mac'],

  [ip4Only, 'its address', v4('10.0.0.1'), OK],
  [ip4Only, 'another address', v4('10.0.0.3'), 'portsec_out_ip4'],
  [ip4Only, '255.255.255.255 in a unicast frame', v4('255.255.255.255'), OK],
  [ip4Only, 'a multicast address in a unicast frame', v4('239.1.2.3'), OK],
  [ip4Only, 'the first address above multicast', v4('240.0.0.0'), 'portsec_out_ip4'],
  [ip4Only, 'the last address below multicast', v4('223.255.255.255'), 'portsec_out_ip4'],
  [ip4Only, 'a subnet broadcast nobody listed', v4('10.0.0.255'), 'portsec_out_ip4'],
  [ip4Only, 'IPv6', v6('fd00::1'), 'portsec_out_ip6'],
  [ip4Only, 'IPv6 multicast in a unicast frame', v6('ff02::1'), 'portsec_out_ip6'],
  [ip4Only, 'ARP for another IP', reply('10.0.0.3'), OK],
  [ip4Only, 'an unknown ethertype', raw(), OK],
  [ip4Only, 'another MAC', v4('10.0.0.1', OTHER), 'portsec_out_mac'],

  [ip6Only, 'its address', v6('fd00::1'), OK],
  [ip6Only, 'the link-local address of its MAC', v6('fe80::ff:fe00:1'), OK],
  [ip6Only, 'another link-local address', v6('fe80::ff:fe00:2'), 'portsec_out_ip6'],
  [ip6Only, 'another address', v6('fd00::3'), 'portsec_out_ip6'],
  [ip6Only, 'a multicast address in a unicast frame', v6('ff05::1'), OK],
  [ip6Only, 'IPv4', v4('10.0.0.1'), 'portsec_out_ip4'],
  [ip6Only, '255.255.255.255 in a unicast frame', v4('255.255.255.255'), 'portsec_out_ip4'],
  [ip6Only, 'ARP', reply('10.0.0.1'), OK],

  [`${MAC} 10.0.0.0/24`, 'an address of its network', v4('10.0.0.77'), OK],
  [`${MAC} 10.0.0.0/24`, 'the broadcast of its network', v4('10.0.0.255'), OK],
  [`${MAC} 10.0.0.0/24`, 'an address beyond its network', v4('10.0.1.77'), 'portsec_out_ip4'],
  [`${MAC} 10.0.0.5/24`, 'its address, given with host bits', v4('10.0.0.5'), OK],
  [`${MAC} 10.0.0.5/24`, 'the broadcast of the subnet', v4('10.0.0.255'), OK],
  [`${MAC} 10.0.0.5/24`, 'a neighbour', v4('10.0.0.6'), 'portsec_out_ip4'],
  [`${MAC} 10.0.0.5/28`, 'the broadcast of a smaller subnet', v4('10.0.0.15'), OK],
  [`${MAC} 10.0.0.5/28`, 'the broadcast of the larger subnet', v4('10.0.0.255'), 'portsec_out_ip4'],
  [`${MAC} fd00::/64`, 'an address of its IPv6 network', v6('fd00::77'), OK],
  [`${MAC} fd00::/64`, 'an address beyond its IPv6 network', v6('fd00:1::77'), 'portsec_out_ip6'],
  [`${MAC} fd00::5/64`, 'a neighbour of its IPv6 address', v6('fd00::6'), 'portsec_out_ip6'],

  [`${MAC} 10.0.0.1, ${OTHER}`, 'the second MAC', v4('1.2.3.4', OTHER), OK],
  [`${MAC} 10.0.0.1, ${OTHER}`, 'the first MAC with another address', v4('1.2.3.4'), 'portsec_out_ip4'],
  [`${MAC} 10.0.0.1, ${MAC} fd00::1`, 'one MAC in two elements, IPv4', v4('10.0.0.1'), OK],
  [`${MAC} 10.0.0.1, ${MAC} fd00::1`, 'one MAC in two elements, IPv6', v6('fd00::1'), OK],
  [
    `${MAC}, ${MAC} 10.0.0.1`,
    'addresses stay restricted though one element lists none',
    v4('10.0.0.3'),
    'portsec_out_ip4',
  ],
  [`${MAC}, ${MAC} 10.0.0.1`, 'IPv6 too', v6('fd00::1'), 'portsec_out_ip6'],
];

for (const inline of [true, false]) {
  for (const [security, what, frame, reason] of cases) {
    const name = `${inline ? 'inline' : 'tries'}: to ${security || 'no port security'}: ${what} ${reason ?? 'arrives'}`;
    test.serial(name, (t) => {
      const id = `${security}|${inline}`;
      const { sender, receiver } = pairs.get(id) ?? pair(security, inline);
      pairs.set(id, { sender, receiver });
      const verdict = lab.run(frame, sender);
      t.is(verdict.reason, reason);
      t.is(verdict.action, reason === undefined ? 'redirect' : 'drop');
      if (reason === undefined) t.is(verdict.port, receiver.number);
      else t.true(lab.portDrops(receiver, verdict.scratch.drop) > 0n, 'counted at the receiver');
    });
  }
}

const many: [string, Buffer][] = [
  ['any IPv4 address in a broadcast frame', v4('1.2.3.4', ALL)],
  ['IPv4 in a multicast frame', v4('239.1.2.3', '01:00:5e:01:02:03')],
  ['IPv6 in a multicast frame', v6('ff02::1', '33:33:00:00:00:01')],
  ['an unknown ethertype in a broadcast frame', raw(ALL)],
];
for (const security of [MAC, ip4Only, ip6Only]) {
  for (const [what, frame] of many) {
    test.serial(`frames to many are not checked: to ${security}: ${what}`, (t) => {
      const { sender, receiver } = pair(security, true);
      const before = lab.portCounters(receiver).tx_packets;
      t.is(lab.run(frame, sender).action, 'flood');
      t.is(lab.portCounters(receiver).tx_packets, before + 1n);
    });
  }
}

const { IOV_PORT_VALID, IOV_PORT_ENABLED, IOV_PORT_FAIL_CLOSED } = iov_port_flag;
const closed: [string, { set?: number; clear?: number }, string][] = [
  ['disabled', { clear: IOV_PORT_ENABLED }, 'port_disabled'],
  ['failing closed', { set: IOV_PORT_FAIL_CLOSED }, 'port_fail_closed'],
  ['gone', { clear: IOV_PORT_VALID }, 'no_port'],
];
for (const [what, flags, reason] of closed) {
  test.serial(`a receiver that is ${what} gets neither unicast nor broadcast`, (t) => {
    const { sender, receiver } = pair('', true);
    lab.setPort(receiver, flags);
    t.is(lab.run(v4('10.0.0.1'), sender).reason, reason);
    const broadcast = lab.run(v4('10.0.0.1', ALL), sender);
    t.is(broadcast.reason, reason);
    t.is(broadcast.scratch.copies, 0);
    t.is(lab.portCounters(receiver).tx_packets, 0n);
    t.is(lab.portDrops(receiver, broadcast.scratch.drop), 2n);
  });
}

test.serial('delivery counts packets and bytes at both ports', (t) => {
  const { sender, receiver } = pair('', true);
  const frame = v4('10.0.0.1');
  lab.run(frame, sender);
  lab.run(frame, sender);
  const bytes = BigInt(frame.length) * 2n;
  t.like(lab.portCounters(sender), { rx_packets: 2n, rx_bytes: bytes, tx_packets: 0n });
  t.like(lab.portCounters(receiver), { tx_packets: 2n, tx_bytes: bytes, rx_packets: 0n });
});
