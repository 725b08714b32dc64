import test, { type ExecutionContext } from 'ava';
import { ip4Text, netmask } from '../builtin/config.js';
import type { JsonObject } from '../builtin/module.js';
import {
  arp,
  checked,
  type DhcpMessage,
  dhcpFrame,
  dissect,
  ether,
  framed,
  ip4,
  ip4Bytes,
  ModuleLab,
  mac,
  readDhcpAnswer,
  udp,
} from '../testing/index.js';
import { dhcp } from './dhcp.js';
import { Leases } from './leases.js';
import { DhcpServer } from './server.js';

const SERVER = '192.168.1.250';
const SERVER_MAC = 'b6:87:f8:5a:40:23';
const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const CONFIG = {
  netmask: '255.255.255.0',
  addr_low: '192.168.1.100',
  addr_high: '192.168.1.150',
  dns: '8.8.8.8',
  router: '192.168.1.1',
  lease_time: 3600,
  server_ip: SERVER,
  server_mac: SERVER_MAC,
};
const [DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM] = [1, 2, 3, 4, 5, 6, 7, 8];
const address = (text: string) => ip4Bytes(ip4(text));

function labOf(t: ExecutionContext, config: JsonObject = CONFIG): ModuleLab {
  return ModuleLab.open(t, dhcp, config, 1);
}

/** The answer to a message, with the addresses that it goes to; undefined: none. */
function ask(lab: ModuleLab, message: DhcpMessage, to = {}) {
  const before = lab.sent.length;
  const verdict = lab.run(dhcpFrame(message, to), 1);
  if (verdict.action !== 'controller' || !verdict.taken)
    throw new Error(JSON.stringify({ ...verdict, data: 0 }));
  const [sent] = lab.sent.slice(before);
  return sent === undefined ? undefined : taken(sent.data);
}

function taken(frame: Buffer) {
  const hex = frame.toString('hex').replaceAll(/..(?=.)/g, '$&:');
  const { src, dst, sport, dport } = dissect(frame);
  return {
    ...readDhcpAnswer(frame.subarray(42)),
    dstMac: hex.slice(0, 17),
    srcMac: hex.slice(18, 35),
    src,
    dst,
    sport,
    dport,
  };
}

const selecting = (client: string, requested: string): DhcpMessage => ({
  type: REQUEST,
  mac: client,
  options: { 50: address(requested), 54: address(SERVER) },
});

/** DISCOVER and REQUEST. */
function lease(lab: ModuleLab, client: string): string {
  const { yiaddr } = ask(lab, { type: DISCOVER, mac: client })!;
  const answer = ask(lab, selecting(client, yiaddr))!;
  if (answer.type !== ACK) throw new Error(`type ${answer.type}`);
  return answer.yiaddr;
}

test('DISCOVER is offered an address, REQUEST gets it, with all that a host needs', (t) => {
  const lab = labOf(t);
  const offer = ask(lab, { type: DISCOVER, mac: A, xid: 7 })!;
  t.like(offer, { type: OFFER, xid: 7, mac: A, sport: 67, dport: 68, src: SERVER, srcMac: SERVER_MAC });
  const number = ip4(offer.yiaddr);
  t.true(number >= ip4('192.168.1.100') && number <= ip4('192.168.1.150'), offer.yiaddr);
  const ack = ask(lab, selecting(A, offer.yiaddr))!;
  t.like(ack, { type: ACK, yiaddr: offer.yiaddr, sport: 67 });
  const text = (option: number) => ip4Text(ack.options[option]!.readUInt32BE());
  t.is(ack.options[51]!.readUInt32BE(), 3600);
  t.is(ack.options[58]!.readUInt32BE(), 1800);
  t.is(ack.options[59]!.readUInt32BE(), 3150);
  t.deepEqual([1, 3, 6, 54].map(text), ['255.255.255.0', '192.168.1.1', '8.8.8.8', SERVER]);
});

test('answers go to the client alone, unless it says that it cannot hear that', (t) => {
  const lab = labOf(t);
  const alone = ask(lab, { type: DISCOVER, mac: A })!;
  t.like(alone, { dst: alone.yiaddr, dstMac: A });
  const all = { dst: '255.255.255.255', dstMac: 'ff:ff:ff:ff:ff:ff' };
  t.like(ask(lab, { type: DISCOVER, mac: A, broadcast: true }), all);
  const given = lease(lab, A);
  const renewal = { type: REQUEST, mac: A, ciaddr: given, broadcast: true };
  t.like(ask(lab, renewal, { dst: SERVER, dstMac: SERVER_MAC }), {
    type: ACK,
    ciaddr: given,
    dst: given,
    dstMac: A,
  });
  t.like(ask(lab, selecting(A, '10.0.0.1')), { type: NAK, yiaddr: '0.0.0.0', ...all });
});

test('each client has an address of its own, and keeps it: on DISCOVER, after RELEASE, with other links', (t) => {
  const lab = labOf(t);
  const [a, b] = [lease(lab, A), lease(lab, B)];
  t.not(a, b);
  t.is(lease(lab, A), a);
  ask(lab, { type: RELEASE, mac: A, ciaddr: a, options: { 54: address(SERVER) } }, { dst: SERVER });
  t.is(lease(lab, A), a);
  lab.unlink(1);
  lab.link(1, 'other');
  t.is(lease(lab, B), b);
  lab.configure({ ...CONFIG, lease_time: 60 });
  t.is(lease(lab, A), a);
  t.is(lease(labOf(t), A), a, 'a server that knows nothing of it gives the same');
});

test('the client identifier is who a client is, and is said again', (t) => {
  const lab = labOf(t);
  const options = { 61: Buffer.from('somebody') };
  const first = ask(lab, { type: DISCOVER, mac: A, options })!;
  t.deepEqual(first.options[61], options[61]);
  t.is(ask(lab, { type: DISCOVER, mac: B, options })!.yiaddr, first.yiaddr);
  t.not(ask(lab, { type: DISCOVER, mac: A })!.yiaddr, first.yiaddr);
});

test('a client gets the address that it wishes if it is free; another one with it is refused', (t) => {
  const lab = labOf(t);
  const wish = { 50: address('192.168.1.123') };
  t.is(ask(lab, { type: DISCOVER, mac: A, options: wish })!.yiaddr, '192.168.1.123');
  t.not(ask(lab, { type: DISCOVER, mac: B, options: wish })!.yiaddr, '192.168.1.123');
  t.is(ask(lab, { type: REQUEST, mac: B, options: wish })!.type, NAK, 'INIT-REBOOT');
  t.is(ask(lab, { type: REQUEST, mac: A, options: wish })!.type, ACK);
  t.is(ask(lab, { type: REQUEST, mac: B, ciaddr: '192.168.2.123' })!.type, NAK, 'of another network');
  t.is(ask(lab, selecting(B, '192.168.1.99'))!.type, NAK, 'not of the pool');
});

test('a REQUEST to another server frees what was offered; one that was declined is nobody’s', (t) => {
  const lab = labOf(t, { ...CONFIG, addr_high: '192.168.1.101' });
  const { yiaddr } = ask(lab, { type: DISCOVER, mac: A })!;
  const elsewhere = { 50: address('192.168.1.7'), 54: address('192.168.1.251') };
  t.is(ask(lab, { type: REQUEST, mac: A, options: elsewhere }), undefined);
  const wish = { 50: address(yiaddr) };
  t.is(ask(lab, { type: DISCOVER, mac: B, options: wish })!.yiaddr, yiaddr);
  t.is(ask(lab, selecting(B, yiaddr))!.type, ACK);
  t.is(ask(lab, { type: DECLINE, mac: B, options: { ...wish, 54: address(SERVER) } }), undefined);
  t.not(ask(lab, { type: DISCOVER, mac: B, options: wish })!.yiaddr, yiaddr);
  t.is(ask(lab, { type: DISCOVER, mac: A }), undefined, 'there is no other');
  t.is(ask(lab, selecting(A, yiaddr))!.type, NAK);
});

test('nobody releases or declines the address of another client', (t) => {
  const lab = labOf(t);
  const a = lease(lab, A);
  ask(lab, { type: RELEASE, mac: B, ciaddr: a });
  ask(lab, { type: DECLINE, mac: B, options: { 50: address(a) } });
  t.is(ask(lab, selecting(B, a))!.type, NAK);
});

test('INFORM is told about the network, and leases nothing', (t) => {
  const lab = labOf(t);
  const answer = ask(lab, { type: INFORM, mac: A, ciaddr: '192.168.1.9' })!;
  t.like(answer, { type: ACK, yiaddr: '0.0.0.0', ciaddr: '192.168.1.9', dst: '192.168.1.9', dstMac: A });
  t.is(answer.options[51], undefined);
  t.is(ip4Text(answer.options[6]!.readUInt32BE()), '8.8.8.8');
});

test('neither the server’s, the router’s, nor the network’s address is leased', (t) => {
  const lab = labOf(t, {
    ...CONFIG,
    netmask: 29,
    addr_low: '192.168.1.248',
    addr_high: '192.168.1.255',
    router: '192.168.1.249',
  });
  const clients = Array.from({ length: 4 }, (_, i) => `02:00:00:00:01:0${i}`);
  t.deepEqual(clients.map((client) => lease(lab, client)).sort(), [
    '192.168.1.251',
    '192.168.1.252',
    '192.168.1.253',
    '192.168.1.254',
  ]);
  t.is(ask(lab, { type: DISCOVER, mac: A }), undefined);
});

test('when all addresses are leased the one whose lease ended first goes to a new client', (t) => {
  let now = 0;
  const pool = { low: 1, high: 3, excluded: new Set([2]) };
  const leases = new Leases(pool, () => now);
  const [a, b] = [leases.offer('a', undefined, 100)!, leases.offer('b', undefined, 200)!];
  t.deepEqual([a, b].sort(), [1, 3]);
  t.is(leases.offer('c', undefined, 100), undefined);
  now = 100;
  t.is(leases.offer('c', b, 1000), a);
  t.false(leases.take('a', a, 100));
  now = 200;
  t.is(leases.offer('a', undefined, 100), b);
  t.is(leases.size, 2);
  leases.pool = { low: 1, high: 1, excluded: new Set() };
  t.is(leases.size, 1);
});

test('a lease of two clients’ race is one client’s', (t) => {
  const leases = new Leases({ low: 1, high: 9, excluded: new Set() }, () => 0);
  t.true(leases.take('a', 5, 100));
  t.false(leases.take('b', 5, 100));
  t.true(leases.take('a', 6, 100));
  t.true(leases.take('b', 5, 100), 'a has moved');
});

test('ARP requests for the server’s address are answered, others are not', (t) => {
  const lab = labOf(t);
  const question = (tpa: string, op = 1) =>
    ether({ src: A, dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 }, arp({ op, sha: A, spa: '192.168.1.9', tpa }));
  t.deepEqual(lab.run(question(SERVER), 1), {
    action: 'forward',
    port: 1,
    data: ether(
      { src: SERVER_MAC, dst: A, type: 0x0806 },
      arp({ op: 2, sha: SERVER_MAC, spa: SERVER, tha: A, tpa: '192.168.1.9' }),
    ),
  });
  for (const other of [question('192.168.1.1'), question(SERVER, 2)])
    t.like(lab.run(other, 1), { action: 'drop', reason: 'NOT_FOR_US' });
});

const discover = { type: DISCOVER, mac: A };
const inUdp = (sport: number, dport: number, op: number) => {
  const message = Buffer.alloc(300);
  message[0] = op;
  const frame = framed(
    checked({ src: '0.0.0.0', dst: '255.255.255.255', proto: 17 }, udp(sport, dport, message)),
  );
  frame.set(mac('ff:ff:ff:ff:ff:ff'));
  return frame;
};
for (const [what, frame] of [
  ['to another host', dhcpFrame(discover, { dstMac: B })],
  ['to another address', dhcpFrame(discover, { dst: '192.168.1.9' })],
  ['a reply', inUdp(68, 67, 2)],
  ['from another port', inUdp(1068, 67, 1)],
  ['to another port', inUdp(68, 69, 1)],
  ['IPv6', ether({ src: A, dst: SERVER_MAC, type: 0x86dd })],
] as const)
  test(`${what} does not reach the server`, (t) => {
    t.like(labOf(t).run(frame, 1), { action: 'drop', reason: 'NOT_FOR_US' });
  });

test('whatever is no message of DHCP is not answered', (t) => {
  const lab = labOf(t);
  const good = dhcpFrame(discover);
  const bad = [
    inUdp(68, 67, 1),
    good.subarray(0, 60),
    Buffer.from(good).fill(0, 42 + 236, 42 + 240), // cookie
    Buffer.from(good).fill(9, 42 + 1, 42 + 2), // hardware
    Buffer.from(good).fill(99, 42 + 242, 42 + 243), // type
    Buffer.from(good).fill(200, 42 + 241, 42 + 242), // length of an option
    Buffer.from(good).fill(10, 42 + 24, 42 + 28), // through a relay
  ];
  for (const frame of bad) lab.run(frame, 1);
  t.deepEqual(lab.sent, []);
  const server = new DhcpServer(
    {
      pool: { low: 1, high: 9, excluded: new Set() },
      netmask: netmask(24),
      dns: 0,
      router: 0,
      leaseTime: 1,
      serverIp: 0,
      serverMac: mac(A),
    },
    () => 0,
  );
  for (let length = 0; length < good.length; length++)
    t.notThrows(() => server.answer(good.subarray(0, length)));
});

test('without a configuration nothing is answered', (t) => {
  t.like(labOf(t, {}).run(dhcpFrame(discover), 1), { action: 'drop', reason: 'POLICY' });
});

for (const [change, message] of [
  [{ addr_low: '192.168.2.1' }, /^addr_low: it is not in the network of server_ip; not "192\.168\.2\.1"/],
  [{ addr_high: '192.168.1.99' }, /^addr_high: it must not be below addr_low/],
  [{ netmask: '255.0.0.0', addr_low: '192.0.0.1', addr_high: '192.9.0.1' }, /^addr_high: more than 65536/],
  [{ server_mac: '03:00:00:00:00:01' }, /^server_mac: it is a group’s/],
  [{ lease_time: 'long' }, /^lease_time: an integer from 1/],
  [{ dns: null }, /^dns: a text is wanted/],
  [{ gateway: '192.168.1.1' }, /^gateway: there is no such field/],
] as [JsonObject, RegExp][])
  test(`${JSON.stringify(change)} is refused, and changes nothing`, (t) => {
    const lab = labOf(t);
    t.throws(() => lab.configure({ ...CONFIG, ...change }), { name: 'ConfigError', message });
    t.is(ask(lab, discover)!.type, OFFER);
  });

test('it has one port', (t) => {
  t.is(dhcp.maxPorts, 1);
});
