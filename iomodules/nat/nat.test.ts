import test, { type ExecutionContext } from 'ava';
import type { JsonObject } from '../builtin/module.js';
import { nat_sessionCodec } from '../gen/nat.js';
import {
  arp,
  checked,
  checksum,
  dissect,
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
import { nat } from './nat.js';

const [INSIDE, OUTSIDE] = [1, 2];
const HOST = '10.0.0.5';
const OTHER = '10.0.0.6';
const REMOTE = '8.8.8.8';
const PUBLIC = '192.0.2.1';

function labOf(t: ExecutionContext, config: JsonObject = {}): ModuleLab {
  return ModuleLab.open(t, nat, { public_ip: PUBLIC, ...config }, 2);
}

const PAYLOAD = Buffer.from('abcdefghijklmnopqrstuvwxyz0');
const segment = (src: string, sport: number, dst: string, dport: number, flags = 0x10) => {
  const data = tcp(sport, dport, PAYLOAD);
  data[13] = flags;
  return checked({ src, dst, proto: 6 }, data);
};
const datagram = (src: string, sport: number, dst: string, dport: number) =>
  checked({ src, dst, proto: 17 }, udp(sport, dport, PAYLOAD));
const ping = (src: string, dst: string, id: number, type = 8) => {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0, id >>> 8, id & 255, 0, 1]), PAYLOAD]);
  message.writeUInt16BE(checksum(message), 2);
  return ipv4({ src, dst, proto: 1 }, message);
};

for (const [what, packet] of [
  ['TCP', segment],
  ['UDP', datagram],
] as const)
  test(`the first packet of a ${what} session leaves with the public address, and the answer comes back`, (t) => {
    const lab = labOf(t);
    const out = through(lab, packet(HOST, 4000, REMOTE, 80), INSIDE);
    t.deepEqual(out, { port: OUTSIDE, src: PUBLIC, sport: 4000, dst: REMOTE, dport: 80 });
    const back = through(lab, packet(REMOTE, 80, PUBLIC, 4000), OUTSIDE);
    t.deepEqual(back, { port: INSIDE, src: REMOTE, sport: 80, dst: HOST, dport: 4000 });
  });

test('an echo leaves with an id of its own, and the reply comes back with the old one', (t) => {
  const lab = labOf(t);
  t.like(through(lab, ping(HOST, REMOTE, 7777), INSIDE), { port: OUTSIDE, src: PUBLIC, id: 7777 });
  const other = through(lab, ping(OTHER, REMOTE, 7777), INSIDE);
  t.is(other.src, PUBLIC);
  t.not(other.id, 7777);
  t.like(through(lab, ping(REMOTE, PUBLIC, 7777, 0), OUTSIDE), { port: INSIDE, dst: HOST, id: 7777 });
  t.like(through(lab, ping(REMOTE, PUBLIC, other.id!, 0), OUTSIDE), { dst: OTHER, id: 7777 });
});

test('nobody outside can begin: other ports, other remote hosts, other protocols, echo requests', (t) => {
  const lab = labOf(t);
  through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE);
  through(lab, ping(HOST, REMOTE, 4000), INSIDE);
  for (const packet of [
    segment(REMOTE, 80, PUBLIC, 4001),
    segment(REMOTE, 81, PUBLIC, 4000),
    segment('8.8.4.4', 80, PUBLIC, 4000),
    datagram(REMOTE, 80, PUBLIC, 4000),
    segment(REMOTE, 80, HOST, 4000),
  ])
    t.is(reasonOf(lab, packet, OUTSIDE), 'NOT_FOR_US');
  t.is(reasonOf(lab, ping(REMOTE, PUBLIC, 4000, 8), OUTSIDE), 'UNSUPPORTED');
});

test('two hosts with the same port get different ones; a session keeps its port', (t) => {
  const lab = labOf(t, { port_range: { first: 4000, last: 4001 } });
  t.is(through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE).sport, 4000);
  t.is(through(lab, segment(OTHER, 4000, REMOTE, 80), INSIDE).sport, 4001);
  t.is(through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE).sport, 4000);
  t.is(through(lab, segment(OTHER, 4000, REMOTE, 80), INSIDE).sport, 4001);
  t.is(through(lab, segment(REMOTE, 80, PUBLIC, 4001), OUTSIDE).dst, OTHER);
  t.is(reasonOf(lab, segment('10.0.0.7', 9, REMOTE, 80), INSIDE), 'FULL');
  t.is(
    through(lab, segment('10.0.0.7', 9, REMOTE, 81), INSIDE).src,
    PUBLIC,
    'to another server all are free',
  );
  t.is(through(lab, datagram('10.0.0.7', 9, REMOTE, 80), INSIDE).src, PUBLIC, 'and of another protocol');
});

/** Makes all sessions older by so many seconds. */
function age(lab: ModuleLab, seconds: number): void {
  const sessions = lab.map('sessions');
  for (const [key, value] of [...sessions.entries()]) {
    const session = nat_sessionCodec.decode(value);
    const last = session.last - BigInt(seconds * 1e9);
    sessions.update(key, nat_sessionCodec.encode({ ...session, last }));
  }
}

for (const [what, packet] of [
  ['TCP', segment],
  ['UDP', datagram],
] as const)
  test(`a ${what} session that is idle too long ends, and its port is free`, (t) => {
    // Short: the machine may not be up for two hours.
    const lab = labOf(t, {
      port_range: { first: 4000, last: 4000 },
      idle_timeout: { tcp: 20, udp: 20, icmp: 20 },
    });
    through(lab, packet(HOST, 1, REMOTE, 80), INSIDE);
    age(lab, 15);
    t.is(reasonOf(lab, packet(OTHER, 1, REMOTE, 80), INSIDE), 'FULL');
    through(lab, packet(REMOTE, 80, PUBLIC, 4000), OUTSIDE);
    age(lab, 15);
    t.is(through(lab, packet(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, HOST, 'answers keep it alive');
    age(lab, 25);
    t.is(reasonOf(lab, packet(REMOTE, 80, PUBLIC, 4000), OUTSIDE), 'NOT_FOR_US');
    t.is(through(lab, packet(OTHER, 1, REMOTE, 80), INSIDE).sport, 4000);
    t.is(reasonOf(lab, packet(HOST, 1, REMOTE, 80), INSIDE), 'FULL');
    t.is(through(lab, packet(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, OTHER);
  });

test('after FIN or RST a session of TCP ends sooner', (t) => {
  const lab = labOf(t, { idle_timeout: { tcp: 1000, tcp_closing: 10 } });
  through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE);
  age(lab, 20);
  through(lab, segment(REMOTE, 80, PUBLIC, 4000, 0x11), OUTSIDE);
  age(lab, 5);
  t.is(through(lab, segment(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, HOST);
  age(lab, 11);
  t.is(reasonOf(lab, segment(REMOTE, 80, PUBLIC, 4000), OUTSIDE), 'NOT_FOR_US');
  through(lab, segment(HOST, 4000, REMOTE, 80, 2), INSIDE);
  age(lab, 20);
  t.is(through(lab, segment(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, HOST, 'SYN opens it again');
});

test('a session whose binding or entry the kernel threw away goes on with the same port', (t) => {
  const lab = labOf(t);
  through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE);
  for (const table of ['bindings', 'sessions']) {
    for (const key of [...lab.map(table).keys()]) lab.map(table).delete(key);
    t.is(through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE).sport, 4000);
    t.is(through(lab, segment(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, HOST);
  }
});

test('a session that ended and whose binding is gone begins anew with the same port', (t) => {
  const lab = labOf(t, { idle_timeout: { tcp: 20 } });
  through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE);
  for (const key of [...lab.map('bindings').keys()]) lab.map('bindings').delete(key);
  age(lab, 25);
  t.is(through(lab, segment(HOST, 4000, REMOTE, 80), INSIDE).sport, 4000);
  t.is(through(lab, segment(REMOTE, 80, PUBLIC, 4000), OUTSIDE).dst, HOST);
});

test('a checksum of UDP that is 0 stays 0, both ways; one that becomes 0 is 0xffff', (t) => {
  const lab = labOf(t);
  const none = (src: string, sport: number, dst: string, dport: number) =>
    ipv4({ src, dst, proto: 17 }, udp(sport, dport));
  for (const [packet, port] of [
    [none(HOST, 4000, REMOTE, 53), INSIDE],
    [none(REMOTE, 53, PUBLIC, 4000), OUTSIDE],
  ] as const) {
    const { data } = lab.run(framed(packet), port);
    t.is(data.readUInt16BE(14 + 20 + 6), 0);
  }
  // All payloads of two bytes: one of them makes it 0.
  const payload = Buffer.alloc(2);
  const translated = checked({ src: PUBLIC, dst: REMOTE, proto: 17 }, udp(4000, 53, payload));
  payload.writeUInt16BE(translated.readUInt16BE(26));
  const packet = checked({ src: HOST, dst: REMOTE, proto: 17 }, udp(4000, 53, payload));
  const { data } = lab.run(framed(packet), INSIDE);
  t.is(data.readUInt16BE(14 + 20 + 6), 0xffff);
});

for (const [what, packet, quoted] of [
  ['TCP', segment, 28],
  ['TCP', segment, 47],
  ['UDP', datagram, 28],
  ['UDP', datagram, 55],
] as const)
  for (const type of [3, 11, 12])
    test(`an ICMP error ${type} with ${quoted} bytes of a packet of a ${what} session reaches its sender`, (t) => {
      const lab = labOf(t, { port_range: { first: 5000, last: 5000 } });
      const out = lab.run(framed(packet(HOST, 4000, REMOTE, 80)), INSIDE).data.subarray(14);
      const error = ipv4({ src: '203.0.113.9', dst: PUBLIC, proto: 1 }, icmpError(type, out, quoted));
      t.deepEqual(through(lab, error, OUTSIDE), {
        port: INSIDE,
        src: '203.0.113.9',
        dst: HOST,
        inner: { src: HOST, sport: 4000, dst: REMOTE, dport: 80 },
      });
    });

test('an ICMP error about an echo reaches its sender, with its id', (t) => {
  const lab = labOf(t, { port_range: { first: 5000, last: 5000 } });
  const out = lab.run(framed(ping(HOST, REMOTE, 7)), INSIDE).data.subarray(14);
  t.is(dissect(framed(out)).id, 5000);
  const error = ipv4({ src: '203.0.113.9', dst: PUBLIC, proto: 1 }, icmpError(11, out));
  const inner = { src: HOST, dst: REMOTE, id: 7 };
  t.like(through(lab, error, OUTSIDE), { port: INSIDE, dst: HOST, inner });
});

test('an ICMP error of a host inside leaves as from the public address, about what was sent there', (t) => {
  const lab = labOf(t, { port_range: { first: 5000, last: 5000 } });
  through(lab, datagram(HOST, 4000, REMOTE, 53), INSIDE);
  const answer = lab.run(framed(datagram(REMOTE, 53, PUBLIC, 5000)), OUTSIDE).data.subarray(14);
  const error = ipv4({ src: HOST, dst: REMOTE, proto: 1 }, icmpError(3, answer));
  t.deepEqual(through(lab, error, INSIDE), {
    port: OUTSIDE,
    src: PUBLIC,
    dst: REMOTE,
    inner: { src: REMOTE, sport: 53, dst: PUBLIC, dport: 5000 },
  });
});

test('ICMP errors about what nobody sent are dropped, and begin no session', (t) => {
  const lab = labOf(t);
  const about = datagram(PUBLIC, 4000, REMOTE, 53);
  const error = (dst: string) => ipv4({ src: REMOTE, dst, proto: 1 }, icmpError(3, about));
  t.is(reasonOf(lab, error(PUBLIC), OUTSIDE), 'NOT_FOR_US');
  through(lab, datagram(HOST, 4000, REMOTE, 53), INSIDE);
  t.is(reasonOf(lab, error('192.0.2.77'), OUTSIDE), 'NOT_FOR_US');
  const cut = ipv4({ src: REMOTE, dst: PUBLIC, proto: 1 }, icmpError(3, about, 22));
  t.is(reasonOf(lab, cut, OUTSIDE), 'MALFORMED');
  t.is([...lab.map('sessions').keys()].length, 1);
});

const RULES = [
  { proto: 'tcp', public_port: 8080, ip: HOST, port: 80 },
  { proto: 'udp', public_port: 8080, ip: OTHER, port: 53 },
];

test('forwarded ports reach their hosts, whose answers leave from these ports', (t) => {
  const lab = labOf(t, { port_forwarding: RULES });
  t.like(through(lab, segment(REMOTE, 9, PUBLIC, 8080), OUTSIDE), { port: INSIDE, dst: HOST, dport: 80 });
  t.like(through(lab, segment(HOST, 80, REMOTE, 9), INSIDE), { port: OUTSIDE, src: PUBLIC, sport: 8080 });
  t.like(through(lab, datagram(REMOTE, 9, PUBLIC, 8080), OUTSIDE), { dst: OTHER, dport: 53 });
  t.like(through(lab, datagram(OTHER, 53, REMOTE, 9), INSIDE), { src: PUBLIC, sport: 8080 });
  t.not(through(lab, segment(OTHER, 8080, REMOTE, 9), INSIDE).sport, 8080, 'no session gets the port');
  const answer = lab.run(framed(datagram(OTHER, 53, REMOTE, 9)), INSIDE).data.subarray(14);
  const error = ipv4({ src: REMOTE, dst: PUBLIC, proto: 1 }, icmpError(3, answer, 28));
  t.like(through(lab, error, OUTSIDE), { dst: OTHER, inner: { src: OTHER, sport: 53 } });
  lab.configure({ public_ip: PUBLIC });
  t.is(reasonOf(lab, segment(REMOTE, 9, PUBLIC, 8080), OUTSIDE), 'NOT_FOR_US', 'a rule that went');
});

test('a host with a public address of its own is reached by it, with every protocol and port', (t) => {
  const own = '192.0.2.5';
  const lab = labOf(t, { static: [{ ip: HOST, public_ip: own }] });
  t.like(through(lab, segment(REMOTE, 9, own, 22), OUTSIDE), { port: INSIDE, dst: HOST, dport: 22 });
  t.like(through(lab, segment(HOST, 22, REMOTE, 9), INSIDE), { port: OUTSIDE, src: own, sport: 22 });
  t.like(through(lab, ping(REMOTE, own, 5, 8), OUTSIDE), { dst: HOST, id: 5 });
  t.like(through(lab, ping(HOST, REMOTE, 5, 0), INSIDE), { src: own, id: 5 });
  t.like(through(lab, ipv4({ src: HOST, dst: REMOTE, proto: 47 }, PAYLOAD), INSIDE), { src: own });
  const error = icmpError(3, datagram(own, 5, REMOTE, 53));
  t.like(through(lab, ipv4({ src: REMOTE, dst: own, proto: 1 }, error), OUTSIDE), {
    dst: HOST,
    inner: { src: HOST, sport: 5 },
  });
  t.is(reasonOf(lab, segment(REMOTE, 9, '192.0.2.6', 22), OUTSIDE), 'NOT_FOR_US');
});

test('fragments follow the first one, both ways', (t) => {
  const lab = labOf(t, { port_range: { first: 5000, last: 5000 } });
  const first = (src: string, sport: number, dst: string, dport: number) =>
    ipv4({ src, dst, proto: 17, fragment: 0x2000 }, udp(sport, dport, PAYLOAD));
  const later = (src: string, dst: string) => ipv4({ src, dst, proto: 17, fragment: 5 }, PAYLOAD);
  t.is(reasonOf(lab, later(HOST, REMOTE), INSIDE), 'UNSUPPORTED');
  t.like(through(lab, first(HOST, 4000, REMOTE, 53), INSIDE), { src: PUBLIC, sport: 5000 });
  const sent = lab.run(framed(later(HOST, REMOTE)), INSIDE).data;
  t.deepEqual(dissect(sent), { src: PUBLIC, dst: REMOTE });
  t.deepEqual(sent.subarray(34), PAYLOAD, 'nothing but the address changed');
  t.is(reasonOf(lab, later(REMOTE, PUBLIC), OUTSIDE), 'UNSUPPORTED');
  t.like(through(lab, first(REMOTE, 53, PUBLIC, 5000), OUTSIDE), { dst: HOST, dport: 4000 });
  t.deepEqual(through(lab, later(REMOTE, PUBLIC), OUTSIDE), { port: INSIDE, src: REMOTE, dst: HOST });
});

test('ARP and IPv6 pass; other protocols of IPv4, and everything before there is an address, do not', (t) => {
  const lab = labOf(t);
  const question = ether(
    { src: '02:00:00:00:00:01', dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 },
    arp({ sha: '02:00:00:00:00:01', spa: PUBLIC, tpa: REMOTE }),
  );
  const ipv6 = ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x86dd });
  for (const frame of [question, ipv6])
    for (const [port, to] of [
      [INSIDE, OUTSIDE],
      [OUTSIDE, INSIDE],
    ] as const)
      t.deepEqual(lab.run(frame, port), { action: 'forward', port: to, data: frame });
  t.is(reasonOf(lab, ipv4({ src: HOST, dst: REMOTE, proto: 47 }, PAYLOAD), INSIDE), 'UNSUPPORTED');
  t.is(reasonOf(lab, ipv4({ src: REMOTE, dst: PUBLIC, proto: 47 }, PAYLOAD), OUTSIDE), 'UNSUPPORTED');
  t.is(reasonOf(lab, ipv4({ src: HOST, dst: REMOTE, proto: 6 }, Buffer.alloc(3)), INSIDE), 'MALFORMED');
  t.is(reasonOf(lab, ipv4({ src: HOST, dst: REMOTE, proto: 1 }, echo()), INSIDE), 'forward');
  lab.configure({});
  t.is(reasonOf(lab, segment(HOST, 4000, REMOTE, 80), INSIDE), 'POLICY');
});

test('options of IP are no obstacle', (t) => {
  const lab = labOf(t);
  const options = Buffer.from([1, 1, 1, 0]);
  const packet = checked({ src: HOST, dst: REMOTE, proto: 6, options }, tcp(4000, 80, PAYLOAD));
  t.like(through(lab, packet, INSIDE), { src: PUBLIC, sport: 4000, dport: 80 });
});

for (const [config, message] of [
  [{ public_port_ip: '1.1.1.1' }, /^public_ip: a text is wanted; it is missing/],
  [{ public_ip: '0.0.0.0' }, /^public_ip: the address of the outside is wanted/],
  [
    { public_ip: PUBLIC, port_range: { first: 9, last: 8 } },
    /^port_range\.last: it must not be below first, 9/,
  ],
  [{ public_ip: PUBLIC, idle_timeout: { tpc: 8 } }, /^idle_timeout\.tpc: there is no such field/],
  [
    { public_ip: PUBLIC, port_forwarding: [RULES[0]!, { ...RULES[0]!, ip: OTHER }] },
    /^port_forwarding\[1\]\.public_port: tcp port 8080 is in another rule, too/,
  ],
  [
    { public_ip: PUBLIC, port_forwarding: [RULES[0]!, { ...RULES[0]!, public_port: 1 }] },
    /^port_forwarding\[1\]\.ip: tcp 10\.0\.0\.5:80 is in another rule, too/,
  ],
  [
    { public_ip: PUBLIC, static: [{ ip: HOST, public_ip: PUBLIC }] },
    /^static\[0\]\.public_ip: it is the address that all others share/,
  ],
  [
    {
      public_ip: PUBLIC,
      static: [
        { ip: HOST, public_ip: '192.0.2.5' },
        { ip: OTHER, public_ip: '192.0.2.5' },
      ],
    },
    /^static\[1\]\.public_ip: 192\.0\.2\.5 is in another entry, too/,
  ],
] as [JsonObject, RegExp][])
  test(`${JSON.stringify(config)} is refused, and changes nothing`, (t) => {
    const lab = labOf(t, { port_forwarding: RULES });
    t.throws(() => lab.configure(config), { name: 'ConfigError', message });
    t.is(through(lab, segment(REMOTE, 9, PUBLIC, 8080), OUTSIDE).dst, HOST);
  });

test('it has two ports', (t) => {
  t.is(nat.maxPorts, 2);
});
