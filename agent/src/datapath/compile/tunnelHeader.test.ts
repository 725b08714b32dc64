import test from 'ava';
import { checksum, fixedSum, headerLength, tunnelHeader } from './tunnelHeader.js';

const way = {
  ifindex: 2,
  weight: 1,
  sourceMac: Buffer.from('0a0000000101', 'hex'),
  nextHopMac: Buffer.from('0a0000000102', 'hex'),
};
const over4 = { localIp: '192.0.2.1', remoteIp: '192.0.2.2', tos: 0, df: true };
const over6 = { localIp: '2001:db8::1', remoteIp: '2001:db8::2', tos: 0, df: true };

test('VXLAN: Ethernet, IPv4, UDP, RFC 7348', (t) => {
  const header = tunnelHeader({ ...over4, encap: 'vxlan' }, way);
  t.is(headerLength({ ...over4, encap: 'vxlan' }), 50);
  t.is(header.subarray(0, 14).toString('hex'), '0a00000001020a00000001010800');
  t.is(header.subarray(14, 24).toString('hex'), '45000000000040004011');
  t.is(header.subarray(26, 34).toString('hex'), 'c0000201c0000202');
  t.is(checksum(header.subarray(14, 34)), 0, 'the checksum field makes the sum of the header come out');
  t.is(header.subarray(34, 50).toString('hex'), '000012b5000000000800000000000000');
});

test("Geneve: RFC 8926 with OVN's option, which is critical", (t) => {
  const header = tunnelHeader({ ...over4, encap: 'geneve' }, way);
  t.is(headerLength({ ...over4, encap: 'geneve' }), 58);
  t.is(header.subarray(34, 58).toString('hex'), '000017c100000000' + '0240655800000000' + '0102800100000000');
});

test('over IPv6: RFC 8200, twenty bytes more', (t) => {
  const header = tunnelHeader({ ...over6, encap: 'geneve' }, way);
  t.is(headerLength({ ...over6, encap: 'geneve' }), 78);
  t.is(headerLength({ ...over6, encap: 'vxlan' }), 70);
  t.is(header.length, 80);
  t.is(header.subarray(12, 14).toString('hex'), '86dd');
  t.is(header.subarray(14, 22).toString('hex'), '6000000000001140');
  t.is(
    header.subarray(22, 54).toString('hex'),
    '20010db8000000000000000000000001' + '20010db8000000000000000000000002',
  );
  t.is(header.subarray(54, 62).toString('hex'), '000017c100000000');
});

test('TOS is in the header, unless each packet brings its own', (t) => {
  const tosOf = (header: Buffer) => header[15];
  t.is(tosOf(tunnelHeader({ ...over4, encap: 'vxlan', tos: 0xb8 }, way)), 0xb8);
  t.is(tosOf(tunnelHeader({ ...over4, encap: 'vxlan', tos: 'inherit' }, way)), 0);
  const header = tunnelHeader({ ...over6, encap: 'vxlan', tos: 0xb8 }, way);
  t.is(header.readUInt32BE(14), 0x6b800000);
  const ip4 = tunnelHeader({ ...over4, encap: 'vxlan', tos: 0xb8 }, way).subarray(14, 34);
  t.is(checksum(ip4), 0);
});

test('without DF where routers may fragment', (t) => {
  const header = tunnelHeader({ ...over4, encap: 'vxlan', df: false }, way);
  t.is(header.subarray(14, 24).toString('hex'), '45000000000000004011');
  t.is(checksum(header.subarray(14, 34)), 0);
});

test('without a way the addresses are there all the same', (t) => {
  const header = tunnelHeader({ ...over4, encap: 'vxlan' }, undefined);
  t.is(header.subarray(0, 12).toString('hex'), '000000000000000000000000');
  t.is(header.readUInt32BE(30), 0xc0000202);
});

test('RFC 1071 §3', (t) => {
  t.is(checksum(Buffer.from('0001f203f4f5f6f7', 'hex')), ~0xddf2 & 0xffff);
});

test('the sum of what no packet changes, in the order of host memory', (t) => {
  // 0xc000 + 0x0201 + 0xc000 + 0x0202 + 0x0011 = 0x18414; UDP and VXLAN 0x12b5 + 0x0800: 0x19ec9, folded 0x9eca.
  t.is(fixedSum({ ...over4, encap: 'vxlan' }), 0xca9e);
  // 2 (0x2001 + 0x0db8) + 1 + 2 + 0x0011 = 0x5b86; UDP and Geneve 0x17c1 + 0x0240 + 0x6558 + 0x0102 + 0x8001: 0x15be2.
  t.is(fixedSum({ ...over6, encap: 'geneve' }), 0xe35b);
});
