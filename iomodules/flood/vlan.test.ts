import test from 'ava';
import { iov_port_flag as flag } from '../gen/abi.js';
import {
  arp,
  Capture,
  encapsulated,
  ether,
  ipv4,
  Lab,
  type LabPort,
  type Outer,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const ALL = 'ff:ff:ff:ff:ff:ff';
const lab = new Lab();
test.after.always(() => lab.close());
lab.addSwitch(1, { key: 5, flood: 0x8000 });

// A tap with an untagged port and two VLANs, one with a VLAN of 802.1ad only, plain ones in between, and two chassis.
const set = flag.IOV_PORT_VLAN_PASSTHRU;
const sender = lab.addPort({ set });
const parent = lab.addPort({ set });
const five = lab.addPort({ vlan: { id: 5, on: parent }, set });
const plain = lab.addPort({ set });
const six = lab.addPort({ vlan: { id: 6, on: parent }, set });
const provider = lab.addPort({ vlan: { id: 100, proto: 0x88a8 }, set });
const last = lab.addPort({ set });
const under = vethPair();
const types = ['vxlan', 'geneve'] as const;
const outer = (type: Outer['type'], n: number): Outer => ({
  type,
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: `192.0.2.${n}`,
});
for (const [i, type] of types.entries()) lab.addTunnel(i + 1, under.ifindex, outer(type, i + 2));
const members = [sender, five, parent, provider, plain, six, last];
lab.addGroup(1, 0x8000, { local: members.map(({ number }) => number), remote: [1, 2] });
const devices = { sender, parent, plain, provider, last, under };
const ears = Object.fromEntries(
  Object.entries(devices).map(([name, { peerIfindex }]) => [name, new Capture(peerIfindex)]),
) as Record<keyof typeof devices, Capture>;
for (const device of [sender, parent]) lab.attach(device);

const tag = (frame: Buffer, id: number, tpid = 0x8100) =>
  Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from([tpid >> 8, tpid & 0xff, id >> 8, id & 0xff]),
    frame.subarray(12),
  ]);
const at = (port: LabPort, frame: Buffer) => (port.vlan ? tag(frame, port.vlan.id, port.vlan.proto) : frame);

const ip = ipv4({ src: '10.0.0.1', dst: '10.0.0.255', proto: 17 }, udp(1000, 2000));
const frames: [string, Buffer][] = [
  ['ARP', ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha: A, spa: '10.0.0.1', tpa: '10.0.0.9' }))],
  ['IPv4', ether({ src: A, dst: ALL, type: 0x0800 }, ip)],
  ['a tagged IPv4 packet', tag(ether({ src: A, dst: ALL, type: 0x0800 }, ip), 9)],
  ['a packet with an 802.1ad tag', tag(ether({ src: A, dst: ALL, type: 0x0800 }, ip), 9, 0x88a8)],
  ['a packet with two tags', tag(tag(ether({ src: A, dst: ALL, type: 0x0800 }, ip), 11), 9)],
];
const hex = (list: Buffer[]) => list.map((frame) => frame.toString('hex'));

for (const [what, frame] of frames) {
  for (const from of [sender, five, parent]) {
    for (const how of ['test run', 'wire'] as const) {
      const name = from === sender ? 'a plain port' : from === five ? 'a VLAN' : 'a parent';
      test.serial(
        `a flood of ${what} from ${name} (${how}): every member gets it whole, in its own VLAN`,
        (t) => {
          const others = members.filter((port) => port !== from);
          const on = (device: LabPort) =>
            others.filter(({ ifindex }) => ifindex === device.ifindex).map((port) => at(port, frame));
          for (const ear of Object.values(ears)) ear.waiting();
          if (how === 'wire') ears[from === sender ? 'sender' : 'parent'].send(at(from, frame));
          else t.like(lab.run(at(from, frame), from), { action: 'flood', scratch: { copies: 8 } });
          // Tunnels come last: when they have it, all have.
          const first = ears.under.next()!;
          const copies = [first, ears.under.next()!];
          const sport = first.readUInt16BE(34);
          const vxlan = { ...outer('vxlan', 2), vni: (0x800 << 12) | 5, sport };
          const geneve = { ...outer('geneve', 3), vni: 5, ingress: from.key, egress: 0x8000, sport };
          t.deepEqual(hex(copies), hex([encapsulated(vxlan, frame), encapsulated(geneve, frame)]));
          t.deepEqual(hex(ears.sender.waiting()), hex(on(sender)));
          t.deepEqual(hex(ears.parent.waiting()), hex(on(parent)));
          t.deepEqual(hex(ears.plain.waiting()), hex([frame]));
          t.deepEqual(hex(ears.provider.waiting()), hex([at(provider, frame)]));
          t.deepEqual(hex(ears.last.waiting()), hex([frame]));
        },
      );
    }
  }
}

test.serial('the headers are where the context says, after tags came and went', (t) => {
  for (const [, frame] of frames.slice(1, 4)) {
    const { scratch } = lab.run(frame, sender);
    // Outer header behind it: the tag that was beside the frame is in it again.
    t.is(scratch.l4_offset, frame.length - 26);
  }
});

test.serial('a VLAN port whose device is down costs only its own copy, and leaves no tag behind', (t) => {
  const gone = lab.addPort({ vlan: { id: 7 }, set });
  const row = lab.maps.iov_ports.lookup(Buffer.from(new Uint32Array([gone.number]).buffer))!;
  row.writeUInt32LE(99999, 0);
  lab.maps.iov_ports.update(Buffer.from(new Uint32Array([gone.number]).buffer), row);
  lab.addGroup(1, 0x8000, { local: [gone.number, plain.number] });
  for (const [, frame] of frames) {
    ears.plain.waiting();
    t.like(lab.run(frame, sender), { action: 'flood', reason: 'no_memory', scratch: { copies: 1 } });
    t.deepEqual(hex(ears.plain.waiting()), hex([frame]));
  }
});
