import { ether, icmp6, ipv4, ipv6, padExtension, udp } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, type Host, host, macIp4, macIp6, nobody } from '../host.js';
import { type Case, dropped, everyone, reaches, type Scenario } from '../table.js';
import { advertise, arpFrame, ethertype, message6, ping4, solicit, udp4, udp6 } from './packets.js';

/** The senders: what their port security lists beside the MAC. */
const hosts = { mac: host(0x11), ip4: host(0x12), ip6: host(0x13), both: host(0x14) };
type Sender = keyof typeof hosts;
/** The receivers: without port security, on the sender's hypervisor and on the other one. */
const near = host(0x21);
const far = host(0x22);
const foreign = host(0x99);

type Verdict = 'pass' | 'everyone' | string;
interface Row {
  name: string;
  /** Sent to `far`, which must get it when the verdict is "pass". */
  frame: (who: Host) => Buffer;
  /** By sender: "pass", "everyone" (a frame to many) or the reason for which it is dropped. */
  verdicts: Record<Sender, Verdict>;
  /** Verdicts at which stock differs, and why. */
  stock?: Partial<Record<Sender, string>>;
}

const row = (
  name: string,
  frame: Row['frame'],
  [mac, ip4, ip6, both]: [Verdict, Verdict, Verdict, Verdict],
  stock?: Row['stock'],
): Row => ({ name, frame, verdicts: { mac, ip4, ip6, both }, ...(stock ? { stock } : {}) });

const to = (who: Host, o: Partial<{ src: string; dst: string; from: string; to: string }> = {}) => ({
  src: who.mac,
  dst: far.mac,
  from: who.ip4,
  to: far.ip4,
  ...o,
});
const to6 = (who: Host, o: Partial<{ src: string; dst: string; from: string; to: string }> = {}) =>
  to(who, { from: who.ip6, to: far.ip6, ...o });
const all4 = { dst: broadcast, to: '255.255.255.255' };
const typed = (type: number) => (who: Host) =>
  ether({ src: who.mac, dst: far.mac, type }, Buffer.alloc(46, 0x5a));

const noIp4 = 'portsec_in_ip4';
const noIp6 = 'portsec_in_ip6';
const noArp = 'portsec_in_arp';
const noNd = 'portsec_in_nd';
const noMac = 'portsec_in_mac';
const noType = 'portsec_in_ethertype';
const sameForAll = (verdict: Verdict): [Verdict, Verdict, Verdict, Verdict] => [
  verdict,
  verdict,
  verdict,
  verdict,
];
const typo = 'ND checks ask for hop limit 225 (item 4)';

const ip4Rows: Row[] = [
  row('IPv4 from its own address', (w) => udp4(to(w)), ['pass', 'pass', noIp4, 'pass']),
  row('ping from its own address', (w) => ping4(to(w)), ['pass', 'pass', noIp4, 'pass']),
  row('IPv4 from a foreign address', (w) => udp4(to(w, { from: foreign.ip4 })), [
    'pass',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row('IPv4 from the receiver’s address', (w) => udp4(to(w, { from: far.ip4 })), [
    'pass',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row('IPv4 from 255.255.255.255', (w) => udp4(to(w, { from: '255.255.255.255' })), [
    'pass',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row('IPv4 broadcast from its own address', (w) => udp4(to(w, all4)), [
    'everyone',
    'everyone',
    noIp4,
    'everyone',
  ]),
  row('DHCP discover', (w) => udp4(to(w, { ...all4, from: '0.0.0.0' }), 68, 67), [
    'everyone',
    'everyone',
    noIp4,
    'everyone',
  ]),
  row(
    'DHCP discover in a unicast frame',
    (w) => udp4(to(w, { from: '0.0.0.0', to: '255.255.255.255' }), 68, 67),
    ['pass', 'pass', noIp4, 'pass'],
  ),
  row('DHCP from 0.0.0.0 to a server', (w) => udp4(to(w, { from: '0.0.0.0' }), 68, 67), [
    'pass',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row('DHCP offer from 0.0.0.0', (w) => udp4(to(w, { ...all4, from: '0.0.0.0' }), 67, 68), [
    'everyone',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row(
    'DHCP from 0.0.0.0 with another source port',
    (w) => udp4(to(w, { ...all4, from: '0.0.0.0' }), 69, 67),
    ['everyone', noIp4, noIp4, noIp4],
  ),
  row('DHCP request from its own address', (w) => udp4(to(w, all4), 68, 67), [
    'everyone',
    'everyone',
    noIp4,
    'everyone',
  ]),
  row('ping from 0.0.0.0', (w) => ping4(to(w, { ...all4, from: '0.0.0.0' })), [
    'everyone',
    noIp4,
    noIp4,
    noIp4,
  ]),
  row('a first fragment', (w) => fragment(w, w.ip4, 0x2000), ['pass', 'pass', noIp4, 'pass']),
  row('a later fragment', (w) => fragment(w, w.ip4, 0x0003), ['pass', 'pass', noIp4, 'pass']),
  row(
    'a later fragment that looks like DHCP, from 0.0.0.0',
    (w) => fragment(w, '0.0.0.0', 0x0003, '255.255.255.255'),
    ['pass', noIp4, noIp4, noIp4],
  ),
  row('IPv4 options before DHCP', (w) => optionsDhcp(w), ['everyone', 'everyone', noIp4, 'everyone']),
];

const ip6Rows: Row[] = [
  row('IPv6 from its own address', (w) => udp6(to6(w)), ['pass', noIp6, 'pass', 'pass']),
  row('IPv6 from its link-local address', (w) => udp6(to6(w, { from: w.lla })), [
    'pass',
    noIp6,
    'pass',
    'pass',
  ]),
  row('IPv6 from another link-local address', (w) => udp6(to6(w, { from: foreign.lla })), [
    'pass',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row('IPv6 from a foreign address', (w) => udp6(to6(w, { from: foreign.ip6 })), [
    'pass',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row('IPv6 from :: ', (w) => udp6(to6(w, { from: '::' })), ['pass', noIp6, noIp6, noIp6]),
  row('IPv6 from an IPv4-mapped address', (w) => udp6(to6(w, { from: '::ffff:a00:12' })), [
    'pass',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row('ICMPv6 echo from its own address', (w) => message6(to6(w), 128), ['pass', noIp6, 'pass', 'pass']),
  row('router solicitation from its link-local address', (w) => message6(to6(w, routers(w.lla)), 133), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('router solicitation from ::', (w) => message6(to6(w, routers('::')), 133), [
    'everyone',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row(
    'router advertisement from its link-local address',
    (w) => message6(to6(w, { ...many, from: w.lla }), 134),
    ['everyone', noIp6, 'everyone', 'everyone'],
  ),
  row(
    'redirect from its link-local address',
    (w) => message6(to6(w, { from: w.lla }), 137, Buffer.alloc(36)),
    ['pass', noIp6, 'pass', 'pass'],
  ),
  row('MLDv1 report from ::', (w) => message6(to6(w, { ...many, from: '::' }), 131, Buffer.alloc(20)), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('MLDv2 report from ::', (w) => message6(to6(w, { ...many, from: '::' }), 143), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('MLDv2 report from :: behind a hop-by-hop header', (w) => mldWithRouterAlert(w), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row(
    'MLDv2 report from :: with code 1',
    (w) => message6(to6(w, { ...many, from: '::' }), 143, undefined, 1),
    ['everyone', noIp6, noIp6, noIp6],
  ),
  row('MLDv1 done from ::', (w) => message6(to6(w, { ...many, from: '::' }), 132, Buffer.alloc(20)), [
    'everyone',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row(
    'MLDv2 report from :: to a wider scope',
    (w) => message6(to6(w, { from: '::', to: 'ff05::1', dst: '33:33:00:00:00:01' }), 143),
    ['everyone', noIp6, noIp6, noIp6],
  ),
  row('MLDv2 report from :: to a unicast address', (w) => message6(to6(w, { from: '::' }), 143), [
    'pass',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row('ICMPv6 echo from :: to ff02::1', (w) => message6(to6(w, { ...many, from: '::' }), 128), [
    'everyone',
    noIp6,
    noIp6,
    noIp6,
  ]),
];

const ndRows: Row[] = [
  row('NS from its own address', (w) => solicit(w, foreign.ip6), ['everyone', noIp6, 'everyone', 'everyone']),
  row('NS from its link-local address', (w) => solicit(w, foreign.ip6, { from: w.lla }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('NS without source option', (w) => solicit(w, foreign.ip6, { sll: null }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('NS with source option 0', (w) => solicit(w, foreign.ip6, { sll: '00:00:00:00:00:00' }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row(
    'NS with a foreign source option',
    (w) => solicit(w, foreign.ip6, { sll: nobody }),
    [noNd, noIp6, noNd, noNd],
    { mac: typo, ip6: typo, both: typo },
  ),
  row('NS from a foreign address', (w) => solicit(w, foreign.ip6, { from: near.ip6 }), [
    'everyone',
    noIp6,
    noIp6,
    noIp6,
  ]),
  row('NS with hop limit 64', (w) => solicit(w, foreign.ip6, { hops: 64 }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('DAD for its own address', (w) => solicit(w, w.ip6, { from: '::', sll: null }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row('DAD for a foreign address', (w) => solicit(w, foreign.ip6, { from: '::', sll: null }), [
    'everyone',
    noIp6,
    'everyone',
    'everyone',
  ]),
  row(
    'NS from :: to a unicast address',
    (w) => solicit(w, foreign.ip6, { from: '::', sll: null, to: far.ip6, dst: far.mac }),
    ['pass', noIp6, noIp6, noIp6],
  ),
  row('NA for its own address', (w) => advertise(w, w.ip6, { to: far }), ['pass', noIp6, 'pass', 'pass'], {
    mac: typo,
  }),
  row(
    'NA for its link-local address',
    (w) => advertise(w, w.lla, { from: w.lla, to: far }),
    ['pass', noIp6, 'pass', 'pass'],
    { mac: typo, ip6: typo, both: typo },
  ),
  row(
    'NA without target option',
    (w) => advertise(w, w.ip6, { to: far, tll: null }),
    ['pass', noIp6, 'pass', 'pass'],
    { mac: typo },
  ),
  row('NA with a foreign target option', (w) => advertise(w, w.ip6, { to: far, tll: nobody }), [
    noNd,
    noIp6,
    noNd,
    noNd,
  ]),
  row(
    'NA for a foreign address',
    (w) => advertise(w, foreign.ip6, { to: far }),
    ['pass', noIp6, noNd, noNd],
    { mac: typo },
  ),
  row(
    'NA for a foreign address, foreign target option',
    (w) => advertise(w, foreign.ip6, { to: far, tll: nobody }),
    [noNd, noIp6, noNd, noNd],
  ),
  row('NA with hop limit 64', (w) => advertise(w, w.ip6, { to: far, hops: 64 }), [
    'pass',
    noIp6,
    'pass',
    'pass',
  ]),
];

const arpRows: Row[] = [
  row('ARP request', (w) => arpFrame({ sha: w.mac, spa: w.ip4, tpa: foreign.ip4 }), [
    'everyone',
    'everyone',
    noArp,
    'everyone',
  ]),
  row(
    'ARP reply',
    (w) => arpFrame({ op: 2, sha: w.mac, spa: w.ip4, tha: far.mac, tpa: far.ip4, dst: far.mac }),
    ['pass', 'pass', noArp, 'pass'],
  ),
  row('gratuitous ARP', (w) => arpFrame({ sha: w.mac, spa: w.ip4, tpa: w.ip4 }), [
    'everyone',
    'everyone',
    noArp,
    'everyone',
  ]),
  row('ARP from a foreign address', (w) => arpFrame({ sha: w.mac, spa: foreign.ip4, tpa: foreign.ip4 }), [
    'everyone',
    noArp,
    noArp,
    noArp,
  ]),
  row(
    'ARP reply from a foreign address',
    (w) => arpFrame({ op: 2, sha: w.mac, spa: far.ip4, tha: far.mac, tpa: far.ip4, dst: far.mac }),
    ['pass', noArp, noArp, noArp],
  ),
  row(
    'ARP with a foreign sender MAC',
    (w) => arpFrame({ src: w.mac, sha: nobody, spa: w.ip4, tpa: foreign.ip4 }),
    sameForAll(noArp),
  ),
  row('ARP probe', (w) => arpFrame({ sha: w.mac, spa: '0.0.0.0', tpa: w.ip4 }), [
    'everyone',
    noArp,
    noArp,
    noArp,
  ]),
  row(
    'ARP from a foreign MAC, own in the header',
    (w) => arpFrame({ src: nobody, sha: w.mac, spa: w.ip4, tpa: foreign.ip4 }),
    sameForAll(noMac),
  ),
  row('ARP with operation 9', (w) => arpFrame({ op: 9, sha: w.mac, spa: w.ip4, tpa: foreign.ip4 }), [
    'everyone',
    'everyone',
    noArp,
    'everyone',
  ]),
  row(
    'ARP with a foreign target MAC',
    (w) => arpFrame({ sha: w.mac, spa: w.ip4, tha: nobody, tpa: foreign.ip4 }),
    ['everyone', 'everyone', noArp, 'everyone'],
  ),
];

const otherRows: Row[] = [
  row('a foreign MAC', (w) => udp4(to(w, { src: nobody })), sameForAll(noMac)),
  row('a foreign MAC, IPv6', (w) => udp6(to6(w, { src: nobody })), sameForAll(noMac)),
  row('the receiver’s MAC', (w) => udp4(to(w, { src: far.mac })), sameForAll(noMac)),
  row('an unknown ethertype', typed(ethertype.experiment), ['pass', noType, noType, noType]),
  row('RARP', typed(ethertype.rarp), ['pass', noType, noType, noType]),
  row('LLDP', typed(ethertype.lldp), ['pass', noType, noType, noType]),
  row('802.3', typed(46), ['pass', noType, noType, noType]),
  row(
    'an 802.1Q tag',
    (w) => ether({ src: w.mac, dst: far.mac, type: 0x88b5, vlan: 1 }),
    sameForAll('vlan_tagged'),
  ),
  row(
    'a multicast source MAC',
    () => ether({ src: '01:00:5e:00:00:01', dst: far.mac, type: 0x88b5 }),
    sameForAll('multicast_source'),
  ),
];

const many = { dst: '33:33:00:00:00:01', to: 'ff02::1' };
const routers = (from: string) => ({ dst: '33:33:00:00:00:02', to: 'ff02::2', from });

function fragment(who: Host, from: string, word: number, dst = far.ip4): Buffer {
  const looksLikeDhcp = udp(68, 67, Buffer.alloc(24, 1));
  const packet = ipv4({ src: from, dst, proto: 17, fragment: word }, looksLikeDhcp);
  return ether({ src: who.mac, dst: far.mac, type: ethertype.ip4 }, packet);
}

function optionsDhcp(who: Host): Buffer {
  const packet = { src: '0.0.0.0', dst: '255.255.255.255', proto: 17, options: Buffer.alloc(8, 1) };
  return ether({ src: who.mac, dst: broadcast, type: ethertype.ip4 }, ipv4(packet, udp(68, 67)));
}

function mldWithRouterAlert(who: Host): Buffer {
  const plain = icmp6({ src: '::', dst: 'ff02::16', type: 143, hops: 1 }, Buffer.alloc(8));
  const packet = ipv6({ src: '::', dst: 'ff02::16', next: 0, hops: 1 }, padExtension(58, plain.subarray(40)));
  return ether({ src: who.mac, dst: '33:33:00:00:00:16', type: ethertype.ip6 }, packet);
}

function casesOf(rows: readonly Row[]): Case[] {
  return rows.flatMap(({ name, frame, verdicts, stock }) =>
    (Object.keys(hosts) as Sender[]).map((sender) => {
      const verdict = verdicts[sender];
      const expected =
        verdict === 'pass' ? reaches('far') : verdict === 'everyone' ? everyone : dropped(verdict);
      const made: Case = {
        name: `from ${sender}: ${name}`,
        from: sender,
        frame: frame(hosts[sender]),
        expected,
      };
      const reason = stock?.[sender];
      return reason ? { ...made, differsFromStock: reason } : made;
    }),
  );
}

/** What port security lets in, for an element with the MAC alone, with IPv4, with IPv6, with both. */
export const sender: Scenario = {
  setup: {
    name: 'si',
    ports: {
      mac: { hv: 1, addresses: [all(hosts.mac)], portSecurity: [hosts.mac.mac] },
      ip4: { hv: 1, addresses: [all(hosts.ip4)], portSecurity: [macIp4(hosts.ip4)] },
      ip6: { hv: 1, addresses: [all(hosts.ip6)], portSecurity: [macIp6(hosts.ip6)] },
      both: { hv: 1, addresses: [all(hosts.both)], portSecurity: [all(hosts.both)] },
      near: { hv: 1, addresses: [all(near)] },
      far: { hv: 2, addresses: [all(far)] },
    },
  },
  cases: casesOf([...ip4Rows, ...ip6Rows, ...ndRows, ...arpRows, ...otherRows]),
};
