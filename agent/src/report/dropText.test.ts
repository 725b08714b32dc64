import test from 'ava';
import { iov_packet_flag as flag, type iov_port_drop, iov_port_dropCodec } from '../datapath/abi.js';
import { dropText } from './dropText.js';

const mac = (last: number) => Buffer.from([10, 0, 0, 0, 0, last]);
const macs = '0a:00:00:00:00:01 > 0a:00:00:00:00:02';

function text(drop: Partial<iov_port_drop>): string {
  const all = { packets: 1n, eth_src: mac(1), eth_dst: mac(2), eth_type: 0x0800, ...drop };
  return dropText(iov_port_dropCodec.decode(iov_port_dropCodec.encode(all)));
}

for (const [drop, wanted] of [
  [{ eth_type: 0 }, 'it was not looked at'],
  [{ eth_type: 0, length: 14 }, 'it was not looked at, 14 bytes'],
  [{ eth_type: 0x88cc, length: 60 }, `${macs}, type 0x88cc, 60 bytes`],
  [{ eth_type: 0x0800 }, `${macs}, type 0x0800`],
  [
    {
      flags: flag.IOV_PKT_IP4 | flag.IOV_PKT_L4,
      ip_src: [0x0a000001, 0, 0, 0],
      ip_dst: [0x0a000002, 0, 0, 0],
      ip_proto: 1,
      sport: 8,
    },
    `${macs}, IPv4 10.0.0.1 > 10.0.0.2, ICMP type 8 code 0`,
  ],
  [
    {
      flags: flag.IOV_PKT_IP4 | flag.IOV_PKT_L4,
      ip_src: [0xc0000201, 0, 0, 0],
      ip_dst: [0xffffffff, 0, 0, 0],
      ip_proto: 17,
      sport: 68,
      dport: 67,
    },
    `${macs}, IPv4 192.0.2.1 > 255.255.255.255, UDP 68 > 67`,
  ],
  [
    {
      flags: flag.IOV_PKT_IP4 | flag.IOV_PKT_FRAGMENT,
      ip_src: [1, 0, 0, 0],
      ip_dst: [2, 0, 0, 0],
      ip_proto: 6,
    },
    `${macs}, IPv4 0.0.0.1 > 0.0.0.2, TCP, fragment`,
  ],
  [
    {
      eth_type: 0x86dd,
      flags: flag.IOV_PKT_IP6 | flag.IOV_PKT_L4 | flag.IOV_PKT_ND,
      ip_src: [0, 0, 0, 0],
      ip_dst: [0xff020000, 0, 1, 0xff000001],
      ip_proto: 58,
      sport: 135,
    },
    `${macs}, IPv6 :: > ff02::1:ff00:1, ICMPv6 type 135 code 0`,
  ],
  [
    {
      eth_type: 0x86dd,
      flags: flag.IOV_PKT_IP6,
      ip_src: [0xfd000001, 0, 0x00020000, 3],
      ip_dst: [0x00010002, 0x00030004, 0x00050006, 0x00070008],
      ip_proto: 47,
    },
    `${macs}, IPv6 fd00:1::2:0:0:3 > 1:2:3:4:5:6:7:8, protocol 47`,
  ],
  [
    {
      eth_type: 0x0806,
      flags: flag.IOV_PKT_ARP | flag.IOV_PKT_VLAN,
      vlan_tci: 0x600a,
      ip_src: [0x0a000001, 0, 0, 0],
      ip_dst: [0x0a000002, 0, 0, 0],
      length: 46,
    },
    `${macs}, VLAN 10, ARP of 10.0.0.1 for 10.0.0.2, 46 bytes`,
  ],
] as [Partial<iov_port_drop>, string][])
  test(`a dropped packet: ${wanted}`, (t) => t.is(text(drop), wanted));
