import test from 'ava';
import { iov_packet_flag as flag, iov_field, iov_port_flag, iov_slot } from '../gen/abi.js';
import {
  ether,
  icmp6,
  ip4,
  ip6,
  ipv4,
  ipv6,
  Lab,
  mac,
  number32,
  padExtension,
  tcp,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';

const lab = new Lab();
lab.addSwitch(1);
const a = lab.addPort({ addresses: [A] });
const b = lab.addPort({ addresses: [B] });
test.after.always(() => lab.close());

const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000));
const frame = ether({ src: A, dst: B, type: 0x0800 }, packet);

test.serial('a packet of a configured port goes on', (t) => {
  t.like(lab.run(frame, a), { action: 'redirect', port: b.number });
});

test.serial('a device without a port: no_port, and no counter of a port', (t) => {
  const stranger = { ...a, ...vethPair() };
  t.like(lab.run(frame, stranger), { action: 'drop', reason: 'no_port' });
  t.is(lab.portDrops({ ...a, number: 0 }, 1), 0n);
});

test.serial('a device whose port row is not valid: no_port', (t) => {
  const port = lab.addPort({ clear: iov_port_flag.IOV_PORT_VALID });
  t.like(lab.run(frame, port), { action: 'drop', reason: 'no_port' });
});

test.serial('an ifindex that shares its slot with another is found in the overflow table', (t) => {
  const port = lab.addPort();
  const slot = number32(port.ifindex);
  const other = Buffer.concat([number32(port.ifindex + 65536), number32(a.number)]);
  lab.maps.iov_ifindex.update(slot, other);
  t.like(lab.run(frame, port), { action: 'drop', reason: 'no_port' });
  lab.maps.iov_ifindex_overflow.update(slot, number32(port.number));
  const verdict = lab.run(frame, port);
  t.is(verdict.action, 'redirect');
  t.is(verdict.scratch.in_port, port.number);
});

const states: [string, { set?: number; clear?: number }, string][] = [
  ['disabled', { clear: iov_port_flag.IOV_PORT_ENABLED }, 'port_disabled'],
  ['failing closed', { set: iov_port_flag.IOV_PORT_FAIL_CLOSED }, 'port_fail_closed'],
];
for (const [what, flags, reason] of states) {
  test.serial(`a sender that is ${what}: ${reason}`, (t) => {
    t.like(lab.run(frame, lab.addPort(flags)), { action: 'drop', reason });
  });
}

for (const tpid of [0x8100, 0x88a8]) {
  for (const vlan of [0, 5]) {
    const tagged = ether({ src: A, dst: B, type: 0x0800, vlan, tpid }, packet);
    test.serial(`tag ${vlan} with 0x${tpid.toString(16)} is dropped without vlan-passthru`, (t) => {
      t.like(lab.run(tagged, a), { action: 'drop', reason: 'vlan_tagged' });
    });
    test.serial(
      `tag ${vlan} with 0x${tpid.toString(16)} passes with vlan-passthru, and the packet behind it is parsed`,
      (t) => {
        const port = lab.addPort({ set: iov_port_flag.IOV_PORT_VLAN_PASSTHRU });
        const { action, scratch, packetOut } = lab.run(tagged, port);
        t.is(action, 'redirect');
        t.deepEqual(packetOut, tagged);
        t.like(scratch, { eth_type: 0x0800, vlan_tci: vlan, l3_offset: 18, l4_offset: 38, dport: 2000 });
        t.true((scratch.flags & flag.IOV_PKT_VLAN) !== 0);
      },
    );
  }
}

test.serial('a source MAC with the group bit is dropped', (t) => {
  for (const src of ['03:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01'])
    t.like(lab.run(ether({ src, dst: B, type: 0x0800 }, packet), a), {
      action: 'drop',
      reason: 'multicast_source',
    });
});

test.serial('the context of an IPv4 packet', (t) => {
  const options = Buffer.alloc(8, 1);
  const payload = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6, ttl: 63, options }, tcp(1000, 80));
  const { scratch } = lab.run(ether({ src: A, dst: B, type: 0x0800 }, payload), a);
  t.like(scratch, {
    in_port: a.number,
    datapath: 1,
    flags: flag.IOV_PKT_IP4 | flag.IOV_PKT_L4,
    l3_offset: 14,
    l4_offset: 42,
    eth_dst: mac(B),
    eth_src: mac(A),
    ip_src: [ip4('10.0.0.1'), 0, 0, 0],
    ip_dst: [ip4('10.0.0.2'), 0, 0, 0],
    sport: 1000,
    dport: 80,
    ip_proto: 6,
    ttl: 63,
  });
  t.true((scratch.looked_at & iov_field.IOV_FIELD_ETH_DST) !== 0);
});

const words = (text: string) => Array.from({ length: 4 }, (_, i) => ip6(text).readUInt32BE(i * 4));

test.serial('the context of an IPv6 packet behind extension headers', (t) => {
  const payload = padExtension(60, padExtension(17, udp(53, 5353)));
  const { scratch } = lab.run(
    ether({ src: A, dst: B, type: 0x86dd }, ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 0 }, payload)),
    a,
  );
  t.like(scratch, {
    flags: flag.IOV_PKT_IP6 | flag.IOV_PKT_L4,
    l4_offset: 70,
    ip_src: words('fd00::1'),
    ip_dst: words('fd00::2'),
    ip_proto: 17,
    sport: 53,
    dport: 5353,
  });
});

test.serial('ICMPv6 type and code stand in for ports', (t) => {
  const echo = icmp6({ src: 'fd00::1', dst: 'fd00::2', type: 128, code: 7 });
  const { scratch } = lab.run(ether({ src: A, dst: B, type: 0x86dd }, echo), a);
  t.like(scratch, { sport: 128, dport: 7, flags: flag.IOV_PKT_IP6 | flag.IOV_PKT_L4 });
});

test.serial('L4 is valid in the first fragment only', (t) => {
  const fragment = (word: number) =>
    ether(
      { src: A, dst: B, type: 0x0800 },
      ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17, fragment: word }, udp(1, 2)),
    );
  const first = lab.run(fragment(0x2000), a).scratch;
  t.is(first.flags, flag.IOV_PKT_IP4 | flag.IOV_PKT_FRAGMENT | flag.IOV_PKT_L4);
  const later = lab.run(fragment(185), a).scratch;
  t.is(later.flags, flag.IOV_PKT_IP4 | flag.IOV_PKT_FRAGMENT);
  t.like(later, { l4_offset: 0, sport: 0, dport: 0, ip_proto: 17 });

  const header = Buffer.from([17, 0, 0x05, 0xc9, 0, 0, 0, 1]); // offset 185, more to come
  const later6 = ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 44 }, Buffer.concat([header, udp(1, 2)]));
  const { scratch } = lab.run(ether({ src: A, dst: B, type: 0x86dd }, later6), a);
  t.is(scratch.flags, flag.IOV_PKT_IP6 | flag.IOV_PKT_FRAGMENT);
  t.like(scratch, { l4_offset: 0, ip_proto: 17 });
});

test.serial('an L4 header that is cut off is not there', (t) => {
  const cut = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6 }, Buffer.alloc(3));
  const { action, scratch } = lab.run(ether({ src: A, dst: B, type: 0x0800 }, cut), a);
  t.is(action, 'redirect');
  t.is(scratch.flags, flag.IOV_PKT_IP4);
});

const edit = (bytes: Buffer, offset: number, value: number) => {
  const copy = Buffer.from(bytes);
  copy[offset] = value;
  return copy;
};
const six = ether(
  { src: A, dst: B, type: 0x86dd },
  ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 17 }, udp(1, 2)),
);
// The kernel takes no test packet that ends in the IP header, unless it is behind a tag.
const passthru = lab.addPort({ set: iov_port_flag.IOV_PORT_VLAN_PASSTHRU });
const tagged = (bytes: Buffer) =>
  Buffer.concat([bytes.subarray(0, 12), Buffer.from([0x81, 0, 0, 5]), bytes.subarray(12)]);
const malformed: [string, Buffer][] = [
  ['IPv4 cut in its header', tagged(frame.subarray(0, 33))],
  ['IPv4 without a header', tagged(frame.subarray(0, 14))],
  ['IPv4 longer than the frame', frame.subarray(0, frame.length - 1)],
  ['IPv4 with version 5', edit(frame, 14, 0x55)],
  ['IPv4 with a header of 16 bytes', edit(frame, 14, 0x44)],
  ['IPv4 with a header longer than the packet', edit(edit(frame, 14, 0x4f), 17, 40)],
  ['IPv4 with a total length below its header', edit(edit(frame, 16, 0), 17, 19)],
  ['IPv6 cut in its header', tagged(six.subarray(0, 53))],
  ['IPv6 longer than the frame', six.subarray(0, six.length - 1)],
  ['IPv6 with version 4', edit(six, 14, 0x40)],
  ['IPv6 with a cut extension header', edit(six.subarray(0, 58), 19, 4).fill(0, 20, 21)],
  ['IPv6 with an extension header beyond its end', edit(edit(six, 20, 0), 55, 200)],
  ['a tag without type', ether({ src: A, dst: B, type: 0x0800, vlan: 5 }).subarray(0, 16)],
];
for (const [what, bytes] of malformed) {
  test.serial(`malformed: ${what}`, (t) => {
    t.like(lab.run(bytes, passthru), { action: 'drop', reason: 'malformed' });
  });
}

test.serial('padding behind an IP packet is no fault', (t) => {
  const padded = Buffer.concat([frame, Buffer.alloc(20)]);
  const { action, packetOut } = lab.run(padded, a);
  t.is(action, 'redirect');
  t.deepEqual(packetOut, padded);
});

test.serial('the epoch of the datapath goes with the packet', (t) => {
  lab.maps.iov_epochs.update(number32(1), number32(77));
  t.is(lab.run(frame, a).scratch.epoch, 77);
});

test.serial('an empty slot drops with no_module', (t) => {
  const fresh = new Lab();
  t.teardown(() => fresh.close());
  const from = fresh.addPort();
  fresh.maps.iov_programs.delete(number32(iov_slot.IOV_SLOT_SWITCH));
  t.like(fresh.run(frame, from), { action: 'drop', reason: 'no_module' });
});
