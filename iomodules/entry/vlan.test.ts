import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { iov_port_flag as flag, iov_packet_flag } from '../gen/abi.js';
import { Capture, ether, ipv4, Lab, type LabPort, udp } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';

const lab = new Lab();
lab.addSwitch(1);
const b = lab.addPort({ addresses: [B] });
test.after.always(() => lab.close());

const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000));
const untagged = ether({ src: A, dst: B, type: 0x0800 }, packet);
/** The frame with these tags, the first one outermost. */
const tagged = (...tags: [tci: number, tpid?: number][]) =>
  Buffer.concat([
    untagged.subarray(0, 12),
    ...tags.map(([tci, tpid = 0x8100]) => Buffer.from([tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff])),
    untagged.subarray(12),
  ]);

/** A device with an untagged port and the VLANs 5 and 6, and (802.1ad) 5. */
function family(set = 0): Record<'parent' | 'five' | 'six' | 'outer5', LabPort> {
  const parent = lab.addPort({ set });
  const kid = (id: number, proto?: number) => lab.addPort({ vlan: { id, proto, on: parent }, set });
  return { parent, five: kid(5), six: kid(6), outer5: kid(5, 0x88a8) };
}
const plain = family();
const passthru = family(flag.IOV_PORT_VLAN_PASSTHRU);
const kidOnly = lab.addPort({ vlan: { id: 5 } });
const physical = (set: number) => lab.addPort({ set });
const localnet = physical(flag.IOV_PORT_LOCALNET);
const gateway = physical(flag.IOV_PORT_L2GATEWAY);
const localnetPassthru = physical(flag.IOV_PORT_LOCALNET | flag.IOV_PORT_VLAN_PASSTHRU);
const localnetVlan = lab.addPort({ vlan: { id: 7 }, set: flag.IOV_PORT_LOCALNET });

// Where a frame on a device ends: at b, from this port and with this many tags left, or dropped.
type Outcome = { from: LabPort; tags?: number; tci?: number } | { drop: string; at?: LabPort };
const cases: [string, LabPort, Buffer, Outcome][] = [
  ['untagged', plain.parent, untagged, { from: plain.parent }],
  ['VLAN 5', plain.parent, tagged([5]), { from: plain.five }],
  ['VLAN 5 with a priority', plain.parent, tagged([0xa005]), { from: plain.five }],
  ['VLAN 6', plain.parent, tagged([6]), { from: plain.six }],
  ['VLAN 5, 802.1ad', plain.parent, tagged([5, 0x88a8]), { from: plain.outer5 }],
  ['VLAN 6, 802.1ad', plain.parent, tagged([6, 0x88a8]), { drop: 'vlan_tagged', at: plain.parent }],
  ['VLAN 7', plain.parent, tagged([7]), { drop: 'vlan_tagged', at: plain.parent }],
  ['VLAN 0', plain.parent, tagged([0]), { drop: 'vlan_tagged', at: plain.parent }],
  ['VLAN 9 in VLAN 5', plain.parent, tagged([5], [9]), { drop: 'vlan_tagged', at: plain.five }],
  ['VLAN 5 in VLAN 5', plain.parent, tagged([5], [5]), { drop: 'vlan_tagged', at: plain.five }],
  ['passthru: VLAN 5', passthru.parent, tagged([5]), { from: passthru.five }],
  ['passthru: VLAN 7', passthru.parent, tagged([7]), { from: passthru.parent, tags: 1, tci: 7 }],
  ['passthru: VLAN 0', passthru.parent, tagged([0]), { from: passthru.parent, tags: 1, tci: 0 }],
  ['passthru: VLAN 9 in 5', passthru.parent, tagged([5], [9]), { from: passthru.five, tags: 1, tci: 9 }],
  ['only VLAN 5: VLAN 5', kidOnly, tagged([5]), { from: kidOnly }],
  ['only VLAN 5: untagged', kidOnly, untagged, { drop: 'no_port' }],
  ['only VLAN 5: VLAN 7', kidOnly, tagged([7]), { drop: 'unknown_vlan' }],
  ['only VLAN 5: VLAN 0', kidOnly, tagged([0]), { drop: 'unknown_vlan' }],
  ['localnet: untagged', localnet, untagged, { from: localnet }],
  ['localnet: VLAN 0', localnet, tagged([0]), { from: localnet }],
  ['localnet: VLAN 0 with a priority', localnet, tagged([0xe000]), { from: localnet }],
  ['localnet: VLAN 3', localnet, tagged([3]), { drop: 'vlan_tagged', at: localnet }],
  ['localnet: VLAN 3 in VLAN 0', localnet, tagged([0], [3]), { drop: 'vlan_tagged', at: localnet }],
  [
    'localnet with passthru: VLAN 0',
    localnetPassthru,
    tagged([0]),
    { from: localnetPassthru, tags: 1, tci: 0 },
  ],
  ['localnet with VLAN 7: VLAN 7', localnetVlan, tagged([7]), { from: localnetVlan }],
  [
    'localnet with VLAN 7: VLAN 0 in 7',
    localnetVlan,
    tagged([7], [0]),
    { drop: 'vlan_tagged', at: localnetVlan },
  ],
  ['localnet with VLAN 7: VLAN 0', localnetVlan, tagged([0]), { drop: 'unknown_vlan' }],
  ['l2gateway: VLAN 0', gateway, tagged([0]), { from: gateway }],
  ['l2gateway: VLAN 3', gateway, tagged([3]), { drop: 'vlan_tagged', at: gateway }],
];
for (const [what, device, frame, outcome] of cases) {
  test.serial(`${what} ${'drop' in outcome ? outcome.drop : 'is let in'}`, (t) => {
    const verdict = lab.run(frame, device);
    if ('drop' in outcome) {
      t.like(verdict, { action: 'drop', reason: outcome.drop });
      t.is(verdict.scratch.in_port, outcome.at?.number ?? 0);
      return;
    }
    t.like(verdict, { action: 'redirect', port: b.number });
    t.is(verdict.scratch.in_port, outcome.from.number);
    t.is((verdict.scratch.flags & iov_packet_flag.IOV_PKT_VLAN) !== 0, outcome.tags === 1);
    t.is(verdict.scratch.vlan_tci, outcome.tci ?? 0);
    t.like(verdict.scratch, { eth_type: 0x0800, sport: 1000, dport: 2000 });
  });
}

// The same from the wire, where the kernel takes the tag out of the frame before any program sees it.
const live = new Map<LabPort, Capture>();
const listener = new Capture(b.peerIfindex);
for (const [what, device, frame, outcome] of cases) {
  test.serial(`from the wire: ${what} ${'drop' in outcome ? outcome.drop : 'is let in'}`, async (t) => {
    if (!live.has(device)) lab.attach(device);
    const wire = live.get(device) ?? new Capture(device.peerIfindex);
    live.set(device, wire);
    const port = 'drop' in outcome ? outcome.at : outcome.from;
    const dropped = 'drop' in outcome;
    const counted = port && lab.portCounters(port).rx_packets + (dropped ? 2n : 1n);
    wire.send(frame);
    if (dropped) wire.send(frame);
    else t.deepEqual(listener.next(), outcome.tags ? tagged([outcome.tci ?? 0]) : untagged);
    if (port) await received(port, counted!);
    t.deepEqual(listener.waiting(), []);
  });
}

/** Resolves when so many packets of the port were counted: a busy kernel does that a moment after they were sent. */
async function received(port: LabPort, count: bigint): Promise<void> {
  for (const deadline = Date.now() + 10_000; lab.portCounters(port).rx_packets < count; await setTimeout(1))
    if (Date.now() > deadline)
      throw new Error(`${lab.portCounters(port).rx_packets} packets instead of ${count}`);
}

test.serial('a tag on a device without VLANs is looked up nowhere', (t) => {
  const port = lab.addPort();
  t.like(lab.run(tagged([5]), port), { action: 'drop', reason: 'vlan_tagged' });
});
