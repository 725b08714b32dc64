import test, { type ExecutionContext } from 'ava';
import type { JsonObject } from '../builtin/module.js';
import {
  arp,
  checked,
  echo,
  ether,
  framed,
  icmpError,
  ipv4,
  ModuleLab,
  reasonOf,
  tcp,
  through,
  udp,
} from '../testing/index.js';
import { onetoonenat } from './onetoonenat.js';

const [INSIDE, OUTSIDE] = [1, 2];
const A = '10.0.1.1';
const B = '10.0.1.2';
const REMOTE = '10.10.1.1';
const PAIRS = [
  { internal_ip: A, external_ip: '130.192.1.1' },
  { internal_ip: B, external_ip: '130.192.1.2' },
];

function labOf(t: ExecutionContext, config: JsonObject = { nat_entries: PAIRS }): ModuleLab {
  return ModuleLab.open(t, onetoonenat, config, 2);
}

for (const [what, packet] of [
  ['TCP', (src: string, dst: string) => checked({ src, dst, proto: 6 }, tcp(1, 2, Buffer.from('abc')))],
  ['UDP', (src: string, dst: string) => checked({ src, dst, proto: 17 }, udp(1, 2, Buffer.from('abc')))],
  ['UDP without a checksum', (src: string, dst: string) => ipv4({ src, dst, proto: 17 }, udp(1, 2))],
  ['ICMP', (src: string, dst: string) => ipv4({ src, dst, proto: 1 }, echo())],
  ['GRE', (src: string, dst: string) => ipv4({ src, dst, proto: 47 }, Buffer.alloc(20))],
  ['a fragment', (src: string, dst: string) => ipv4({ src, dst, proto: 17, fragment: 9 }, Buffer.alloc(20))],
] as const)
  test(`${what}: the source of what leaves and the destination of what comes in are replaced`, (t) => {
    const lab = labOf(t);
    const { length } = packet(A, REMOTE);
    t.like(through(lab, packet(A, REMOTE), INSIDE), { port: OUTSIDE, src: '130.192.1.1', dst: REMOTE });
    t.like(through(lab, packet(B, REMOTE), INSIDE), { port: OUTSIDE, src: '130.192.1.2', dst: REMOTE });
    t.like(through(lab, packet(REMOTE, '130.192.1.2'), OUTSIDE), { port: INSIDE, src: REMOTE, dst: B });
    t.is(lab.run(framed(packet(A, REMOTE)), INSIDE).data.length, 14 + length);
  });

test('addresses that are in no pair go nowhere', (t) => {
  const lab = labOf(t);
  const packet = (src: string, dst: string) => ipv4({ src, dst, proto: 1 }, echo());
  t.is(reasonOf(lab, packet('10.0.1.3', REMOTE), INSIDE), 'NOT_FOR_US');
  t.is(reasonOf(lab, packet(REMOTE, '130.192.1.3'), OUTSIDE), 'NOT_FOR_US');
  t.is(reasonOf(lab, packet(REMOTE, A), OUTSIDE), 'NOT_FOR_US');
  t.is(reasonOf(lab, packet('130.192.1.1', REMOTE), INSIDE), 'NOT_FOR_US');
});

test('ICMP errors are about the packet as its sender knows it, both ways', (t) => {
  const lab = labOf(t);
  const out = lab
    .run(framed(checked({ src: A, dst: REMOTE, proto: 17 }, udp(1, 2))), INSIDE)
    .data.subarray(14);
  t.deepEqual(
    through(lab, ipv4({ src: '9.9.9.9', dst: '130.192.1.1', proto: 1 }, icmpError(11, out)), OUTSIDE),
    {
      port: INSIDE,
      src: '9.9.9.9',
      dst: A,
      inner: { src: A, sport: 1, dst: REMOTE, dport: 2 },
    },
  );
  const back = checked({ src: REMOTE, dst: A, proto: 17 }, udp(2, 1));
  t.deepEqual(through(lab, ipv4({ src: A, dst: REMOTE, proto: 1 }, icmpError(3, back)), INSIDE), {
    port: OUTSIDE,
    src: '130.192.1.1',
    dst: REMOTE,
    inner: { src: REMOTE, sport: 2, dst: '130.192.1.1', dport: 1 },
  });
});

test('ARP passes unchanged', (t) => {
  const lab = labOf(t);
  const frame = ether(
    { src: '02:00:00:00:00:01', dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 },
    arp({ sha: '02:00:00:00:00:01', spa: A, tpa: REMOTE }),
  );
  t.deepEqual(lab.run(frame, INSIDE), { action: 'forward', port: OUTSIDE, data: frame });
  t.deepEqual(lab.run(frame, OUTSIDE), { action: 'forward', port: INSIDE, data: frame });
});

test('pairs come and go', (t) => {
  const lab = labOf(t);
  lab.configure({ nat_entries: [{ internal_ip: A, external_ip: '130.192.1.9' }] });
  const packet = (src: string, dst: string) => ipv4({ src, dst, proto: 1 }, echo());
  t.like(through(lab, packet(A, REMOTE), INSIDE), { src: '130.192.1.9' });
  t.is(reasonOf(lab, packet(B, REMOTE), INSIDE), 'NOT_FOR_US');
  t.is(reasonOf(lab, packet(REMOTE, '130.192.1.1'), OUTSIDE), 'NOT_FOR_US');
});

for (const [config, message] of [
  [{ nat_entries: {} }, /^nat_entries: a list is wanted/],
  [{ nat_entries: [{ internal_ip: A }] }, /^nat_entries\[0\]\.external_ip: a text is wanted; it is missing/],
  [
    { nat_entries: [PAIRS[0]!, { internal_ip: B, external_ip: '130.192.1.1' }] },
    /^nat_entries\[1\]\.external_ip: 130\.192\.1\.1 is in another pair, too/,
  ],
  [
    { nat_entries: [PAIRS[0]!, { internal_ip: A, external_ip: '130.192.1.7' }] },
    /^nat_entries\[1\]\.internal_ip: 10\.0\.1\.1 is in another pair, too/,
  ],
] as [JsonObject, RegExp][])
  test(`${JSON.stringify(config)} is refused, and changes nothing`, (t) => {
    const lab = labOf(t);
    t.throws(() => lab.configure(config), { name: 'ConfigError', message });
    t.like(through(lab, ipv4({ src: B, dst: REMOTE, proto: 1 }, echo()), INSIDE), { src: '130.192.1.2' });
  });
