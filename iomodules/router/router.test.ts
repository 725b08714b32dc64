import test from 'ava';
import type { JsonObject } from '../builtin/module.js';
import { router_countersCodec } from '../gen/router.js';
import {
  arp,
  checksum,
  echo,
  ether,
  ip4,
  ipv4,
  ModuleLab,
  mac,
  number32,
  tcp,
  udp,
} from '../testing/index.js';
import { router } from './router.js';

const R = (port: number) => `82:73:8d:f3:62:0${port}`;
const HOST = (port: number) => `02:00:00:00:00:0${port}`;
const CONFIG: JsonObject = {
  interfaces: [1, 2, 3].map((n) => ({
    name: `p${n}`,
    ip: `10.0.${n}.1`,
    netmask: '255.255.255.0',
    mac: R(n),
  })),
  static_routes: [
    { network: '0.0.0.0', netmask: '0.0.0.0', interface: 'p3', next_hop: '10.0.3.254' },
    { network: '192.168.0.0', netmask: '255.255.0.0', interface: 'p2', next_hop: '10.0.2.2' },
    { network: '192.168.7.0', netmask: 24, interface: 'p3', next_hop: '0' },
  ],
  arp_entries: [
    { ip: '10.0.2.100', mac: HOST(2) },
    { ip: '10.0.2.2', mac: HOST(4) },
    { ip: '10.0.3.254', mac: HOST(5) },
    { ip: '192.168.7.7', mac: HOST(6) },
  ],
};
const open = (t: { teardown(work: () => void): void }, config = CONFIG) => {
  const lab = ModuleLab.open(t, router, config);
  return lab;
};
const packet = (
  dst: string,
  options: { ttl?: number; fragment?: number; src?: string; payload?: Buffer; proto?: number } = {},
) =>
  ether(
    { src: HOST(1), dst: R(1), type: 0x0800 },
    ipv4({ src: '10.0.1.100', dst, proto: 17, ...options }, options.payload ?? udp(1000, 2000)),
  );
const ask = (from: number, target: string, spa = `10.0.${from}.100`) =>
  ether(
    { src: HOST(from), dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 },
    arp({ sha: HOST(from), spa, tpa: target }),
  );
const answer = (from: number, spa: string) =>
  ether(
    { src: HOST(from), dst: R(from), type: 0x0806 },
    arp({ op: 2, sha: HOST(from), spa, tha: R(from), tpa: `10.0.${from}.1` }),
  );
const sumIsRight = (frame: Buffer) => checksum(frame.subarray(14, 34)) === 0;

for (const [dst, port, to] of [
  ['10.0.2.100', 2, HOST(2)],
  ['192.168.1.1', 2, HOST(4)],
  ['192.168.7.7', 3, HOST(6)],
  ['8.8.8.8', 3, HOST(5)],
] as const)
  test(`${dst} leaves by port ${port}, for ${to}, one hop older`, (t) => {
    const lab = open(t);
    const verdict = lab.run(packet(dst), 1);
    t.like(verdict, { action: 'forward', port });
    t.deepEqual(verdict.data.subarray(0, 12), Buffer.concat([mac(to), mac(R(port))]));
    t.is(verdict.data[22], 63);
    t.true(sumIsRight(verdict.data));
    t.deepEqual(verdict.data.subarray(26), packet(dst).subarray(26), 'all else is as it was');
    t.is(router_countersCodec.decode(lab.map('counters').lookup(number32(port))!).packets, 1n);
  });

test('fragments and options are forwarded as they are', (t) => {
  const lab = open(t);
  for (const fragment of [0x2000, 0x2010, 0x0010])
    t.like(lab.run(packet('10.0.2.100', { fragment }), 1), { action: 'forward', port: 2 });
});

for (const dst of ['10.0.1.1', '10.0.3.1'])
  test(`an echo request for ${dst} is answered, whichever port that is`, (t) => {
    const request = packet(dst, { proto: 1, payload: echo(7), ttl: 1 });
    const verdict = open(t).run(request, 1);
    t.like(verdict, { action: 'forward', port: 1 });
    const reply = Buffer.from(echo(7));
    reply[0] = 0;
    reply.writeUInt16BE(0, 2);
    reply.writeUInt16BE(checksum(reply), 2);
    const wanted = ether(
      { src: R(1), dst: HOST(1), type: 0x0800 },
      ipv4({ src: dst, dst: '10.0.1.100', proto: 1 }, reply),
    );
    t.deepEqual(verdict.data, wanted);
  });

test('ARP requests for the address of the port are answered, and the asker is known', (t) => {
  const lab = open(t);
  const verdict = lab.run(ask(1, '10.0.1.1'), 1);
  t.like(verdict, { action: 'forward', port: 1 });
  t.deepEqual(
    verdict.data.subarray(0, 42),
    ether(
      { src: R(1), dst: HOST(1), type: 0x0806 },
      arp({ op: 2, sha: R(1), spa: '10.0.1.1', tha: HOST(1), tpa: '10.0.1.100' }),
    ),
  );
  const back = ether(
    { src: HOST(2), dst: R(2), type: 0x0800 },
    ipv4({ src: '10.0.2.100', dst: '10.0.1.100', proto: 17 }, udp(1, 2)),
  );
  t.deepEqual(lab.run(back, 2).data.subarray(0, 6), mac(HOST(1)));
});

for (const [what, frame, port, reason] of [
  ['ARP for another', ask(1, '10.0.1.9'), 1, 'NOT_FOR_US'],
  ['ARP that claims an address of the router', ask(1, '10.0.1.1', '10.0.2.1'), 1, 'POLICY'],
  ['ARP cut short', ask(1, '10.0.1.1').subarray(0, 40), 1, 'MALFORMED'],
  ['a port without configuration', packet('10.0.2.100'), 4, 'NOT_FOR_US'],
  ['a frame for another device', packet('10.0.2.100'), 2, 'NOT_FOR_US'],
  ['a broadcast', packet('255.255.255.255'), 1, 'NOT_FOR_US'],
  ['multicast', packet('224.0.0.5'), 1, 'NOT_FOR_US'],
  ['the broadcast address of a network', packet('10.0.2.255'), 1, 'NOT_FOR_US'],
  ['the address of a network', packet('10.0.2.0'), 1, 'NOT_FOR_US'],
  ['a service of the router', packet('10.0.1.1'), 1, 'NOT_FOR_US'],
  [
    'a large ping of the router',
    packet('10.0.1.1', { proto: 1, payload: echo(), fragment: 0x2000 }),
    1,
    'UNSUPPORTED',
  ],
  ['a loopback source', packet('10.0.2.100', { src: '127.0.0.1' }), 1, 'MALFORMED'],
  ['a source that is the router', packet('10.0.2.100', { src: '10.0.2.1' }), 1, 'MALFORMED'],
  ['a packet cut short', packet('10.0.2.100').subarray(0, 50), 1, 'MALFORMED'],
  ['IPv6', ether({ src: HOST(1), dst: R(1), type: 0x86dd }, Buffer.alloc(60)), 1, 'UNSUPPORTED'],
  ['a VLAN', ether({ src: HOST(1), dst: R(1), type: 0x0800, vlan: 3 }, Buffer.alloc(60)), 1, 'UNSUPPORTED'],
] as const)
  test(`dropped: ${what}`, (t) => void t.like(open(t).run(frame, port), { action: 'drop', reason }));

test('a packet for an unknown neighbour waits, and goes on as if it came in again', (t) => {
  const lab = open(t);
  const frame = packet('10.0.2.7');
  t.like(lab.run(frame, 1), { action: 'controller', taken: true });
  lab.run(packet('10.0.2.7', { payload: udp(7, 8) }), 1);
  t.is(lab.sent.length, 1, 'asked once');
  t.like(lab.sent[0], { sense: 'egress', port: 2 });
  t.deepEqual(
    lab.sent[0]!.data.subarray(0, 42),
    ether(
      { src: R(2), dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 },
      arp({ sha: R(2), spa: '10.0.2.1', tpa: '10.0.2.7' }),
    ),
  );
  t.like(lab.run(answer(2, '10.0.2.7'), 2), { action: 'controller', taken: true });
  t.deepEqual(lab.sent[1], { sense: 'ingress', port: 1, data: frame });
  t.is(lab.sent.length, 3);
  const verdict = lab.run(frame, 1);
  t.like(verdict, { action: 'forward', port: 2 });
  t.deepEqual(verdict.data.subarray(0, 12), Buffer.concat([mac(HOST(2)), mac(R(2))]));
  t.is(verdict.data[22], 63);
});

test('of many packets for an unknown neighbour the last sixteen wait', (t) => {
  const lab = open(t);
  for (let i = 0; i < 20; i++) lab.run(packet('10.0.2.7', { payload: udp(i, 8) }), 1);
  lab.run(answer(2, '10.0.2.7'), 2);
  t.deepEqual(
    lab.sent.slice(1).map(({ data }) => data.readUInt16BE(34)),
    Array.from({ length: 16 }, (_, i) => i + 4),
  );
});

test('a checksum that was left to the device is completed', (t) => {
  const lab = open(t);
  const segment = tcp(1, 2, Buffer.from('odd'));
  const pseudo = Buffer.concat([
    Buffer.from([10, 0, 1, 100, 10, 0, 2, 7, 0, 6, 0, segment.length]),
    Buffer.alloc(0),
  ]);
  segment.writeUInt16BE(~checksum(pseudo) & 0xffff, 16);
  lab.run(packet('10.0.2.7', { proto: 6, payload: segment }), 1);
  lab.run(answer(2, '10.0.2.7'), 2);
  t.is(checksum(Buffer.concat([pseudo, lab.sent[1]!.data.subarray(34)])), 0);
});

test('a neighbour that never answers: asked three times, then the senders hear of it', async (t) => {
  const lab = open(t);
  const frame = packet('10.0.2.7');
  lab.run(frame, 1);
  const alive = setInterval(() => {}, 100);
  while (lab.sent.length < 4) await new Promise(setImmediate);
  clearInterval(alive);
  t.deepEqual(
    lab.sent.map(({ sense, port }) => `${sense} ${port}`),
    ['egress 2', 'egress 2', 'egress 2', 'egress 1'],
  );
  t.deepEqual([...lab.sent[3]!.data.subarray(34, 36)], [3, 1]);
});

const noDefault = { interfaces: CONFIG.interfaces! };
for (const [what, config, frame, type, code] of [
  ['the last hop', CONFIG, packet('10.0.2.100', { ttl: 1 }), 11, 0],
  ['no route', noDefault, packet('8.8.8.8'), 3, 0],
] as const)
  test(`${what}: an ICMP error from the address of the port`, (t) => {
    const lab = open(t, config);
    t.like(lab.run(frame, 1), { action: 'controller', taken: true });
    const [{ sense, port, data } = t.fail() as never] = lab.sent;
    t.deepEqual([sense, port], ['egress', 1]);
    t.deepEqual(data.subarray(0, 14), ether({ src: R(1), dst: HOST(1), type: 0x0800 }, Buffer.alloc(0)));
    t.true(sumIsRight(data));
    t.deepEqual([data.readUInt32BE(26), data.readUInt32BE(30)], [ip4('10.0.1.1'), ip4('10.0.1.100')]);
    t.deepEqual([...data.subarray(34, 36)], [type, code]);
    t.is(checksum(data.subarray(34)), 0);
    t.deepEqual(data.subarray(42), frame.subarray(14));
  });

test('there are no errors about errors and later fragments, and at most 100 in a second', (t) => {
  const lab = open(t, noDefault);
  lab.run(packet('8.8.8.8', { fragment: 0x10 }), 1);
  lab.run(packet('8.8.8.8', { proto: 1, payload: Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }), 1);
  t.is(lab.sent.length, 0);
  lab.run(packet('8.8.8.8', { proto: 1, payload: echo() }), 1);
  t.is(lab.sent.length, 1);
  for (let i = 0; i < 1000; i++) lab.run(packet('8.8.8.8'), 1);
  t.true(lab.sent.length < 500);
});

test('what was learned is void when the interface changes, and when another one is linked', (t) => {
  const lab = open(t);
  lab.run(answer(2, '10.0.2.7'), 2);
  t.is(lab.run(packet('10.0.2.7'), 1).action, 'forward');
  lab.configure(CONFIG);
  t.is(lab.run(packet('10.0.2.7'), 1).action, 'forward', 'nothing has changed');
  lab.unlink(2);
  t.like(lab.run(packet('10.0.2.100'), 1), { action: 'forward', port: 3 }, 'the default route');
  lab.link(2, 'p2');
  t.is(lab.run(packet('10.0.2.7'), 1).action, 'controller');
});

test('10,000 routes', (t) => {
  const network = (i: number) => `172.${16 + (i >> 8)}.${i & 255}.0`;
  const static_routes = Array.from({ length: 10_000 }, (_, i) => ({
    network: network(i),
    netmask: '255.255.255.0',
    interface: i % 2 ? 'p2' : 'p3',
    next_hop: i % 2 ? '10.0.2.2' : '10.0.3.254',
  }));
  const lab = open(t, { ...CONFIG, static_routes });
  for (const i of [0, 1, 5000, 9999])
    t.like(lab.run(packet(network(i).replace(/0$/, '9')), 1), { action: 'forward', port: i % 2 ? 2 : 3 });
});

const [one] = CONFIG.interfaces as JsonObject[];
for (const [config, message] of [
  [{ interfaces: [{ ...one, netmask: '255.0.255.0' }] }, /^interfaces\[0\]\.netmask: a netmask/],
  [{ interfaces: [{ ...one, mac: 'ff:ff:ff:ff:ff:ff' }] }, /^interfaces\[0\]\.mac: .* one device/],
  [{ interfaces: [one!, one!] }, /^interfaces: each interface has a name/],
  [{ interfaces: [one!, { ...one, name: 'p2' }] }, /^interfaces: each interface has an address/],
  [
    { ...CONFIG, static_routes: [{ network: '1.0.0.0', netmask: 8, interface: 'px' }] },
    /^static_routes\[0\]\.interface/,
  ],
  [
    { ...CONFIG, static_routes: [{ network: '10.0.1.7', netmask: 24, interface: 'p1' }] },
    /^static_routes: one route/,
  ],
  [
    { ...CONFIG, static_routes: [{ network: '1.0.0.0', netmask: 8, interface: 'p1', next_hop: 'x' }] },
    /next_hop: an IPv4/,
  ],
  [{ ...CONFIG, arp_entries: [{ ip: '10.0.1.5' }] }, 'arp_entries[0].mac: a text is wanted; it is missing'],
] as [JsonObject, string | RegExp][])
  test(`${String(message)} is said of a wrong configuration, and nothing changes`, (t) => {
    const lab = open(t);
    t.throws(() => lab.configure(config), { name: 'ConfigError', message });
    t.is(lab.run(packet('10.0.2.100'), 1).action, 'forward');
  });
