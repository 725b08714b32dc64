import { createHash } from 'node:crypto';
import test from 'ava';
import {
  iov_port_flag as flag,
  iov_event_kind,
  iov_rateCodec,
  iov_virtual_keyCodec,
  iov_dest_kind as kind,
} from './gen/abi.js';
import { type IovMapName, sharedMapNames } from './shared-maps.js';
import {
  arp,
  Capture,
  EventReader,
  encapsulated,
  ether,
  ip4,
  ip4Bytes,
  ipv4,
  Lab,
  type LabPort,
  nd,
  number32,
  type Outer,
  tcp,
  udp,
  vethPair,
} from './testing/index.js';
import { type TraceEvent, tracePacket } from './trace.js';

const ALL = 'ff:ff:ff:ff:ff:ff';
const macOf = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;

const lab = new Lab();
test.after.always(() => lab.close());
const told = new EventReader(lab.maps.iov_events);
const under = vethPair();
const here: Outer = {
  type: 'vxlan',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};
const there = { ...here, src: here.dst, dst: here.src, srcMac: here.dstMac, dstMac: here.srcMac };
lab.addTunnel(1, under.ifindex, here);
lab.addTunnel(2, under.ifindex, { ...here, type: 'geneve', dst: '192.0.2.3' });
lab.addSwitch(1, { key: 5, flood: 0x8000, unknown: 0x8001 });
const set = flag.IOV_PORT_VLAN_PASSTHRU;
const a = lab.addPort({ addresses: [`${macOf(1)} 10.0.0.1 fd00::1`], set });
const secured = lab.addPort({ addresses: [macOf(2)], security: [`${macOf(2)} 10.0.0.2`] });
const kid = lab.addPort({ addresses: [macOf(3)], vlan: { id: 5, on: a }, set });
const peer = lab.addPort({ addresses: [macOf(4)], set: flag.IOV_PORT_PEER });
const closed = lab.addPort({ addresses: [macOf(5)], clear: flag.IOV_PORT_ENABLED });
const inactive = lab.addPort({ set: flag.IOV_PORT_INACTIVE });
const local = lab.addPort({ addresses: [macOf(7)], set: flag.IOV_PORT_LOCALPORT });
const slow = lab.addPort({ addresses: [macOf(8)], set: flag.IOV_PORT_RATE | flag.IOV_PORT_LEARN });
lab.addLearned(1, macOf(8), { kind: kind.IOV_DEST_LOCAL, index: slow.number, egress_key: slow.key });
const stuck = lab.addPort({ set: flag.IOV_PORT_RATE });
const virtual = lab.addPort({ set: flag.IOV_PORT_VIRTUAL_PARENT | flag.IOV_PORT_LEARN });
for (const [port, bytes_per_second] of [
  [slow, 1n],
  [stuck, 0n],
] as const)
  lab.maps.iov_rates.update(number32(port.number), iov_rateCodec.encode({ bytes_per_second, burst: 1000n }));
const mapped = Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), ip4Bytes(ip4('10.0.0.100'))]);
lab.maps.iov_virtual_ips.update(
  iov_virtual_keyCodec.encode({ port: virtual.number, ip: mapped }),
  number32(500),
);
lab.addMac(1, macOf(90), { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 90 });
lab.addMac(1, macOf(91), { kind: kind.IOV_DEST_UNBOUND, egress_key: 91 });
lab.addGroup(1, 0x8000, {
  local: [a, secured, kid, closed, local].map(({ number }) => number),
  remote: [2, 1],
});
lab.addGroup(1, 0x8001, { local: [secured.number, kid.number] });
lab.addTunnelDest(5, secured.key, {
  kind: kind.IOV_DEST_LOCAL,
  index: secured.number,
  egress_key: secured.key,
});
lab.addTunnelDest(5, local.key, { kind: kind.IOV_DEST_LOCAL, index: local.number, egress_key: local.key });
lab.addTunnelDest(5, 0x8000, { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 0x8000 });

const udpFrame = (src: number, dst: string, from = '10.0.0.1', to = '10.0.0.2') =>
  ether({ src: macOf(src), dst, type: 0x0800 }, ipv4({ src: from, dst: to, proto: 17 }, udp(1000, 2000)));
const tag = (frame: Buffer, id: number) =>
  Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, 0, id]), frame.subarray(12)]);
const arriving = (egress: number, inner: Buffer) => {
  const key = egress >= 0x8000 ? 0x800 | (egress & 0x7ff) : egress;
  return encapsulated({ ...there, vni: (key << 12) | 5, sport: 50000 }, inner);
};

/** An event in short: what a person would note. */
function short(event: TraceEvent): string {
  switch (event.kind) {
    case 'module':
      return event.program.replace('iov_', '');
    case 'drop':
      return `drop ${event.reason}@${event.port}`;
    case 'deliver':
    case 'copy':
      return `${event.kind} ${event.port}`;
    case 'tunnel':
    case 'tunnel-copy':
      return `${event.kind} ${event.tunnel} ${event.datapath}/${event.key}`;
    case 'event':
      return `event ${event.event}@${event.port} ${event.key}`;
    case 'pass':
      return 'pass';
  }
}

const port = ({ number }: LabPort) => number;
const { IOV_EVENT_MAC, IOV_EVENT_VIRTUAL, IOV_EVENT_RARP } = iov_event_kind;
const arpOf = (src: number, spa: string, tpa: string) =>
  ether({ src: macOf(src), dst: ALL, type: 0x0806 }, arp({ sha: macOf(src), spa, tpa }));
const rarp = ether(
  { src: macOf(6), dst: ALL, type: 0x8035 },
  arp({ op: 3, sha: macOf(6), spa: '0.0.0.0', tpa: '0.0.0.0' }),
);
const solicitation = ether(
  { src: macOf(4), dst: '33:33:ff:00:00:01', type: 0x86dd },
  nd({ type: 135, src: 'fd00::4', dst: 'ff02::1:ff00:1', target: 'fd00::1' }),
);
const flooded = (from: LabPort, ...drops: string[]) => [
  'flood',
  ...[a, secured, kid].filter((member) => member !== from).map((member) => `copy ${port(member)}`),
  `drop port_disabled@${port(closed)}`,
  ...drops,
];

/** What the frame that leaves must be; 'same': as it came, but for the tag of its own port. */
type Out = Buffer | 'same' | ((out: Buffer) => boolean) | undefined;
const cases: [string, LabPort | 'uplink', Buffer, string[], Out?][] = [
  [
    'to a local port',
    peer,
    udpFrame(4, macOf(1)),
    ['entry', 'switch', 'portsec_out', `deliver ${port(a)}`],
    'same',
  ],
  [
    'to a port of redirect_peer',
    a,
    udpFrame(1, macOf(4)),
    ['entry', 'switch', 'portsec_out', `deliver ${port(peer)}`],
    'same',
  ],
  [
    'from a secured port',
    secured,
    udpFrame(2, macOf(1), '10.0.0.2'),
    ['entry', 'portsec_in', 'switch', 'portsec_out', `deliver ${port(a)}`],
    'same',
  ],
  [
    'refused by port security of the sender',
    secured,
    udpFrame(2, macOf(1), '10.0.0.9'),
    ['entry', 'portsec_in', `drop portsec_in_ip4@${port(secured)}`],
  ],
  [
    'refused by port security of the receiver',
    a,
    udpFrame(1, macOf(2), '10.0.0.1', '10.0.0.9'),
    ['entry', 'switch', 'portsec_out', `drop portsec_out_ip4@${port(secured)}`],
  ],
  [
    'to a VLAN',
    peer,
    udpFrame(4, macOf(3)),
    ['entry', 'switch', 'portsec_out', `deliver ${port(kid)}`],
    tag(udpFrame(4, macOf(3)), 5),
  ],
  [
    'with a tag of its own to a VLAN',
    a,
    tag(udpFrame(1, macOf(3)), 9),
    ['entry', 'switch', 'portsec_out', `deliver ${port(kid)}`],
    tag(tag(udpFrame(1, macOf(3)), 9), 5),
  ],
  [
    'from a VLAN',
    kid,
    tag(udpFrame(3, macOf(4)), 5),
    ['entry', 'switch', 'portsec_out', `deliver ${port(peer)}`],
    udpFrame(3, macOf(4)),
  ],
  [
    'with a tag of its own from a VLAN',
    kid,
    tag(tag(udpFrame(3, macOf(1)), 9), 5),
    ['entry', 'switch', 'portsec_out', `deliver ${port(a)}`],
    tag(udpFrame(3, macOf(1)), 9),
  ],
  [
    'to a closed port',
    a,
    udpFrame(1, macOf(5)),
    ['entry', 'switch', 'portsec_out', `drop port_disabled@${port(closed)}`],
  ],
  ['from a closed port', closed, udpFrame(5, macOf(1)), ['entry', `drop port_disabled@${port(closed)}`]],
  [
    'from a device without port',
    { ...a, ifindex: under.ifindex },
    udpFrame(1, macOf(2)),
    ['entry', 'drop no_port@0'],
  ],
  ['from a port that waits', inactive, udpFrame(6, macOf(1)), ['entry', `drop inactive@${port(inactive)}`]],
  [
    'a RARP from a port that waits',
    inactive,
    rarp,
    [
      'entry',
      `event ${IOV_EVENT_RARP}@${port(inactive)} 0`,
      'switch',
      ...flooded(inactive, `copy ${port(local)}`),
      'flood_remote',
      'tunnel-copy 1 1/32768',
      'tunnel-copy 2 1/32768',
    ],
  ],
  ['malformed', a, udpFrame(1, macOf(2)).subarray(0, 58), ['entry', `drop malformed@${port(a)}`]],
  [
    'to an unbound port',
    a,
    udpFrame(1, macOf(91)),
    ['entry', 'switch', `drop destination_unbound@${port(a)}`],
  ],
  [
    'an ARP request',
    peer,
    arpOf(4, '10.0.0.4', '10.0.0.1'),
    ['entry', 'switch', 'arp_reply', `deliver ${port(peer)}`],
    (out) => out.readUInt16BE(20) === 2,
  ],
  [
    'a solicitation',
    peer,
    solicitation,
    ['entry', 'switch', 'nd_reply', `deliver ${port(peer)}`],
    (out) => out[54] === 136,
  ],
  [
    'an ARP request from a VLAN',
    kid,
    tag(arpOf(3, '10.0.0.3', '10.0.0.1'), 5),
    ['entry', 'switch', 'arp_reply', `deliver ${port(kid)}`],
    (out) => out.readUInt32BE(12) === 0x81000005 && out.readUInt16BE(24) === 2,
  ],
  [
    'into a tunnel',
    a,
    udpFrame(1, macOf(90)),
    ['entry', 'switch', 'encap', 'tunnel 1 1/90'],
    (out) =>
      out.equals(
        encapsulated({ ...here, vni: (90 << 12) | 5, sport: out.readUInt16BE(34) }, udpFrame(1, macOf(90))),
      ),
  ],
  [
    'from a localport into a tunnel',
    local,
    udpFrame(7, macOf(90)),
    ['entry', 'switch', 'encap', `drop localport@${port(local)}`],
  ],
  [
    'a broadcast',
    a,
    udpFrame(1, ALL),
    [
      'entry',
      'switch',
      ...flooded(a, `copy ${port(local)}`),
      'flood_remote',
      'tunnel-copy 1 1/32768',
      'tunnel-copy 2 1/32768',
    ],
  ],
  [
    'a tagged broadcast',
    a,
    tag(udpFrame(1, ALL), 9),
    [
      'entry',
      'switch',
      ...flooded(a, `copy ${port(local)}`),
      'flood_remote',
      'tunnel-copy 1 1/32768',
      'tunnel-copy 2 1/32768',
    ],
  ],
  ['a broadcast of a localport', local, udpFrame(7, ALL), ['entry', 'switch', ...flooded(local)]],
  [
    'unknown unicast',
    a,
    udpFrame(1, macOf(99)),
    [
      'entry',
      'switch',
      'flood',
      `drop portsec_out_mac@${port(secured)}`,
      `copy ${port(kid)}`,
      'flood_remote',
    ],
  ],
  [
    'policed and learned',
    slow,
    udpFrame(9, macOf(1)),
    [
      'entry',
      'police',
      'observe',
      `event ${IOV_EVENT_MAC}@${port(slow)} 0`,
      'switch',
      'portsec_out',
      `deliver ${port(a)}`,
    ],
    'same',
  ],
  [
    'policed and known',
    slow,
    udpFrame(8, macOf(1)),
    ['entry', 'police', 'observe', 'switch', 'portsec_out', `deliver ${port(a)}`],
  ],
  ['over the rate', stuck, udpFrame(10, macOf(1)), ['entry', 'police', `drop rate@${port(stuck)}`]],
  [
    'the claim of a virtual address',
    virtual,
    arpOf(11, '10.0.0.100', '10.0.0.100'),
    [
      'entry',
      'observe',
      `event ${IOV_EVENT_MAC}@${port(virtual)} 0`,
      `event ${IOV_EVENT_VIRTUAL}@${port(virtual)} 500`,
      'switch',
      ...flooded(virtual, `copy ${port(local)}`),
      'flood_remote',
      'tunnel-copy 1 1/32768',
      'tunnel-copy 2 1/32768',
    ],
  ],
  [
    'out of a tunnel',
    'uplink',
    arriving(secured.key, udpFrame(90, macOf(2))),
    ['uplink', 'portsec_out', `deliver ${port(secured)}`],
    udpFrame(90, macOf(2)),
  ],
  ['out of a tunnel to many', 'uplink', arriving(0x8000, udpFrame(90, ALL)), ['uplink', ...flooded(local)]],
  [
    'out of a tunnel to a localport',
    'uplink',
    arriving(local.key, udpFrame(90, macOf(7))),
    ['uplink', 'portsec_out', `drop localport@${port(local)}`],
  ],
  [
    'out of a tunnel to nobody',
    'uplink',
    arriving(999, udpFrame(90, macOf(7))),
    ['uplink', 'drop tunnel_key@0'],
  ],
  ["the host's own packet", 'uplink', udpFrame(90, macOf(2)), ['uplink', 'pass'], 'same'],
];

const own: readonly IovMapName[] = ['iov_programs', 'iov_scratch', 'iov_trace', 'iov_events'];
function contents(): Record<string, string> {
  const hash = (name: IovMapName) => {
    const all = createHash('sha256');
    const rows = [...lab.maps[name].entries()].map(([key, value]) => Buffer.concat([key, value]));
    for (const row of rows.sort(Buffer.compare)) all.update(row);
    return all.digest('hex');
  };
  return Object.fromEntries(
    sharedMapNames.filter((name) => !own.includes(name)).map((name) => [name, hash(name)]),
  );
}

test.serial('traced packets change nothing, send nothing and tell nothing', (t) => {
  const ears = [a, secured, peer, local, under].map((device) => new Capture(device.peerIfindex));
  const before = contents();
  const scratch = lab.maps.iov_scratch.lookupPerCpu(number32(0));
  for (const [, from, frame] of cases) lab.trace(frame, from);
  t.deepEqual(contents(), before);
  t.deepEqual(lab.maps.iov_scratch.lookupPerCpu(number32(0)), scratch);
  t.deepEqual(told.take(), []);
  for (const ear of ears) {
    t.deepEqual(ear.waiting(), []);
    ear.close();
  }
});

for (const [what, from, frame, expected, out] of cases) {
  test.serial(`a packet ${what}`, (t) => {
    const traced = lab.trace(frame, from);
    t.deepEqual(traced.events.map(short), expected);
    t.false(traced.truncated);
    if (out === 'same') t.deepEqual(traced.frame, frame);
    else if (typeof out === 'function') t.true(out(traced.frame), traced.frame.toString('hex'));
    else if (out) t.deepEqual(traced.frame.toString('hex'), out.toString('hex'));
  });
}

for (const [what, from, frame] of cases) {
  test.serial(`the live run does what the trace says: ${what}`, (t) => {
    told.take();
    const { events } = lab.trace(frame, from);
    const live = lab.run(frame, from);
    const of = (kind: TraceEvent['kind']) => events.filter((event) => event.kind === kind);
    const last = events.at(-1)!;
    const copies = of('copy').length + of('tunnel-copy').length;
    t.is(live.scratch.copies, copies);
    const action = { drop: 'drop', deliver: 'redirect', tunnel: 'redirect', pass: 'pass' }[
      last.kind as string
    ];
    t.is<string | undefined, string | undefined>(live.action, copies ? 'flood' : action);
    if (last.kind === 'deliver') t.is(live.port, last.port);
    if (last.kind === 'tunnel') t.is(live.tunnel, last.tunnel);
    const drops = of('drop').map((event) => event.kind === 'drop' && event.reason);
    t.is(live.reason, drops.at(-1) || undefined);
    const kinds = of('event').map((event) => event.kind === 'event' && event.event);
    t.deepEqual(
      told.take().map((event) => event.kind),
      kinds as number[],
    );
  });
}

test.serial('what was told lately would not be told: the trace says what is, not what might be', (t) => {
  const [, , frame] = cases.find(([what]) => what === 'policed and learned')!;
  t.deepEqual(
    lab.trace(frame, slow).events.filter(({ kind }) => kind === 'event'),
    [],
  );
});

test.serial('a bucket is looked at, not emptied', (t) => {
  const port = lab.addPort({ set: flag.IOV_PORT_RATE });
  const rate = iov_rateCodec.encode({ bytes_per_second: 1n, burst: 100n });
  lab.maps.iov_rates.update(number32(port.number), rate);
  const frame = udpFrame(1, macOf(1));
  for (let i = 0; i < 5; i++) t.is(lab.trace(frame, port).events.at(-1)!.kind, 'deliver');
  t.is(lab.run(frame, port).action, 'redirect');
  for (let i = 0; i < 2; i++) t.like(lab.trace(frame, port).events.at(-1), { kind: 'drop', reason: 'rate' });
});

test.serial('more than fits is cut', (t) => {
  lab.addSwitch(2, { flood: 0x8000 });
  const from = lab.addPort({ datapath: 2 });
  const row = lab.maps.iov_ports.lookup(number32(peer.number))!;
  const numbers = Array.from({ length: 200 }, (_, i) => 1023 - i);
  for (const number of numbers) lab.maps.iov_ports.update(number32(number), row);
  lab.addGroup(2, 0x8000, { local: numbers });
  const { events, truncated } = lab.trace(udpFrame(1, ALL), from);
  t.true(truncated);
  t.is(events.length, 128);
  t.is(lab.trace(udpFrame(1, macOf(2)), from).truncated, false, 'the next one begins anew');
});

test.serial('events name module, program and slot', (t) => {
  const { events } = lab.trace(udpFrame(1, macOf(2)), a);
  t.deepEqual(events.slice(0, 2), [
    { kind: 'module', module: 'entry', program: 'iov_entry' },
    { kind: 'module', module: 'switch', program: 'iov_switch', slot: 1 },
  ]);
});

test.serial(
  'a GSO-sized frame can be traced into a tunnel that it does not fit, and the answer to its sender',
  (t) => {
    const payload = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6 }, tcp(1, 2, Buffer.alloc(2000)));
    const large = ether({ src: macOf(1), dst: macOf(90), type: 0x0800 }, payload);
    const { events } = lab.trace(large, a);
    t.like(
      events.find(({ kind }) => kind === 'drop'),
      { reason: 'tunnel_mtu' },
    );
    t.like(events.at(-1), { kind: 'deliver', port: a.number });
  },
);

test.serial('a load that is not for tracing is refused', (t) => {
  t.throws(() => tracePacket(lab.modules, 'entry', udpFrame(1, ALL), { ifindex: a.ifindex }), {
    message: /without tracing/,
  });
});
