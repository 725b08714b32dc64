import { ether } from '@iovisor-ovn/iomodules/testing';
import { all, broadcast, host, nobody } from '../host.js';
import { type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { advertise, arpFrame, udp4, udp6 } from './packets.js';

const plain = host(0x0a);
const far = host(0x0b);
const net = host(0x11);
const multi = host(0x12);
const other = host(0x22);
const broken = host(0x13);
const extra = host(0x23);
const sum = host(0x14);
const wide = host(0x15);
const bad = host(0x16);

const test = (name: string, from: string, frame: Buffer, expected: Expected): Case => ({
  name: `${from}: ${name}`,
  from,
  frame,
  expected,
});
const from4 = (who: { mac: string }, address: string) =>
  udp4({ src: who.mac, dst: far.mac, from: address, to: far.ip4 });
const from6 = (who: { mac: string }, address: string) =>
  udp6({ src: who.mac, dst: far.mac, from: address, to: far.ip6 });
const to4 = (who: { mac: string }, address: string) =>
  udp4({ src: plain.mac, dst: who.mac, from: plain.ip4, to: address });
const to6 = (who: { mac: string }, address: string) =>
  udp6({ src: plain.mac, dst: who.mac, from: plain.ip6, to: address });
const arpOf = (who: { mac: string }, spa: string) => arpFrame({ sha: who.mac, spa, tpa: '10.9.9.9' });
const typed = (who: { mac: string }, dst = far.mac) =>
  ether({ src: who.mac, dst, type: 0x88b5 }, Buffer.alloc(46, 3));

const [in4, in6, out4, out6] = ['portsec_in_ip4', 'portsec_in_ip6', 'portsec_out_ip4', 'portsec_out_ip6'];

const open = 'stock takes port security without a valid element for none; ours fails closed and says so';

/** Port security with networks, several addresses, several elements, and things that are none. */
export const lists: Scenario = {
  setup: {
    name: 'sl',
    ports: {
      plain: { hv: 1, addresses: [all(plain)] },
      far: { hv: 2, addresses: [all(far)] },
      net: {
        hv: 1,
        addresses: [net.mac],
        portSecurity: [`${net.mac} 10.0.1.0/24 10.0.2.5/24 10.0.3.4/30 fd00:1::/64 fd00:2::5/64`],
      },
      multi: {
        hv: 1,
        addresses: [multi.mac, other.mac],
        portSecurity: [`${multi.mac} 10.0.4.1 10.0.4.2`, `${other.mac} fd00:4::1`],
      },
      sum: { hv: 1, addresses: [sum.mac], portSecurity: [`${sum.mac} 10.0.5.1`, `${sum.mac} fd00:5::1`] },
      broken: {
        hv: 1,
        addresses: [broken.mac, extra.mac],
        portSecurity: ['garbage', `${broken.mac} 10.0.6.1 ${extra.mac} 10.0.6.2`, `${extra.mac} 10.0.6.3`],
      },
      wide: { hv: 1, addresses: [wide.mac], portSecurity: [`${wide.mac} 0.0.0.0/0 ::/0`] },
      bad: { hv: 1, addresses: [all(bad)], portSecurity: ['nonsense'] },
    },
  },
  cases: [
    test('an address of the network', 'net', from4(net, '10.0.1.77'), reaches('far')),
    test('the network address itself', 'net', from4(net, '10.0.1.0'), reaches('far')),
    test('the network’s broadcast address', 'net', from4(net, '10.0.1.255'), reaches('far')),
    test('beside the network', 'net', from4(net, '10.0.0.255'), dropped(in4)),
    test('the host given with a mask', 'net', from4(net, '10.0.2.5'), reaches('far')),
    test('another host of its subnet', 'net', from4(net, '10.0.2.6'), dropped(in4)),
    test('its subnet’s broadcast address', 'net', from4(net, '10.0.2.255'), dropped(in4)),
    test('a /30 network', 'net', from4(net, '10.0.3.7'), reaches('far')),
    test('behind a /30 network', 'net', from4(net, '10.0.3.8'), dropped(in4)),
    test('an address of the IPv6 network', 'net', from6(net, 'fd00:1::77'), reaches('far')),
    test('beside the IPv6 network', 'net', from6(net, 'fd00:1:0:1::77'), dropped(in6)),
    test('the IPv6 host given with a length', 'net', from6(net, 'fd00:2::5'), reaches('far')),
    test('another IPv6 host of its subnet', 'net', from6(net, 'fd00:2::6'), dropped(in6)),
    test('the link-local address', 'net', from6(net, net.lla), reaches('far')),
    test('ARP from the network', 'net', arpOf(net, '10.0.1.9'), everyone),
    test('ARP from the host', 'net', arpOf(net, '10.0.2.5'), everyone),
    test('ARP from another host', 'net', arpOf(net, '10.0.2.6'), dropped('portsec_in_arp')),
    test(
      'NA for an address of the network',
      'net',
      advertise({ ...net, ip6: 'fd00:1::5' }, 'fd00:1::6', { to: far }),
      reaches('far'),
    ),
    test(
      'NA for another host',
      'net',
      advertise({ ...net, ip6: 'fd00:1::5' }, 'fd00:2::6', { to: far }),
      dropped('portsec_in_nd'),
    ),
    test('to an address of net’s network', 'plain', to4(net, '10.0.1.200'), reaches('net')),
    test('to the broadcast address of net’s network', 'plain', to4(net, '10.0.1.255'), reaches('net')),
    test('to net’s host', 'plain', to4(net, '10.0.2.5'), reaches('net')),
    test('to the subnet broadcast of net’s host', 'plain', to4(net, '10.0.2.255'), reaches('net')),
    test('to another host beside net’s', 'plain', to4(net, '10.0.2.6'), dropped(out4)),
    test('to an address of net’s IPv6 network', 'plain', to6(net, 'fd00:1::9'), reaches('net')),
    test('to another IPv6 host beside net’s', 'plain', to6(net, 'fd00:2::9'), dropped(out6)),

    test('the first address', 'multi', from4(multi, '10.0.4.1'), reaches('far')),
    test('the second address', 'multi', from4(multi, '10.0.4.2'), reaches('far')),
    test('a third', 'multi', from4(multi, '10.0.4.3'), dropped(in4)),
    test('IPv6, which this MAC has not', 'multi', from6(multi, 'fd00:4::1'), dropped(in6)),
    test('the second MAC with its address', 'multi', from6(other, 'fd00:4::1'), reaches('far')),
    test('the second MAC with the first one’s address', 'multi', from4(other, '10.0.4.1'), dropped(in4)),
    test('a third MAC', 'multi', from4({ mac: nobody }, '10.0.4.1'), dropped('portsec_in_mac')),
    test('ARP of the second MAC', 'multi', arpOf(other, '10.0.4.1'), dropped('portsec_in_arp')),
    test(
      'ARP with the other of its MACs in the header',
      'multi',
      arpFrame({ src: multi.mac, sha: other.mac, spa: '10.0.4.1', tpa: '10.9.9.9' }),
      dropped('portsec_in_arp'),
    ),
    test('to multi’s second address', 'plain', to4(multi, '10.0.4.2'), reaches('multi')),
    test('to multi’s second MAC', 'plain', to6(other, 'fd00:4::1'), reaches('multi')),
    test(
      'to multi’s second MAC with the first one’s address',
      'plain',
      to4(other, '10.0.4.1'),
      dropped(out4),
    ),

    test('the IPv4 address of the first element', 'sum', from4(sum, '10.0.5.1'), reaches('far')),
    test('the IPv6 address of the second element', 'sum', from6(sum, 'fd00:5::1'), reaches('far')),
    test('a foreign IPv4 address', 'sum', from4(sum, '10.0.5.2'), dropped(in4)),
    test('a foreign IPv6 address', 'sum', from6(sum, 'fd00:5::2'), dropped(in6)),
    test('to sum’s IPv4 address', 'plain', to4(sum, '10.0.5.1'), reaches('sum')),
    test('to sum’s IPv6 address', 'plain', to6(sum, 'fd00:5::1'), reaches('sum')),
    test('to a foreign IPv4 address at sum', 'plain', to4(sum, '10.0.5.2'), dropped(out4)),

    test('the element after garbage', 'broken', from4(broken, '10.0.6.1'), reaches('far')),
    test('the address behind a second MAC of one element', 'broken', from4(broken, '10.0.6.2'), dropped(in4)),
    test('the second MAC of an element with its address', 'broken', from4(extra, '10.0.6.2'), dropped(in4)),
    test('the MAC of a later element', 'broken', from4(extra, '10.0.6.3'), reaches('far')),

    test('any IPv4 address of 0.0.0.0/0', 'wide', from4(wide, '8.8.8.8'), reaches('far')),
    test('any IPv6 address of ::/0', 'wide', from6(wide, '2001:db8::1'), reaches('far')),
    test('0.0.0.0 of 0.0.0.0/0', 'wide', from4(wide, '0.0.0.0'), reaches('far')),
    test('an ARP probe with 0.0.0.0/0', 'wide', arpOf(wide, '0.0.0.0'), everyone),
    test('an unknown ethertype with 0.0.0.0/0', 'wide', typed(wide), dropped('portsec_in_ethertype')),
    test('to any IPv4 address at wide', 'plain', to4(wide, '1.2.3.4'), reaches('wide')),
    test('to any IPv6 address at wide', 'plain', to6(wide, '2001:db8::2'), reaches('wide')),

    {
      ...test('with garbage alone: unicast', 'bad', from4(bad, bad.ip4), dropped('portsec_in_mac')),
      differsFromStock: open,
    },
    {
      ...test('with garbage alone: broadcast', 'bad', typed(bad, broadcast), dropped('portsec_in_mac')),
      differsFromStock: open,
    },
    {
      ...test('to a port with garbage alone', 'plain', to4(bad, bad.ip4), dropped('portsec_out_mac')),
      differsFromStock: open,
    },
    test('broadcast, also to a port with garbage alone', 'plain', typed(plain, broadcast), everyone),
  ],
};
