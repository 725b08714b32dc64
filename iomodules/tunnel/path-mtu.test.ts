import test from 'ava';
import { iov_event_kind, iov_path_mtu_eventCodec } from '../gen/abi.js';
import {
  checksum,
  EventReader,
  echo,
  encapsulated,
  ether,
  icmp6,
  ipv4,
  Lab,
  mapped,
  type Outer,
  outerHeader,
  vethPair,
} from '../testing/index.js';

const ROUTER = { 4: '198.51.100.254', 6: '2001:db8:ff::fe' };
const HERE = { 4: '192.0.2.1', 6: '2001:db8::1' };
const THERE = { 4: '192.0.2.2', 6: '2001:db8::2' };
const macs = { srcMac: '02:00:00:00:01:01', dstMac: '02:00:00:00:01:02' };

const lab = new Lab();
const under = vethPair();
test.after.always(() => lab.close());
const sent4: Outer = { ...macs, type: 'geneve', src: HERE[4], dst: THERE[4], sport: 50000 };
const sent6: Outer = { ...macs, type: 'vxlan', src: HERE[6], dst: THERE[6], sport: 50000 };
lab.addTunnel(4, under.ifindex, sent4);
lab.addTunnel(6, under.ifindex, sent6);
const events = new EventReader(lab.maps.iov_events);

/** Of a packet that we sent, the first bytes of what lies behind its Ethernet header, as if it had `length`. */
function quote(outer: Outer, length: number, bytes = 548): Buffer {
  const header = outerHeader(
    outer,
    length - (outer.type === 'geneve' ? 44 : 36) - (outer.src.includes(':') ? 20 : 0),
  );
  return Buffer.concat([header.subarray(14), Buffer.alloc(1500, 0x11)]).subarray(0, bytes);
}

/** "Fragmentation needed" to us. `edit` changes the message before its checksum is made. */
function needed(
  mtu: number,
  a: { quoted?: Buffer; type?: number; code?: number; to?: string; options?: Buffer } = {},
): Buffer {
  const head = Buffer.from([a.type ?? 3, a.code ?? 4, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(mtu, 6);
  const message = Buffer.concat([head, a.quoted ?? quote(sent4, 1500)]);
  message.writeUInt16BE(checksum(message), 2);
  const ip = ipv4({ src: ROUTER[4], dst: a.to ?? HERE[4], proto: 1, options: a.options }, message);
  return ether({ src: macs.dstMac, dst: macs.srcMac, type: 0x0800 }, ip);
}

function tooBig6(
  mtu: number,
  a: { quoted?: Buffer; type?: number; code?: number; to?: string } = {},
): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(mtu);
  const body = Buffer.concat([word, a.quoted ?? quote(sent6, 1500, 1232)]);
  const packet = icmp6({ src: ROUTER[6], dst: a.to ?? HERE[6], type: a.type ?? 2, code: a.code }, body);
  return ether({ src: macs.dstMac, dst: macs.srcMac, type: 0x86dd }, packet);
}

/** What the agent is told of a packet, which the host gets in any case. */
function told(frame: Buffer) {
  const { action, packetOut } = lab.run(frame, 'uplink');
  if (action !== 'pass' || !packetOut.equals(frame)) throw new Error(`the host did not get it: ${action}`);
  return events.takeRecords().map((record) => {
    const { kind, tunnel, mtu, remote_ip, router_ip } = iov_path_mtu_eventCodec.decode(record);
    if (kind !== iov_event_kind.IOV_EVENT_PATH_MTU) throw new Error(`an event of kind ${kind}`);
    return { tunnel, mtu, remote: Buffer.from(remote_ip), router: Buffer.from(router_ip) };
  });
}

const of4 = (mtu: number) => [{ tunnel: 4, mtu, remote: mapped(THERE[4]), router: mapped(ROUTER[4]) }];
const of6 = (mtu: number) => [{ tunnel: 6, mtu, remote: mapped(THERE[6]), router: mapped(ROUTER[6]) }];

test.serial('a router says what fits: told', (t) => {
  t.deepEqual(told(needed(1400)), of4(1400));
  t.deepEqual(told(needed(576)), of4(576));
  t.deepEqual(
    told(needed(1400, { quoted: quote(sent4, 1500, 28) })),
    of4(1400),
    'no more than RFC 792 asks for',
  );
  t.deepEqual(told(tooBig6(1400)), of6(1400));
  t.deepEqual(told(tooBig6(1280, { code: 9 })), of6(1280), 'whatever its code (RFC 8201 4)');
});

test.serial('one that does not say its MTU: the next of the usual ones (RFC 1191 7.1)', (t) => {
  t.deepEqual(told(needed(0)), of4(1492));
  t.deepEqual(told(needed(0, { quoted: quote(sent4, 1492) })), of4(1006));
  t.deepEqual(told(needed(0, { quoted: quote(sent4, 700) })), of4(576));
});

const other = (change: Partial<Outer>, length = 1500) => quote({ ...sent4, ...change }, length);
const edited = (edits: Record<number, number>, of = quote(sent4, 1500)) => {
  const bytes = Buffer.from(of);
  for (const [offset, value] of Object.entries(edits)) bytes[Number(offset)] = value;
  return bytes;
};
const wrong = (frame: Buffer, at: number) => {
  const bytes = Buffer.from(frame);
  bytes[at] = bytes[at]! ^ 1;
  return bytes;
};

const disbelieved: [string, Buffer][] = [
  ['less than any network has', needed(575)],
  ['a length below that', needed(0, { quoted: quote(sent4, 500) })],
  ['as much as the packet had', needed(1500)],
  ['more than the packet had', needed(1400, { quoted: quote(sent4, 1390) })],
  ['a packet longer than any of ours', needed(1400, { quoted: quote(sent4, 1501) })],
  ['another code', needed(1400, { code: 3 })],
  ['another type', needed(1400, { type: 11 })],
  ['to another address', needed(1400, { to: '192.0.2.9' })],
  ['a quoted source that is not us', needed(1400, { quoted: other({ src: '192.0.2.9' }) })],
  ['a quoted destination that is no chassis', needed(1400, { quoted: other({ dst: '192.0.2.9' }) })],
  ['another encapsulation', needed(1400, { quoted: other({ type: 'vxlan' }) })],
  ['a source port that is none of ours', needed(1400, { quoted: other({ sport: 4000 }) })],
  ['a quoted packet that is not UDP', needed(1400, { quoted: edited({ 9: 6 }) })],
  ['a quoted packet that may be fragmented', needed(1400, { quoted: edited({ 6: 0 }) })],
  ['a quoted packet with options', needed(1400, { quoted: edited({ 0: 0x46 }) })],
  ['IP options', needed(1400, { options: Buffer.from([1, 1, 1, 0]) })],
  ['cut off', needed(1400, { quoted: quote(sent4, 1500, 27) })],
  ['a wrong checksum of ICMP', wrong(needed(1400), 200)],
  ['a wrong checksum of IP', wrong(needed(1400), 22)],
  ['a frame that is longer', Buffer.concat([needed(1400), Buffer.alloc(2)])],
  [
    'an echo',
    ether(
      { src: macs.dstMac, dst: macs.srcMac, type: 0x0800 },
      ipv4({ src: ROUTER[4], dst: HERE[4], proto: 1 }, echo()),
    ),
  ],
  ['IPv6: less than any network has', tooBig6(1279)],
  ['IPv6: as much as the packet had', tooBig6(1500)],
  ['IPv6: beyond 16 bits', tooBig6(0x10500)],
  ['IPv6: another type', tooBig6(1400, { type: 1 })],
  ['IPv6: to another address', tooBig6(1400, { to: '2001:db8::9' })],
  [
    'IPv6: a quoted source that is not us',
    tooBig6(1400, { quoted: quote({ ...sent6, src: '2001:db8::9' }, 1500) }),
  ],
  [
    'IPv6: a quoted destination that is no chassis',
    tooBig6(1400, { quoted: quote({ ...sent6, dst: '2001:db8::9' }, 1500) }),
  ],
  ['IPv6: another encapsulation', tooBig6(1400, { quoted: quote({ ...sent6, type: 'geneve' }, 1500) })],
  ['IPv6: a quoted packet that is not UDP', tooBig6(1400, { quoted: edited({ 6: 6 }, quote(sent6, 1500)) })],
  ['IPv6: a wrong checksum', wrong(tooBig6(1400), 300)],
  ['IPv6: cut off', tooBig6(1400, { quoted: quote(sent6, 1500, 47) })],
];
for (const [what, frame] of disbelieved) {
  test.serial(`not believed: ${what}`, (t) => {
    t.deepEqual(told(frame), []);
  });
}

test.serial('what is known already is not told again', (t) => {
  lab.addTunnel(4, under.ifindex, sent4, { mtu: 1400 });
  t.deepEqual(told(needed(1400)), []);
  t.deepEqual(told(needed(1300)), [], 'no packet of 1,500 was sent since');
  t.deepEqual(told(needed(1300, { quoted: quote(sent4, 1400) })), of4(1300));
  lab.addTunnel(4, under.ifindex, sent4);
});

test.serial('tracing tells nobody', (t) => {
  lab.trace(needed(1400), 'uplink');
  t.deepEqual(events.takeRecords(), []);
});

test.serial('what arrives by the tunnel is none of it', (t) => {
  const back = { ...sent4, src: sent4.dst, dst: sent4.src };
  lab.run(encapsulated(back, needed(1400)), 'uplink');
  t.deepEqual(events.takeRecords(), []);
});
