import test from 'ava';
import { address, portIntent, switchIntent } from '../../testsupport/intents.js';
import { iov_security_flag as flag, iov_port_flag, iov_portCodec, iov_securityCodec } from '../abi.js';
import { Bench } from '../testsupport/bench.js';
import { eui64LinkLocal } from './ip.js';
import { elementSignature, inlineSecurity, type Range, rangeText, securityElements } from './security.js';

const MAC = '0a:00:00:00:00:01';
const RESTRICTED = flag.IOV_SEC_OUT_IP4 | flag.IOV_SEC_OUT_IP6;
const elements = (...texts: string[]) => securityElements(texts.map(address));
const texts = (ranges: Range[]) => ranges.map(rangeText);

test('a network when the host bits are zero, else the host and its subnet broadcast', (t) => {
  const [element] = elements(`${MAC} 10.0.1.0/24 10.0.2.5/24 10.0.3.3 0.0.0.0/0`);
  t.deepEqual(texts(element!.ingress), ['00000000/0', '0a000100/24', '0a000205/32', '0a000303/32']);
  t.deepEqual(texts(element!.egress), [
    '00000000/0',
    '0a000100/24',
    '0a000205/32',
    '0a0002ff/32',
    '0a000303/32',
  ]);
  t.is(element!.flags, flag.IOV_SEC_IP4 | RESTRICTED);
});

test('IPv6 likewise, without broadcasts', (t) => {
  const [element] = elements(`${MAC} fd00:1::/64 fd00:2::5/64 fd00:3::3`);
  t.deepEqual(texts(element!.ingress), [
    'fd000001000000000000000000000000/64',
    'fd000002000000000000000000000005/128',
    'fd000003000000000000000000000003/128',
  ]);
  t.deepEqual(element!.egress, element!.ingress);
  t.is(element!.flags, flag.IOV_SEC_IP6 | RESTRICTED);
});

test('a MAC alone allows any L3; rows with one MAC add up', (t) => {
  t.is(elements(MAC)[0]!.flags, flag.IOV_SEC_ANY);
  const both = elements(`${MAC} 10.0.0.1`, `${MAC} fd00::1`, '0a:00:00:00:00:02');
  t.is(both.length, 2);
  t.is(both[0]!.flags, flag.IOV_SEC_IP4 | flag.IOV_SEC_IP6 | RESTRICTED);
});

test('the order in which addresses are written makes no difference', (t) => {
  const [a] = elements(`${MAC} 10.0.0.1 10.0.0.2 fd00::1`);
  const [b] = elements(`${MAC} fd00::1 10.0.0.2 10.0.0.1 10.0.0.2`);
  t.is(elementSignature(a!), elementSignature(b!));
});

test('the link-local address of a MAC', (t) => {
  t.is(
    eui64LinkLocal(Buffer.from('0a0000000001', 'hex')).toString('hex'),
    'fe80000000000000080000fffe000001',
  );
});

test('inline: one MAC with at most one plain address a family', (t) => {
  const inline = inlineSecurity(elements(`${MAC} 10.0.0.1 fd00::1`));
  t.like(inline, {
    security_ip4: 0x0a000001,
    security_flags: flag.IOV_SEC_IP4 | flag.IOV_SEC_IP6 | RESTRICTED,
  });
  t.is(inline!.security_ip6.toString('hex'), 'fd000000000000000000000000000001');
  t.truthy(inlineSecurity(elements(MAC)));
  for (const no of [
    [],
    [`${MAC} 10.0.0.1 10.0.0.2`],
    [`${MAC} 10.0.0.0/24`],
    [`${MAC} 10.0.0.1/24`],
    [`${MAC} fd00::/64`],
    [MAC, '0a:00:00:00:00:02'],
    [MAC, `${MAC} 10.0.0.1`],
  ]) {
    t.is(inlineSecurity(elements(...no)), undefined, no.join());
  }
});

test('in the maps: inline in the port, or listed under an element of its own; enabled without an element: nothing', (t) => {
  const bench = new Bench();
  const flags = () => iov_portCodec.decode(bench.entry('iov_ports', 1)!).flags;
  const port = (...portSecurity: string[]) => {
    bench.put(portIntent('a', 's', 1, { local: true, portSecurity, portSecurityEnabled: true }));
    bench.settle();
  };
  bench.put(switchIntent('s', 5));
  port(`${MAC} 10.0.0.1`);
  t.is(flags() & iov_port_flag.IOV_PORT_SECURITY_ONE, iov_port_flag.IOV_PORT_SECURITY_ONE);
  t.is(bench.count('iov_security') + bench.count('iov_security_ip4'), 0);

  port(`${MAC} 10.0.0.0/24 10.0.1.1/24 fd00::1`);
  t.is(flags() & iov_port_flag.IOV_PORT_SECURITY_ONE, 0);
  t.is(bench.count('iov_security'), 1);
  t.is(bench.count('iov_security_ip4'), 2 + 3);
  t.is(bench.count('iov_security_ip6'), 1 + 1);
  const element = () => iov_securityCodec.decode([...bench.contents('iov_security').values()][0]!).element;
  const before = element();
  port(`${MAC} 10.0.1.1/24 fd00::1 10.0.0.0/24`);
  t.is(element(), before, 'the same contents: the same element');
  bench.put(portIntent('a', 's', 1, { local: true, portSecurity: [`${MAC} 10.0.0.0/25`] }));
  bench.compile();
  t.not(element(), before, 'other contents are written beside the old ones, not over them');

  port();
  t.is(flags() & iov_port_flag.IOV_PORT_SECURITY, iov_port_flag.IOV_PORT_SECURITY);
  t.is(flags() & iov_port_flag.IOV_PORT_SECURITY_ONE, 0);
  t.is(bench.count('iov_security') + bench.count('iov_security_ip4') + bench.count('iov_security_ip6'), 0);
});

test('VRRPv3: each virtual MAC has a row with the addresses of its family, the physical one allows nothing by itself', (t) => {
  const list = elements(`VRRPv3 ${MAC} 00:00:5e:00:01:04/47 00:00:5e:00:02:05 10.0.0.9/24 fd00::9`);
  const flags = Object.fromEntries(list.map((element) => [element.mac.toString('hex'), element.flags]));
  t.deepEqual(flags, {
    '0a0000000001': flag.IOV_SEC_PHYSICAL | flag.IOV_SEC_OUT_NOTHING,
    '00005e000104': flag.IOV_SEC_VRRP4 | flag.IOV_SEC_IP4 | flag.IOV_SEC_NO_NEIGHBOUR | flag.IOV_SEC_OUT_IP4,
    '00005e000105': flag.IOV_SEC_VRRP4 | flag.IOV_SEC_IP4 | flag.IOV_SEC_NO_NEIGHBOUR | flag.IOV_SEC_OUT_IP4,
    '00005e000205': flag.IOV_SEC_VRRP6 | flag.IOV_SEC_IP6 | flag.IOV_SEC_NO_NEIGHBOUR | flag.IOV_SEC_OUT_IP6,
  });
  t.deepEqual(texts(list[1]!.egress), ['0a000009/32', '0a0000ff/32']);
  t.deepEqual(texts(list[3]!.ingress), ['fd000000000000000000000000000009/128']);
  t.is(inlineSecurity(list), undefined);
  t.is(inlineSecurity(elements(`VRRPv3 00:00:5e:00:01:05 00:00:5e:00:01:05`)), undefined);
});

test('VRRPv3 beside elements with the same MACs: they add up', (t) => {
  const [physical, virtual] = elements(
    `${MAC} 10.0.0.1`,
    `VRRPv3 ${MAC} 00:00:5e:00:01:05`,
    '00:00:5e:00:01:05 10.0.0.2',
  );
  t.is(physical!.flags, flag.IOV_SEC_PHYSICAL | flag.IOV_SEC_IP4 | RESTRICTED);
  t.is(virtual!.flags, flag.IOV_SEC_VRRP4 | flag.IOV_SEC_ANY | flag.IOV_SEC_IP4 | RESTRICTED);
});

test('VRRPv3: 513 MACs in the maps share their lists, also after a restart', (t) => {
  const bench = new Bench();
  bench.put(switchIntent('s', 5));
  const all = `VRRPv3 ${MAC} 00:00:5e:00:01:00/40 00:00:5e:00:02:00/40`;
  const port = (text: string) => {
    const portSecurity = [`${MAC} 10.0.0.1`, text];
    bench.put(portIntent('a', 's', 1, { local: true, portSecurity }));
    bench.settle();
  };
  const numbers = (of = bench) =>
    new Set(
      [...of.contents('iov_security').values()].map((value) => iov_securityCodec.decode(value).element),
    );
  port(`${all} 10.0.0.9 fd00::9`);
  t.is(bench.count('iov_security'), 513);
  t.is(numbers().size, 3);
  t.is(bench.count('iov_security_ip4'), 4);
  t.is(bench.count('iov_security_ip6'), 2);
  const fresh = bench.restarted();
  fresh.compile();
  t.deepEqual(numbers(fresh), numbers());
  port(all);
  t.is(numbers().size, 2);
  t.is(bench.count('iov_security_ip4'), 2);
});
