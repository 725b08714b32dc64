import test from 'ava';
import { parseMicroflow } from '../microflow/microflow.js';
import { buildFrame } from './build-frame.js';
import { describeFrame } from './describe-frame.js';

const sender = {
  port: 'vm1',
  addresses: [{ mac: Buffer.from('0a0000000001', 'hex'), ips: [Buffer.from([10, 0, 0, 1])] }],
};
const from = '0a:00:00:00:00:01 > ';
const to2 = `${from}0a:00:00:00:00:02`;
const mac2 = 'eth.dst==0a:00:00:00:00:02';

for (const [expression, text] of [
  [
    `icmp4 && ip4.dst==10.0.0.2 && ${mac2}`,
    `${to2}, IPv4 10.0.0.1 > 10.0.0.2, ICMP echo request, ttl 64, 74 bytes`,
  ],
  [
    `icmp4.type==3 && icmp4.code==1 && ip4.dst==10.0.0.2 && ${mac2}`,
    `${to2}, IPv4 10.0.0.1 > 10.0.0.2, ICMP type 3 code 1, ttl 64, 74 bytes`,
  ],
  [
    `udp.dst==53 && ip4.dst==10.0.0.2 && vlan.vid==7 && ${mac2}`,
    `${to2}, VLAN 7, IPv4 10.0.0.1 > 10.0.0.2, UDP 49152 > 53, ttl 64, 78 bytes`,
  ],
  [
    `udp && ip.later_frag && ip4.dst==10.0.0.2 && ${mac2}`,
    `${to2}, IPv4 10.0.0.1 > 10.0.0.2, fragment, ttl 64, 74 bytes`,
  ],
  [
    'nd_ns && nd.target==fd00::2 && ip6.src==fd00::1',
    `${from}33:33:ff:00:00:02, IPv6 fd00::1 > ff02::1:ff00:2, ICMPv6 neighbour solicitation of fd00::2, ttl 255, 86 bytes`,
  ],
  [
    `tcp.dst==80 && ip.first_frag && ip6.dst==fd00::2 && ip6.src==fd00::1 && ${mac2}`,
    `${to2}, IPv6 fd00::1 > fd00::2, TCP 49152 > 80, fragment, ttl 64, 114 bytes`,
  ],
  [
    'arp.tpa==10.0.0.2',
    `${from}ff:ff:ff:ff:ff:ff, ARP request of 10.0.0.1 (0a:00:00:00:00:01) for 10.0.0.2, 42 bytes`,
  ],
  [
    `ip.proto==47 && ip4.dst==10.0.0.2 && ${mac2}`,
    `${to2}, IPv4 10.0.0.1 > 10.0.0.2, protocol 47, ttl 64, 66 bytes`,
  ],
  [mac2, `${to2}, type 0x88b5, 46 bytes`],
] as const)
  test(`described: ${expression}`, (t) => {
    t.is(describeFrame(buildFrame(parseMicroflow(expression), sender)), text);
  });

test('frames that end anywhere, and random ones, are described', (t) => {
  for (const expression of [
    `udp && ip4.dst==10.0.0.2 && vlan.vid==7 && ${mac2}`,
    'nd_ns && nd.target==fd00::2 && ip.first_frag',
    'arp.tpa==10.0.0.2',
  ]) {
    const frame = buildFrame(parseMicroflow(expression), sender);
    for (let length = 0; length <= frame.length; length++)
      t.regex(describeFrame(frame.subarray(0, length)), new RegExp(`${length} bytes$`));
    for (let at = 0; at < frame.length; at++) {
      const other = Buffer.from(frame);
      for (const value of [0, 0x4f, 0xff]) {
        other[at] = value;
        t.regex(describeFrame(other), new RegExp(`${frame.length} bytes$`));
      }
    }
  }
});
