import type { LogicalAddress } from '@iovisor-ovn/proto';
import test from 'ava';
import { parseAddress, parseIpPrefix, parseMacAndIps, parsePortSecurity } from './addresses.js';

const show = (address?: LogicalAddress) =>
  address && [
    Buffer.from(address.mac).toString('hex'),
    ...address.ips.map((ip) => `${Buffer.from(ip.address).toString('hex')}/${ip.prefixLength}`),
  ];

test('a MAC with addresses of both families, host bits kept', (t) => {
  const parsed = parseMacAndIps('0a:00:00:00:00:01 10.0.1.5/24 10.0.0.2 fd00::1/64 fe80::1');
  t.is(parsed?.rest, '');
  t.deepEqual(show(parsed?.address), [
    '0a0000000001',
    '0a000105/24',
    '0a000002/32',
    'fd000000000000000000000000000001/64',
    'fe800000000000000000000000000001/128',
  ]);
});

test('the first thing that is not an address ends the element, what stood before counts', (t) => {
  for (const rest of ['0a:00:00:00:00:02', 'garbage 10.0.0.9', '10.0.0.1/33', '10.0.0', 'dynamic']) {
    const parsed = parseMacAndIps(`0:1:2:3:4:5 10.0.0.1 ${rest}`);
    t.is(parsed?.rest, rest);
    t.deepEqual(show(parsed?.address), ['000102030405', '0a000001/32']);
  }
});

test('what sticks to an address ends the element, but the address counts, as in OVN', (t) => {
  for (const rest of ['x', ',10.0.0.1', ':02', '/ff:ff:ff:ff:ff:00 10.0.0.1', ']']) {
    const parsed = parseMacAndIps(`0:1:2:3:4:5${rest}`);
    t.is(parsed?.rest, rest);
    t.deepEqual(show(parsed?.address), ['000102030405']);
  }
  // What northd 23.03 makes of them.
  const cases: [text: string, ...ips: string[]][] = [
    ['10.0.0.4,10.0.1.4', '0a000004/32'],
    ['10.0.0.4x', '0a000004/32'],
    ['10.0.0.4/24x 10.0.0.5', '0a000004/24'],
    ['10.0.0.4/', '0a000004/32'],
    ['10.0.0.300 10.0.0.5', '0a00002c/32', '0a000005/32'],
    ['10.0.0.4/255.255.0.255'],
    ['fd00::c%eth0', 'fd00000000000000000000000000000c/128'],
    ['fd00::c,fd00::d', 'fd00000000000000000000000000000c/128'],
    ['fd00::c/129'],
    ['fd00:::c'],
  ];
  for (const [text, ...ips] of cases) {
    const parsed = parseMacAndIps(`0:1:2:3:4:5 ${text}`);
    t.deepEqual(show(parsed?.address), ['000102030405', ...ips], text);
  }
  t.deepEqual(show(parseMacAndIps('0:1:2:3:4:0510 10.0.0.1')?.address), ['000102030410', '0a000001/32']);
});

test('netmasks written as addresses', (t) => {
  t.is(parseIpPrefix('10.0.0.0/255.255.0.0')?.prefixLength, 16);
  t.is(parseIpPrefix('0.0.0.0/0.0.0.0')?.prefixLength, 0);
  t.is(parseIpPrefix('fd00::/ffff:ffff::')?.prefixLength, 32);
  for (const bad of [
    '10.0.0.0/255.0.255.0',
    '10.0.0.0/ffff::',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    '::1%eth0',
  ])
    t.is(parseIpPrefix(bad), undefined, bad);
});

test('the kinds of an addresses element', (t) => {
  for (const kind of ['unknown', 'router', 'dynamic'] as const) t.is(parseAddress(kind).kind, kind);
  for (const text of [
    'dynamic 10.0.0.1',
    'dynamic fd00::1',
    'dynamic 10.0.0.1 fd00::1',
    '0a:00:00:00:00:01 dynamic',
  ])
    t.is(parseAddress(text).kind, 'dynamic', text);
  for (const text of [
    '',
    ' ',
    'Unknown',
    'dynamicx',
    'dynamic foo',
    '10.0.0.1',
    '0a:00:00:00:00',
    'x0a:00:00:00:00:01',
    '0a-00-00-00-00-01',
  ])
    t.is(parseAddress(text).kind, 'invalid', text);
  t.is(parseAddress('0A:00:00:00:00:01').kind, 'address');
});

test('no text makes the parser throw, and what it accepts is well-formed', (t) => {
  const alphabet = [
    '0',
    'a',
    'f',
    ':',
    '.',
    '/',
    ' ',
    '\t',
    '%',
    'dynamic',
    'unknown',
    '10.0.0.1',
    'fd00::',
    'é',
    '\0',
    '0a:00:00:00:00:01',
    '255',
    '-',
    '\u{1f600}',
    '\ud800',
  ];
  let state = 0x2545f491;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let i = 0; i < 50_000; i++) {
    const text = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join('');
    const parsed = parseAddress(text);
    if (parsed.kind !== 'address') continue;
    const { mac, ips } = parsed.address;
    const sound =
      mac.length === 6 &&
      ips.every((ip) => [4, 16].includes(ip.address.length) && ip.prefixLength <= ip.address.length * 8);
    if (!sound) t.fail(JSON.stringify(text));
  }
  t.pass();
});

test('VRRPv3 elements of port security, as ovn-controller reads them', (t) => {
  const read = (text: string) => {
    const parsed = parsePortSecurity(text);
    if (typeof parsed === 'string') return parsed;
    const { address } = parsed;
    const routers = address.vrrp.map(
      ({ mac, prefixLength }) => `${Buffer.from(mac).toString('hex')}/${prefixLength}`,
    );
    return [...(show(address) ?? []), ...routers].join(' ');
  };
  const mac = '00:00:00:00:10:01';
  const both = '00005e000100/40 00005e000200/40';
  t.is(read(`VRRPv3 ${mac}`), `000000001001 ${both}`);
  t.is(
    read(`VRRPv3 ${mac} 10.0.0.5/24 fd00::1`),
    `000000001001 0a000005/24 fd000000000000000000000000000001/128 ${both}`,
  );
  t.is(
    read(`VRRPv3 ${mac} 00:00:5e:00:01:05  10.0.0.5 00:00:5e:00:02:08/45 `),
    '000000001001 0a000005/32 00005e000105/48 00005e000208/45',
  );
  t.is(read(`VRRPv3 ${mac} 00:00:5e:00:01:00/ff:ff:ff:ff:ff:00`), '000000001001 00005e000100/40');
  t.is(read('0a:00:00:00:00:01 10.0.0.1'), '0a0000000001 0a000001/32', 'any other is read as before');
  const bad: [words: string, wrong: RegExp][] = [
    ['', /no MAC behind/],
    ['x', /no MAC behind/],
    [`${mac} 00:00:5e:00:01:00`, /00:00:5e:00:01:00 ends in 0/],
    [`${mac} 00:00:5e:00:02:00/48`, /ends in 0/],
    [`${mac} 00:00:5e:00:03:05`, /no MAC of a virtual router/],
    [`${mac} 00:00:5e:00:01:05/45`, /bits set beyond/],
    [`${mac} 00:00:5e:00:01:00/39`, /within 40\.\.48/],
    [`${mac} 00:00:5e:00:01:00/49`, /within 40\.\.48/],
    [`${mac} 00:00:5e:00:01:00/x`, /within 40\.\.48/],
    [`${mac} 00:00:5e:00:01:05 garbage`, /"garbage" is neither/],
    [`${mac} 10.0.0.1/33`, /"10\.0\.0\.1\/33" is neither/],
  ];
  for (const [words, wrong] of bad) t.regex(read(`VRRPv3 ${words}`), wrong, words);
  t.regex(read('VRRPv3'), /no MAC behind/);
});
