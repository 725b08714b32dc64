import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { iov_fdb_keyCodec, iov_field, iov_port_flag, iov_dest_kind as kind } from '../gen/abi.js';
import { arp, ether, ipv4, Lab, nd, udp } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const UNKNOWN = '02:00:00:00:00:77';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
lab.addSwitch(1, { flood: 0x8000 });
const a = lab.addPort({ addresses: [`${A} 10.0.0.1 fd00::1`] });
const b = lab.addPort({ addresses: [`${B} 10.0.0.2 fd00::2`] });
const c = lab.addPort();
lab.addGroup(1, 0x8000, { local: [a.number, b.number, c.number] });
lab.addSwitch(2, { flood: 0x8000, unknown: 0x8001 });
const d = lab.addPort({ datapath: 2, addresses: [A] });
const e = lab.addPort({ datapath: 2 });
const f = lab.addPort({ datapath: 2 });
lab.addGroup(2, 0x8001, { local: [d.number, e.number] });
test.after.always(() => lab.close());

const to = (dst: string, src = A) =>
  ether({ src, dst, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1, 2)));
const tx = () => [a, b, c, d, e, f].map((port) => lab.portCounters(port).tx_packets);

test.serial('a known MAC goes to its port', (t) => {
  const frame = to(B);
  const verdict = lab.run(frame, a);
  t.like(verdict, { action: 'redirect', port: b.number });
  t.deepEqual(verdict.packetOut, frame);
  t.is(verdict.scratch.egress_key, b.key);
  t.is(verdict.scratch.uncacheable, 0);
  const fields = iov_field.IOV_FIELD_IN_PORT | iov_field.IOV_FIELD_ETH_DST | iov_field.IOV_FIELD_ETH_TYPE;
  t.is(verdict.scratch.looked_at & fields, fields);
});

test.serial('its own MAC does not come back', (t) => {
  t.like(lab.run(to(A, UNKNOWN), a), { action: 'drop', reason: 'same_port' });
});

test.serial('an unknown MAC is dropped where no port takes unknown ones', (t) => {
  t.like(lab.run(to(UNKNOWN), a), { action: 'drop', reason: 'unknown_destination' });
});

test.serial('a MAC of another switch is unknown', (t) => {
  t.like(lab.run(to(B), f), { action: 'flood' });
});

test.serial('an unknown MAC goes to the ports with "unknown", but not back', (t) => {
  const before = tx();
  t.is(lab.run(to(UNKNOWN), e).action, 'flood');
  t.deepEqual(
    tx(),
    before.map((count, i) => (i === 3 ? count + 1n : count)),
  );
  t.is(lab.run(to(UNKNOWN), f).scratch.copies, 2);
});

test.serial('a known port that is bound nowhere', (t) => {
  lab.addMac(1, '02:00:00:00:00:55', { kind: kind.IOV_DEST_UNBOUND });
  t.like(lab.run(to('02:00:00:00:00:55'), a), { action: 'drop', reason: 'destination_unbound' });
});

test.serial('broadcast and multicast go to every other port', (t) => {
  for (const dst of [ALL, '01:00:5e:00:00:fb', '33:33:00:00:00:01']) {
    const before = tx();
    t.like(lab.run(to(dst), a), { action: 'flood' });
    t.deepEqual(
      tx(),
      before.map((count, i) => (i === 1 || i === 2 ? count + 1n : count)),
    );
  }
});

test.serial('broadcast in a switch without flood group', (t) => {
  lab.addSwitch(3);
  const port = lab.addPort({ datapath: 3 });
  t.like(lab.run(to(ALL), port), { action: 'drop', reason: 'empty_group' });
});

test.serial('a datapath that is not configured drops everything', (t) => {
  const port = lab.addPort({ datapath: 99 });
  t.like(lab.run(to(ALL), port), { action: 'drop', reason: 'empty_group' });
  t.like(lab.run(to(B), port), { action: 'drop', reason: 'unknown_destination' });
});

const request = (tpa: string, dst = ALL) =>
  ether({ src: A, dst, type: 0x0806 }, arp({ sha: A, spa: '10.0.0.1', tpa }));
const solicit = (target: string, dst: string, mac = '33:33:ff:00:00:02') =>
  ether({ src: A, dst: mac, type: 0x86dd }, nd({ type: 135, src: 'fd00::1', dst, target }));

const questions: [string, Buffer, 'answered' | 'flooded' | 'delivered'][] = [
  ['ARP for a known address', request('10.0.0.2'), 'answered'],
  ['ARP for a known address, in a unicast frame', request('10.0.0.2', B), 'answered'],
  ['ARP for an unknown address', request('10.0.0.9'), 'flooded'],
  ['gratuitous ARP', request('10.0.0.1'), 'flooded'],
  [
    'an ARP reply',
    ether({ src: A, dst: B, type: 0x0806 }, arp({ op: 2, sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' })),
    'delivered',
  ],
  ['a solicitation for a known address', solicit('fd00::2', 'ff02::1:ff00:2'), 'answered'],
  ['a solicitation for a known address, to it', solicit('fd00::2', 'fd00::2', B), 'answered'],
  ['a solicitation for an unknown address', solicit('fd00::9', 'ff02::1:ff00:9'), 'flooded'],
  ['a solicitation to all nodes', solicit('fd00::2', 'ff02::1'), 'flooded'],
  ['DAD for its own address', solicit('fd00::1', 'ff02::1:ff00:1'), 'flooded'],
  [
    'a solicitation with a hop limit of 254',
    ether(
      { src: A, dst: '33:33:ff:00:00:02', type: 0x86dd },
      nd({ type: 135, src: 'fd00::1', dst: 'ff02::1:ff00:2', target: 'fd00::2', hops: 254 }),
    ),
    'flooded',
  ],
  [
    'a solicitation with code 1',
    ether(
      { src: A, dst: '33:33:ff:00:00:02', type: 0x86dd },
      nd({ type: 135, src: 'fd00::1', dst: 'ff02::1:ff00:2', target: 'fd00::2', code: 1 }),
    ),
    'flooded',
  ],
  [
    'an advertisement',
    ether(
      { src: A, dst: B, type: 0x86dd },
      nd({ type: 136, src: 'fd00::1', dst: 'fd00::2', target: 'fd00::2' }),
    ),
    'delivered',
  ],
];
for (const [what, frame, outcome] of questions) {
  test.serial(`${what} is ${outcome}`, (t) => {
    const verdict = lab.run(frame, a);
    if (outcome === 'flooded') t.is(verdict.action, 'flood');
    else t.like(verdict, { action: 'redirect', port: outcome === 'answered' ? a.number : b.number });
    t.is(verdict.scratch.uncacheable, 1);
  });
}

test.serial('an address of the same number in another switch is not answered', (t) => {
  t.is(lab.run(request('10.0.0.2', ALL), lab.addPort({ datapath: 3 })).reason, 'empty_group');
});

test.serial('the owner may be down or disabled: it is answered for all the same', (t) => {
  lab.setPort(b, { clear: iov_port_flag.IOV_PORT_ENABLED });
  t.like(lab.run(request('10.0.0.2'), a), { action: 'redirect', port: a.number });
  lab.setPort(b);
});

test.serial('what the table said is remembered until the epoch changes, of each switch its own', (t) => {
  const mac = '02:00:00:00:01:01';
  const own = new Lab();
  t.teardown(() => own.close());
  own.addSwitch(1);
  own.addSwitch(2);
  const [from, first, second] = [own.addPort(), own.addPort(), own.addPort()];
  const other = own.addPort({ datapath: 2 });
  const dest = (port: { number: number }) => ({
    kind: kind.IOV_DEST_LOCAL,
    index: port.number,
    egress_key: 7,
  });
  own.addMac(1, mac, dest(first));
  for (let i = 0; i < 2; i++)
    t.like(own.run(to(mac), from), { port: first.number, scratch: { egress_key: 7 } });
  t.like(own.run(to(mac), other), { reason: 'unknown_destination' });
  own.addMac(2, mac, dest(other));
  t.like(own.run(to(mac), other), { reason: 'same_port' });
  own.addMac(1, mac, dest(second));
  t.like(own.run(to(mac), from), { port: second.number });
  own.maps.iov_fdb.clear();
  own.bumpEpoch(1);
  t.like(own.run(to(mac), from), { reason: 'unknown_destination' });
  own.addMac(1, mac, dest(first));
  t.like(own.run(to(mac), from), { port: first.number }, 'that it is unknown is not remembered');
});

test.serial('what the table said is not remembered for long, whoever forgot the epoch', async (t) => {
  const mac = '02:00:00:00:01:02';
  lab.addMac(1, mac, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: b.key });
  t.like(lab.run(to(mac), a), { port: b.number });
  lab.maps.iov_fdb.delete(
    iov_fdb_keyCodec.encode({ datapath: 1, mac: Buffer.from(mac.replaceAll(':', ''), 'hex') }),
  );
  for (let i = 0; i < 1000; i++) {
    if (lab.run(to(mac), a).reason === 'unknown_destination') return t.pass();
    await setTimeout(20);
  }
  return t.fail('still there');
});
