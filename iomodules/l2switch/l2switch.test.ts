import test from 'ava';
import type { JsonObject } from '../builtin/module.js';
import { l2switch_configCodec, l2switch_learnedCodec, l2switch_macCodec } from '../gen/l2switch.js';
import { arp, ether, ipv4, ipv6, ModuleLab, number32 } from '../testing/index.js';
import { l2switch } from './l2switch.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const C = '02:00:00:00:00:03';
const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const frame = (src: string, dst: string) => ether({ src, dst, type: 0x88b5 });
const packet = (src: string, ip: string) =>
  ether(
    { src, dst: EVERYBODY, type: 0x0800 },
    ipv4({ src: ip, dst: '10.0.0.9', proto: 17 }, Buffer.alloc(26)),
  );

const open = (t: { teardown(work: () => void): void }, config: JsonObject = {}) => {
  const lab = ModuleLab.open(t, l2switch, config, 127);
  return lab;
};
const number = (mac: string) => BigInt(`0x${mac.replaceAll(':', '')}`);
const key = (mac: string) => l2switch_macCodec.encode({ mac: number(mac) });
const learned = (lab: ModuleLab, mac: string) => {
  const row = lab.map('learned').lookup(key(mac));
  return row === undefined ? undefined : l2switch_learnedCodec.decode(row);
};
/** As if the last packet of the MAC came some seconds ago. */
const age = (lab: ModuleLab, mac: string, seconds: number) => {
  const row = learned(lab, mac)!;
  const seen = row.seen - BigInt(seconds) * 1_000_000_000n;
  lab.map('learned').update(key(mac), l2switch_learnedCodec.encode({ ...row, seen }));
};

test('an unknown destination is flooded; once it has sent, it is known', (t) => {
  const lab = open(t);
  t.is(lab.run(frame(A, B), 1).action, 'flood');
  t.like(lab.run(frame(B, A), 127), { action: 'forward', port: 1, data: frame(B, A) });
  t.like(lab.run(frame(A, B), 1), { action: 'forward', port: 127 });
});

test('who moves is found at the new port', (t) => {
  const lab = open(t);
  lab.run(frame(A, EVERYBODY), 1);
  lab.run(frame(A, EVERYBODY), 3);
  t.like(lab.run(frame(B, A), 2), { action: 'forward', port: 3 });
});

for (const dst of [EVERYBODY, '01:00:5e:00:00:01', '33:33:00:00:00:01', '03:00:00:00:00:01'])
  test(`${dst} is a group: flooded`, (t) => {
    const lab = open(t);
    t.is(lab.run(frame(A, dst), 1).action, 'flood');
    t.is(lab.run(frame(A, dst), 1).action, 'flood');
  });

test('12:00:00:00:00:01 is one device, whatever the switch of 2016 thought', (t) => {
  const lab = open(t);
  lab.run(frame('12:00:00:00:00:01', EVERYBODY), 2);
  t.like(lab.run(frame(A, '12:00:00:00:00:01'), 1), { action: 'forward', port: 2 });
});

for (const src of ['01:00:00:00:00:01', EVERYBODY, '00:00:00:00:00:00'])
  test(`nobody sends from ${src}`, (t) =>
    void t.like(open(t).run(frame(src, B), 1), { action: 'drop', reason: 'MALFORMED' }));

test('what is where it came from goes nowhere', (t) => {
  const lab = open(t);
  lab.run(frame(A, EVERYBODY), 1);
  t.like(lab.run(frame(B, A), 1), { action: 'drop', reason: 'NOT_FOR_US' });
});

for (const [config, seconds, action] of [
  [{ ageing_time: 10 }, 8, 'forward'],
  [{ ageing_time: '10' }, 12, 'flood'],
  [{ ageing_time: 0 }, 12, 'forward'],
] as const)
  test(`${JSON.stringify(config)}: ${seconds} s after its last packet, ${action}`, (t) => {
    const lab = open(t, config);
    lab.run(frame(A, EVERYBODY), 1);
    age(lab, A, seconds);
    t.is(lab.run(frame(B, A), 2).action, action);
    t.is(learned(lab, A) === undefined, action === 'flood');
    age(lab, B, 5);
    const before = learned(lab, B)!.seen;
    lab.run(frame(B, A), 2);
    t.true(learned(lab, B)!.seen > before, 'every packet makes it young');
  });

test('devices age after 300 seconds where nothing else is said', (t) => {
  const row = open(t).map('config').lookup(number32(0))!;
  t.is(l2switch_configCodec.decode(row).ageing, 300_000_000_000n);
});

test('70,000 devices: the newest are known', (t) => {
  const lab = open(t);
  const macs = Array.from(
    { length: 70_000 },
    (_, i) =>
      `02:00:00:${i
        .toString(16)
        .padStart(6, '0')
        .replaceAll(/..(?=.)/g, '$&:')}`,
  );
  for (const mac of macs) lab.run(frame(mac, EVERYBODY), 2);
  for (const mac of macs.slice(-1000)) t.is(lab.run(frame(A, mac), 1).action, 'forward', mac);
});

test('a static entry holds whatever comes from elsewhere, and follows its link', (t) => {
  const lab = open(t, { forwarding_table: [{ port: 'p3', mac: B }] });
  lab.run(frame(B, EVERYBODY), 2);
  t.like(lab.run(frame(A, B), 1), { action: 'forward', port: 3 });
  lab.unlink(3);
  t.is(lab.run(frame(A, B), 1).action, 'flood', 'nothing has that name');
  lab.link(3, 'other');
  lab.link(7, 'p3');
  t.like(lab.run(frame(A, B), 1), { action: 'forward', port: 7 });
  lab.configure({});
  t.is(lab.run(frame(A, B), 1).action, 'flood');
});

test('what was learned at a port is forgotten with its link', (t) => {
  const lab = open(t);
  lab.run(frame(A, EVERYBODY), 1);
  lab.unlink(1);
  t.is(lab.run(frame(B, A), 2).action, 'flood');
  lab.run(frame(C, EVERYBODY), 3);
  lab.link(1, 'another');
  t.is(lab.run(frame(B, A), 2).action, 'flood');
  t.is(lab.run(frame(B, C), 2).action, 'forward', 'others stay known');
});

const SECURITY: JsonObject = {
  security: [
    { port: 'p1', mac: A, ip: '10.0.0.1' },
    { port: 'p2', mac: B },
  ],
};
const drop = { action: 'drop', reason: 'POLICY' };
const flood = { action: 'flood' };
const claim = (src: string, sha: string, spa: string) =>
  ether({ src, dst: EVERYBODY, type: 0x0806 }, arp({ sha, spa, tpa: '10.0.0.9' }));
for (const [what, port, sent, wanted] of [
  ['its own MAC and address', 1, packet(A, '10.0.0.1'), flood],
  ['another address', 1, packet(A, '10.0.0.2'), drop],
  ['no address', 1, packet(A, '0.0.0.0'), drop],
  ['another MAC', 1, packet(C, '10.0.0.1'), drop],
  ['ARP of its own', 1, claim(A, A, '10.0.0.1'), flood],
  ['ARP for another address', 1, claim(A, A, '10.0.0.2'), drop],
  ['ARP for another MAC', 1, claim(A, C, '10.0.0.1'), drop],
  ['an ARP probe', 1, claim(A, A, '0.0.0.0'), flood],
  ['ARP cut short', 1, claim(A, A, '10.0.0.1').subarray(0, 40), drop],
  ['IPv4 in a VLAN', 1, ether({ src: A, dst: B, type: 0x0800, vlan: 5 }, Buffer.alloc(46)), drop],
  [
    'IPv6',
    1,
    ether({ src: A, dst: EVERYBODY, type: 0x86dd }, ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 59 })),
    drop,
  ],
  ['any address, as only its MAC is given', 2, packet(B, '10.7.7.7'), flood],
  ['another MAC where only that is given', 2, packet(A, '10.7.7.7'), drop],
  ['ARP for another MAC where only that is given', 2, claim(B, A, '10.0.0.1'), drop],
  ['anything where there is no security', 3, packet(C, '10.0.0.1'), flood],
] as const)
  test(`port security: ${what}`, (t) => void t.like(open(t, SECURITY).run(sent, port), wanted));

test('port security: nothing leaves for a MAC that is not there', (t) => {
  const lab = open(t, {
    ...SECURITY,
    forwarding_table: [
      { port: 'p1', mac: C },
      { port: 'p1', mac: A },
    ],
  });
  t.like(lab.run(frame('02:00:00:00:00:09', C), 3), drop);
  t.like(lab.run(frame('02:00:00:00:00:09', A), 3), { action: 'forward', port: 1 });
});

test('port security: who was refused is not learned', (t) => {
  const lab = open(t, SECURITY);
  lab.run(packet(C, '10.0.0.1'), 1);
  t.is(learned(lab, C), undefined);
});

test('port security: several MACs and addresses a port; it goes when it is not configured any more', (t) => {
  const lab = open(t, {
    security: [
      { port: 'p1', mac: A, ip: '10.0.0.1' },
      { port: 'p1', mac: A, ip: '10.0.0.2' },
      { port: 'p1', mac: B },
      { port: 'p1', mac: B, ip: '10.0.0.3' },
    ],
  });
  for (const sent of [packet(A, '10.0.0.2'), packet(A, '10.0.0.1'), packet(B, '10.9.9.9')])
    t.is(lab.run(sent, 1).action, 'flood');
  t.like(lab.run(packet(A, '10.0.0.3'), 1), drop);
  lab.configure(SECURITY);
  t.like(lab.run(packet(B, '10.9.9.9'), 1), drop);
  lab.configure({});
  t.is(lab.run(packet(C, '10.9.9.9'), 1).action, 'flood');
});

for (const [config, message] of [
  [{ ageing_time: -1 }, /^ageing_time: an integer from 0/],
  [{ forwarding_table: {} }, 'forwarding_table: a list is wanted; not {}'],
  [
    {
      forwarding_table: [
        { port: 'p1', mac: A },
        { port: 'p1', mac: '02:00' },
      ],
    },
    /^forwarding_table\[1\]\.mac: a MAC/,
  ],
  [{ forwarding_table: [{ mac: A }] }, 'forwarding_table[0].port: a text is wanted; it is missing'],
  [{ security: [{ port: 'p1', mac: EVERYBODY }] }, /^security\[0\]\.mac: .* not of a group/],
  [{ security: [{ port: 'p1', mac: A, ip: '10.0.0' }] }, /^security\[0\]\.ip: an IPv4/],
  [{ security: [{ port: 'p1', mac: A, ips: '10.0.0.1' }] }, 'security[0].ips: there is no such field'],
] as const)
  test(`${JSON.stringify(config)} is refused, and nothing changes`, (t) => {
    const lab = open(t, SECURITY);
    t.throws(() => lab.configure(config as never), { name: 'ConfigError', message });
    t.like(lab.run(packet(A, '10.0.0.2'), 1), drop);
    t.is(lab.map('ports').lookup(number32(1))?.readUInt32LE(0), 1);
  });
