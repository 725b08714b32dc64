import test from 'ava';
import { iov_port_flag as flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
  arp,
  Capture,
  encapsulated,
  ether,
  icmp6,
  ipv4,
  Lab,
  type LabPort,
  linkOption,
  nd,
  type Outer,
  udp,
  vethPair,
} from '../testing/index.js';

// Real packets: what the kernel does with tags on their way into and out of devices is half of the matter.
const ALL = 'ff:ff:ff:ff:ff:ff';
const REMOTE = '02:00:00:00:00:99';
const lab = new Lab();
lab.addSwitch(1, { key: 5, flood: 0x8000 });
test.after.always(() => lab.close());

const macOf = (n: number) => `02:00:00:00:00:0${n}`;
const addresses = (n: number) => [`${macOf(n)} 10.0.0.${n} fd00::${n}`];
const set = flag.IOV_PORT_VLAN_PASSTHRU;
const kid = (n: number, on: LabPort, id: number, proto?: number) =>
  lab.addPort({ addresses: addresses(n), vlan: { id, proto, on }, set });

// One tap with an untagged port and three VLANs, and another one without.
const parent = lab.addPort({ addresses: addresses(1), set });
const family = [parent, kid(2, parent, 5), kid(3, parent, 6), kid(4, parent, 5, 0x88a8)];
const alone = lab.addPort({ addresses: addresses(5), set });
const ports = [...family, alone];
const under = vethPair();
const here: Outer = {
  type: 'geneve',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};
lab.addTunnel(1, under.ifindex, here);
lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 77 });
for (const { key, number } of ports)
  lab.addTunnelDest(5, key, { kind: kind.IOV_DEST_LOCAL, index: number, egress_key: key });
const [tap, other, wire] = [parent, alone, under].map((device) => new Capture(device.peerIfindex)) as [
  Capture,
  Capture,
  Capture,
];
lab.attach(parent);
lab.attach(alone);
lab.attach(under, 'uplink');
const captureOf = (port: LabPort) => (port === alone ? other : tap);
test.beforeEach(() => {
  for (const capture of [tap, other, wire]) capture.waiting();
});

type Tag = [id: number, tpid: number];
const tag = (frame: Buffer, ...tags: Tag[]) =>
  Buffer.concat([
    frame.subarray(0, 12),
    ...tags.map(([id, tpid]) => Buffer.from([tpid >> 8, tpid & 0xff, id >> 8, id & 0xff])),
    frame.subarray(12),
  ]);
/** The frame as it is on the device of a port. */
const at = (port: LabPort, frame: Buffer) =>
  port.vlan ? tag(frame, [port.vlan.id, port.vlan.proto ?? 0x8100]) : frame;

const INNER: Tag[] = [[9, 0x8100]];
const shapes: [string, (src: string, dst: string) => Buffer][] = [
  [
    'IPv4',
    (src, dst) =>
      ether({ src, dst, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1, 2))),
  ],
  [
    'an ARP reply',
    (src, dst) =>
      ether({ src, dst, type: 0x0806 }, arp({ op: 2, sha: src, spa: '10.0.0.1', tpa: '10.0.0.2' })),
  ],
  [
    'IPv6',
    (src, dst) => ether({ src, dst, type: 0x86dd }, icmp6({ src: 'fd00::1', dst: 'fd00::2', type: 128 })),
  ],
  // With a tag of 802.1ad a packet socket takes no larger one.
  ['a full frame', (src, dst) => ether({ src, dst, type: 0x88b5 }, Buffer.alloc(1496, 7))],
  ['an 802.3 frame', (src, dst) => ether({ src, dst, type: 40 }, Buffer.alloc(46, 0x42))],
  ['a frame with a tag of its own', (src, dst) => tag(ether({ src, dst, type: 0x88b5 }), ...INNER)],
];
const numberOf = (port: LabPort) => ports.indexOf(port) + 1;

for (const [what, shape] of shapes) {
  for (const sender of ports) {
    for (const receiver of ports) {
      if (sender === receiver) continue;
      const [s, r] = [numberOf(sender), numberOf(receiver)];
      test.serial(`${what} from port ${s} to port ${r}`, (t) => {
        const frame = shape(macOf(s), macOf(r));
        const before = lab.portCounters(receiver);
        captureOf(sender).send(at(sender, frame));
        t.deepEqual(captureOf(receiver).next()?.toString('hex'), at(receiver, frame).toString('hex'));
        t.is(lab.portCounters(receiver).tx_packets, before.tx_packets + 1n);
      });
    }
  }

  for (const sender of family) {
    test.serial(`${what} from port ${numberOf(sender)} into a tunnel, without the tag of the port`, (t) => {
      const frame = shape(macOf(numberOf(sender)), REMOTE);
      if (frame.length > 1450) return t.pass();
      tap.send(at(sender, frame));
      const packet = wire.next()!;
      const keys = { vni: 5, ingress: sender.key, egress: 77, sport: packet.readUInt16BE(34) };
      t.deepEqual(packet.toString('hex'), encapsulated({ ...here, ...keys }, frame).toString('hex'));
    });

    test.serial(`${what} out of a tunnel to port ${numberOf(sender)}`, (t) => {
      const frame = shape(REMOTE, macOf(numberOf(sender)));
      if (frame.length > 1450) return t.pass();
      const there = { ...here, src: here.dst, dst: here.src, srcMac: here.dstMac, dstMac: here.srcMac };
      wire.send(encapsulated({ ...there, vni: 5, ingress: 77, egress: sender.key, sport: 50000 }, frame));
      t.deepEqual(tap.next()?.toString('hex'), at(sender, frame).toString('hex'));
    });
  }
}

for (const sender of family) {
  const n = numberOf(sender);
  const src = macOf(n);
  test.serial(`port ${n} is answered with its tag`, (t) => {
    tap.send(
      at(
        sender,
        ether({ src, dst: ALL, type: 0x0806 }, arp({ sha: src, spa: `10.0.0.${n}`, tpa: '10.0.0.5' })),
      ),
    );
    const reply = arp({ op: 2, sha: macOf(5), spa: '10.0.0.5', tha: src, tpa: `10.0.0.${n}` });
    t.deepEqual(tap.next(), at(sender, ether({ src: macOf(5), dst: src, type: 0x0806 }, reply)));

    const solicitation = { type: 135, src: `fd00::${n}`, dst: 'ff02::1:ff00:5', target: 'fd00::5' } as const;
    tap.send(at(sender, ether({ src, dst: '33:33:ff:00:00:05', type: 0x86dd }, nd(solicitation))));
    const options = [linkOption(2, macOf(5))];
    const answer = nd({
      type: 136,
      src: 'fd00::5',
      dst: `fd00::${n}`,
      target: 'fd00::5',
      flags: 0x60,
      options,
    });
    t.deepEqual(tap.next(), at(sender, ether({ src: macOf(5), dst: src, type: 0x86dd }, answer)));
  });

  test.serial(`port ${n} is answered with a tag of its own behind that of the port`, (t) => {
    const question = arp({ sha: src, spa: `10.0.0.${n}`, tpa: '10.0.0.5' });
    tap.send(at(sender, tag(ether({ src, dst: ALL, type: 0x0806 }, question), ...INNER)));
    const reply = arp({ op: 2, sha: macOf(5), spa: '10.0.0.5', tha: src, tpa: `10.0.0.${n}` });
    t.deepEqual(
      tap.next(),
      at(sender, tag(ether({ src: macOf(5), dst: src, type: 0x0806 }, reply), ...INNER)),
    );
  });
}

test.serial('a port on a VLAN is one of its own, though a device has several', (t) => {
  const closed = kid(6, parent, 12);
  lab.setPort(closed, { clear: flag.IOV_PORT_ENABLED });
  other.send(ether({ src: macOf(5), dst: macOf(6), type: 0x88b5 }));
  other.send(ether({ src: macOf(5), dst: macOf(2), type: 0x88b5 }));
  t.deepEqual(tap.next(), at(family[1]!, ether({ src: macOf(5), dst: macOf(2), type: 0x88b5 })));
  t.deepEqual(tap.waiting(), []);
});

test.serial('redirect_peer is not for tagged ports', (t) => {
  const peer = kid(7, parent, 13);
  lab.setPort(peer, { set: flag.IOV_PORT_PEER });
  const frame = ether({ src: macOf(5), dst: macOf(7), type: 0x88b5 });
  other.send(frame);
  t.deepEqual(tap.next(), at(peer, frame));
});
