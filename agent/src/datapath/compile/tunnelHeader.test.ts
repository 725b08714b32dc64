import test from 'ava';
import { checksum, headerLength, tunnelHeader } from './tunnelHeader.js';

const path = {
  ifindex: 2,
  mtu: 1500,
  sourceMac: Buffer.from('0a0000000101', 'hex'),
  nextHopMac: Buffer.from('0a0000000102', 'hex'),
};
const tunnel = { localIp: 0xc0000201, remoteIp: 0xc0000202, remoteIps: [], localIps: [] };

test('VXLAN: Ethernet, IPv4, UDP, RFC 7348', (t) => {
  const header = tunnelHeader({ ...tunnel, encap: 'vxlan' }, path);
  t.is(headerLength('vxlan'), 50);
  t.is(header.subarray(0, 14).toString('hex'), '0a00000001020a00000001010800');
  t.is(header.subarray(14, 24).toString('hex'), '45000000000040004011');
  t.is(header.subarray(26, 34).toString('hex'), 'c0000201c0000202');
  t.is(checksum(header.subarray(14, 34)), 0, 'the checksum field makes the sum of the header come out');
  t.is(header.subarray(34, 50).toString('hex'), '000012b5000000000800000000000000');
});

test("Geneve: RFC 8926 with OVN's option, which is critical", (t) => {
  const header = tunnelHeader({ ...tunnel, encap: 'geneve' }, path);
  t.is(headerLength('geneve'), 58);
  t.is(header.subarray(34, 58).toString('hex'), '000017c100000000' + '0240655800000000' + '0102800100000000');
});

test('without a way the addresses are there all the same', (t) => {
  const header = tunnelHeader({ ...tunnel, encap: 'vxlan' }, undefined);
  t.is(header.subarray(0, 12).toString('hex'), '000000000000000000000000');
  t.is(header.readUInt32BE(30), 0xc0000202);
});

test('RFC 1071 §3', (t) => {
  t.is(checksum(Buffer.from('0001f203f4f5f6f7', 'hex')), ~0xddf2 & 0xffff);
});
