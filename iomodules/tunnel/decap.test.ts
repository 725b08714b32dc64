import test from 'ava';
import { iov_dest_kind as kind, iov_tunnel_flag as tunnelFlag } from '../gen/abi.js';
import {
  arp,
  Capture,
  checksum,
  encapsulated,
  ether,
  ipv4,
  ipv6,
  Lab,
  number32,
  type Outer,
  tcp,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
const under = vethPair();
lab.addSwitch(1, { key: 0x123, flood: 0x8000 });
const a = lab.addPort({ key: 7, addresses: [A] });
const b = lab.addPort({ key: 9, addresses: [B] });
test.after.always(() => lab.close());

// We are 192.0.2.1, the other chassis is 192.0.2.2.
const here: Omit<Outer, 'type'> = {
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};
const there = { srcMac: here.dstMac, dstMac: here.srcMac, src: here.dst, dst: here.src };
const VXLAN = 1;
lab.addTunnel(VXLAN, under.ifindex, { ...here, type: 'vxlan' }, { set: tunnelFlag.IOV_TUNNEL_EITHER });
lab.addTunnelDest(0x123, 9, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: 9 });
lab.addTunnelDest(0x123, 0x8000, { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 0x8000 });
lab.addGroup(1, 0x8000, { local: [a.number, b.number], remote: [VXLAN] });

const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000));
const frame = ether({ src: A, dst: B, type: 0x0800 }, packet);
const vxlan: Outer = { ...there, type: 'vxlan', sport: 50000, vni: (9 << 12) | 0x123 };
const geneve: Outer = { ...there, type: 'geneve', sport: 50000, vni: 0x123, ingress: 7, egress: 9 };

const frames: [string, Buffer][] = [
  ['IPv4', frame],
  [
    'IPv6',
    ether({ src: A, dst: B, type: 0x86dd }, ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 17 }, udp(1, 2))),
  ],
  ['ARP', ether({ src: A, dst: B, type: 0x0806 }, arp({ op: 2, sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' }))],
  ['an unknown ethertype', ether({ src: A, dst: B, type: 0x88b5 }, Buffer.alloc(46, 7))],
  ['a tagged IPv4 packet', ether({ src: A, dst: B, type: 0x0800, vlan: 5 }, packet)],
  [
    'a full frame',
    ether(
      { src: A, dst: B, type: 0x0800 },
      ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1, 2, Buffer.alloc(1400, 9))),
    ),
  ],
];
for (const [what, inner] of frames) {
  for (const outer of [vxlan, geneve]) {
    test.serial(`${what} out of ${outer.type}, to the byte`, (t) => {
      const verdict = lab.run(encapsulated(outer, inner), 'uplink');
      t.like(verdict, {
        action: 'redirect',
        port: b.number,
        scratch: { tunnel: VXLAN, in_port: 0, datapath: 1 },
      });
      t.deepEqual(verdict.packetOut, inner);
    });
  }
}

test.serial('what one chassis packs, another unpacks', (t) => {
  const peer = new Lab();
  t.teardown(() => peer.close());
  peer.addSwitch(4, { key: 0x123 });
  const sender = peer.addPort({ datapath: 4, key: 7 });
  for (const [i, type] of (['vxlan', 'geneve'] as const).entries()) {
    peer.addTunnel(i + 1, under.ifindex, { ...there, type });
    peer.addMac(4, B, { kind: kind.IOV_DEST_REMOTE, index: i + 1, egress_key: 9 });
    for (const [what, inner] of frames.filter(([name]) => !name.includes('tagged'))) {
      const { packetOut } = peer.run(inner, sender);
      const verdict = lab.run(packetOut, 'uplink');
      t.is(verdict.port, b.number, what);
      t.deepEqual(verdict.packetOut, inner, what);
    }
  }
});

test.serial('a frame below the Ethernet minimum is padded to it', (t) => {
  const short = ether({ src: A, dst: B, type: 0x88b5 }, Buffer.alloc(3, 7));
  const { packetOut, action } = lab.run(encapsulated(vxlan, short), 'uplink');
  t.is(action, 'redirect');
  t.deepEqual(packetOut, Buffer.concat([short, Buffer.alloc(60 - short.length)]));
});

test.serial('what is behind the outer packet does not become part of the frame', (t) => {
  const padded = Buffer.concat([encapsulated(vxlan, frame), Buffer.alloc(9, 0xee)]);
  t.deepEqual(lab.run(padded, 'uplink').packetOut, frame);
});

test.serial('a group goes to the local members, and never back to another chassis', (t) => {
  const [first, second, wire] = [
    new Capture(a.peerIfindex),
    new Capture(b.peerIfindex),
    new Capture(under.peerIfindex),
  ];
  const broadcast = ether(
    { src: '02:00:00:00:00:03', dst: ALL, type: 0x0806 },
    arp({ sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' }),
  );
  const outers: Outer[] = [
    { ...vxlan, vni: (0x800 << 12) | 0x123 },
    { ...geneve, egress: 0x8000 },
  ];
  for (const outer of outers) {
    t.like(lab.run(encapsulated(outer, broadcast), 'uplink'), {
      action: 'flood',
      scratch: { copies: 2, in_port: 0 },
    });
    t.deepEqual(first.waiting(), [broadcast]);
    t.deepEqual(second.waiting(), [broadcast]);
    t.deepEqual(wire.waiting(), []);
  }
});

test.serial(
  'a port on several chassis hears nothing of its own from another one, as far as the tunnel says whose it is',
  (t) => {
    lab.addTunnelDest(0x123, 7, { kind: kind.IOV_DEST_LOCAL, index: a.number, egress_key: 7 });
    t.teardown(() => lab.maps.iov_tunnel_dests.delete(Buffer.from([0x23, 1, 0, 0, 7, 0, 0, 0])));
    const [twin, other] = [new Capture(a.peerIfindex), new Capture(b.peerIfindex)];
    const broadcast = ether({ src: A, dst: ALL, type: 0x88b5 }, Buffer.alloc(46, 7));
    const flood = { ...geneve, egress: 0x8000 };
    t.like(lab.run(encapsulated(flood, broadcast), 'uplink'), { action: 'flood', scratch: { copies: 1 } });
    t.deepEqual(twin.waiting(), []);
    t.deepEqual(other.waiting(), [broadcast]);
    t.like(lab.run(encapsulated({ ...flood, ingress: 9 }, broadcast), 'uplink'), { scratch: { copies: 1 } });
    t.deepEqual(twin.waiting(), [broadcast]);
    t.deepEqual(other.waiting(), []);
    t.like(
      lab.run(encapsulated({ ...flood, type: 'vxlan', vni: (0x800 << 12) | 0x123 }, broadcast), 'uplink'),
      {
        scratch: { copies: 2 },
      },
    );
    const toItself = ether({ src: A, dst: A, type: 0x88b5 }, Buffer.alloc(46, 7));
    t.like(lab.run(encapsulated({ ...geneve, egress: 7 }, toItself), 'uplink'), {
      action: 'drop',
      reason: 'same_port',
    });
    t.like(lab.run(encapsulated({ ...geneve, ingress: 9, egress: 7 }, toItself), 'uplink'), {
      port: a.number,
    });
  },
);

test.serial('the receiver is checked, the sender is not', (t) => {
  const secured = lab.addPort({ security: [`${B} 10.0.0.2`] });
  lab.addTunnelDest(0x123, 11, { kind: kind.IOV_DEST_LOCAL, index: secured.number, egress_key: 11 });
  t.teardown(() => lab.maps.iov_tunnel_dests.delete(Buffer.from([0x23, 1, 0, 0, 11, 0, 0, 0])));
  const outer = { ...geneve, egress: 11 };
  t.like(lab.run(encapsulated(outer, frame), 'uplink'), { action: 'redirect', port: secured.number });
  const other = ether(
    { src: A, dst: B, type: 0x0800 },
    ipv4({ src: '10.0.0.1', dst: '10.0.0.3', proto: 6 }, tcp(1, 2)),
  );
  const verdict = lab.run(encapsulated(outer, other), 'uplink');
  t.like(verdict, { action: 'drop', reason: 'portsec_out_ip4' });
  t.is(lab.portDrops(secured, verdict.scratch.drop), 1n);
});

test.serial('a malformed inner packet', (t) => {
  const lying = Buffer.from(frame).fill(0xff, 16, 18); // IPv4 total length
  t.like(lab.run(encapsulated(vxlan, lying), 'uplink'), { action: 'drop', reason: 'malformed' });
});

test.serial('the tunnel counts what it delivers, without the outer header', (t) => {
  const before = lab.tunnelCounters(VXLAN);
  lab.run(encapsulated(geneve, frame), 'uplink');
  const after = lab.tunnelCounters(VXLAN);
  t.is(after.rx_packets, before.rx_packets + 1n);
  t.is(after.rx_bytes, before.rx_bytes + BigInt(frame.length));
});

/** Changes bytes of a tunnel packet and makes its IPv4 checksum right again. */
function changed(outer: Outer, edits: Record<number, number>, inner = frame): Buffer {
  const bytes = encapsulated(outer, inner);
  for (const [offset, value] of Object.entries(edits)) bytes[Number(offset)] = value;
  bytes.writeUInt16BE(0, 24);
  bytes.writeUInt16BE(checksum(bytes.subarray(14, 34)), 24);
  return bytes;
}
const withOptions = Buffer.concat([
  encapsulated(vxlan, frame).subarray(0, 34),
  Buffer.from([1, 1, 1, 0]),
  encapsulated(vxlan, frame).subarray(34),
]);
withOptions[14] = 0x46;

const foreign: [string, Buffer][] = [
  ['TCP', changed(vxlan, { 23: 6 })],
  ['another UDP port', changed(vxlan, { 37: 0 })],
  ['another destination address', changed(vxlan, { 33: 77 })],
  ['a later fragment', changed(vxlan, { 20: 0, 21: 5 })],
  [
    'IPv6',
    ether({ src: A, dst: B, type: 0x86dd }, ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 17 }, udp(1, 4789))),
  ],
  ['ARP', ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha: A, spa: '192.0.2.2', tpa: '192.0.2.1' }))],
  [
    'a tagged tunnel packet',
    ether({ src: A, dst: B, type: 0x0800, vlan: 5 }, encapsulated(vxlan, frame).subarray(14)),
  ],
];
for (const [what, bytes] of foreign) {
  test.serial(`left to the host: ${what}`, (t) => {
    const verdict = lab.run(bytes, 'uplink');
    t.is(verdict.action, 'pass');
    t.deepEqual(verdict.packetOut, bytes, 'untouched');
  });
}

const refused: [string, Buffer, string][] = [
  ['a source that is no chassis', changed(vxlan, { 29: 77 }), 'tunnel_source'],
  ['another datapath key', changed(vxlan, { 48: 0x24 }), 'tunnel_key'],
  ['another egress key', encapsulated({ ...geneve, egress: 10 }, frame), 'tunnel_key'],
  [
    'the group of a datapath that is not here',
    encapsulated({ ...geneve, vni: 5, egress: 0x8000 }, frame),
    'tunnel_key',
  ],
  ['IP options', withOptions, 'tunnel_malformed'],
  ['a first fragment', changed(vxlan, { 20: 0x20 }), 'tunnel_fragment'],
  ['a wrong IPv4 checksum', encapsulated(vxlan, frame).fill(1, 22, 23), 'tunnel_malformed'],
  ['a total length beyond the frame', changed(vxlan, { 17: 0xff }), 'tunnel_malformed'],
  ['a UDP length beyond the packet', changed(vxlan, { 39: 0xff }), 'tunnel_malformed'],
  ['a UDP length short of the packet', changed(vxlan, { 39: 40 }), 'tunnel_malformed'],
  ['VXLAN without the I flag', changed(vxlan, { 42: 0 }), 'tunnel_malformed'],
  ['VXLAN with another flag', changed(vxlan, { 42: 0x0c }), 'tunnel_malformed'],
  ['VXLAN with reserved bits', changed(vxlan, { 49: 1 }), 'tunnel_malformed'],
  ['Geneve of another version', changed(geneve, { 42: 0x42 }), 'tunnel_malformed'],
  ['Geneve without options', changed(geneve, { 42: 0 }), 'tunnel_malformed'],
  ['Geneve with more options', changed(geneve, { 42: 3 }), 'tunnel_malformed'],
  ['a Geneve control packet', changed(geneve, { 43: 0xc0 }), 'tunnel_malformed'],
  ['Geneve around something else than Ethernet', changed(geneve, { 44: 0x08, 45: 0 }), 'tunnel_malformed'],
  ['a Geneve option of another class', changed(geneve, { 51: 3 }), 'tunnel_malformed'],
  ['a Geneve option of another type', changed(geneve, { 52: 0x81 }), 'tunnel_malformed'],
  ['a Geneve option of another length', changed(geneve, { 53: 2 }), 'tunnel_malformed'],
  ['a Geneve option with its first bit set', changed(geneve, { 54: 0x80 }), 'tunnel_malformed'],
];
for (const [what, bytes, reason] of refused) {
  test.serial(`refused: ${what}: ${reason}`, (t) => {
    t.like(lab.run(bytes, 'uplink'), { action: 'drop', reason });
  });
}

for (const outer of [vxlan, geneve]) {
  test.serial(`${outer.type} cut at any length is counted and not delivered`, (t) => {
    const whole = encapsulated(outer, frame);
    // Shorter ones the kernel does not take for a test packet; where UDP is cut nobody can tell what it was.
    for (let length = 34; length < whole.length; length++) {
      const verdict = lab.run(whole.subarray(0, length), 'uplink');
      t.is(verdict.action, length < 42 ? 'pass' : 'drop', `${length} bytes`);
      if (length >= 42) t.is(verdict.reason, 'tunnel_malformed');
    }
  });

  test.serial(`${outer.type}: an inner frame cut at any length is not read beyond its end`, (t) => {
    for (let length = 1; length < frame.length; length++) {
      const { action, reason } = lab.run(encapsulated(outer, frame.subarray(0, length)), 'uplink');
      t.is(action, 'drop', `${length} bytes`);
      t.is(reason, length < 14 ? 'tunnel_malformed' : 'malformed', `${length} bytes`);
    }
  });
}

for (const spoken of ['vxlan', 'geneve'] as const) {
  for (const ip of [here, { ...here, src: '2001:db8::1', dst: '2001:db8::2' }]) {
    test.serial(`the other encapsulation than ${spoken}, from ${ip.dst}: not from that chassis`, (t) => {
      const tunnel = { ...ip, type: spoken };
      const row = lab.maps.iov_tunnels.lookup(number32(VXLAN))!;
      t.teardown(() => lab.maps.iov_tunnels.update(number32(VXLAN), row));
      lab.addTunnel(VXLAN, under.ifindex, tunnel);
      const before = lab.tunnelCounters(VXLAN);
      for (const outer of [vxlan, geneve]) {
        const bytes = encapsulated({ ...outer, src: ip.dst, dst: ip.src }, frame);
        const expected =
          outer.type === spoken
            ? { action: 'redirect' as const, port: b.number }
            : { action: 'drop' as const, reason: 'tunnel_type' };
        t.like(lab.run(bytes, 'uplink'), expected);
        // With both encapsulations at both ends, it may have chosen before it knew.
        lab.addTunnel(VXLAN, under.ifindex, tunnel, { set: tunnelFlag.IOV_TUNNEL_EITHER });
        t.like(lab.run(bytes, 'uplink'), { action: 'redirect', port: b.number });
        lab.addTunnel(VXLAN, under.ifindex, tunnel);
      }
      t.is(lab.tunnelCounters(VXLAN).rx_drops, before.rx_drops + 1n, 'counted at the chassis');
    });
  }
}

/** Numbers below `n` from a seed, the same in every run (Park and Miller). */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 48271) % 0x7fffffff;
    return state % n;
  };
}

/** Does the packet still say the same, whatever changed? Fields that a receiver must not look at may differ. */
function equivalent(type: Outer['type'], bytes: Buffer, original: Buffer): boolean {
  const copy = Buffer.from(bytes);
  for (const [from, to] of [
    [0, 12],
    [34, 36],
    [40, 42],
  ] as const)
    original.copy(copy, from, from, to);
  if (type === 'geneve') {
    copy[43] = (copy[43]! & 0x80) | 0x40; // critical options and reserved bits
    copy[49] = 0;
    copy[53] = copy[53]! & 0x1f;
    original.copy(copy, 54, 54, 56); // ingress key
    copy[54] = (bytes[54]! & 0x80) | original[54]!;
  }
  // Two changes may leave the checksum right; then type of service, identification or TTL differ at most.
  if (checksum(copy.subarray(14, 34)) === 0) for (const i of [15, 18, 19, 22, 24, 25]) copy[i] = original[i]!;
  return copy.equals(original);
}

/** Is one of the fields that make it a tunnel packet to us another now? Type, IHL and version, fragment, protocol, address, port. */
function foreignNow(bytes: Buffer, original: Buffer): boolean {
  return [12, 13, 14, 20, 21, 23, 30, 31, 32, 33, 36, 37].some((i) => bytes[i] !== original[i]);
}

for (const outer of [vxlan, geneve]) {
  test.serial(`${outer.type}: of 20000 random changes none is delivered that says something else`, (t) => {
    const next = random(20260804);
    const original = encapsulated(outer, frame);
    const headers = outer.type === 'vxlan' ? 50 : 58;
    const outcomes = { drop: 0, pass: 0, redirect: 0, flood: 0, answer: 0 };
    for (let round = 0; round < 20000; round++) {
      const bytes = Buffer.from(original);
      for (let change = next(4); change >= 0; change--) bytes[12 + next(headers - 12)] = next(256);
      const verdict = lab.run(bytes, 'uplink'); // throws when it ends uncounted
      outcomes[verdict.action]++;
      if (verdict.action === 'redirect' || verdict.action === 'flood')
        t.true(equivalent(outer.type, bytes, original), bytes.toString('hex'));
      if (verdict.action === 'pass') t.true(foreignNow(bytes, original), bytes.toString('hex'));
    }
    t.true(outcomes.drop > 5000, 'many are refused');
    t.true(outcomes.redirect > 100, 'some change nothing that counts');
  });
}
