import test from 'ava';
import { iov_bucketCodec, iov_drop, iov_event_kind, iov_port_flag, iov_rateCodec } from '../gen/abi.js';
import { EventReader, ether, ipv4, Lab, type LabPort, number32, tcp, udp } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';

const lab = new Lab();
lab.addSwitch(1);
const b = lab.addPort({ addresses: [B] });
test.after.always(() => lab.close());

// Slow rates: nothing to speak of flows in while a test runs.
const limit = (port: LabPort, bytes_per_second: number | bigint, burst: number | bigint) =>
  lab.maps.iov_rates.update(
    number32(port.number),
    iov_rateCodec.encode({ bytes_per_second: BigInt(bytes_per_second), burst: BigInt(burst) }),
  );
function limited(rate: number | bigint, burst: number | bigint, set = 0): LabPort {
  const port = lab.addPort({ set: iov_port_flag.IOV_PORT_RATE | set });
  limit(port, rate, burst);
  return port;
}
const of = (length: number) => ether({ src: A, dst: B, type: 0x88b5 }, Buffer.alloc(length - 14));
/** How many of these frames pass, one after the other. */
const passing = (port: LabPort, frame: Buffer, tries: number, ctx = {}) =>
  Array.from({ length: tries }, () => lab.run(frame, port, { ctx })).filter(
    ({ action }) => action === 'redirect',
  ).length;

for (const [length, burst, passed] of [
  [100, 1000, 10],
  [100, 1099, 10],
  [64, 1000, 15],
  [1000, 1000, 1],
  [999, 2000, 2],
  [1500, 150_000, 100],
] as const) {
  test.serial(`of a bucket of ${burst} bytes, ${passed} frames of ${length} bytes drink`, (t) => {
    const port = limited(1, burst);
    t.is(passing(port, of(length), passed + 10), passed);
    t.is(lab.portDrops(port, iov_drop.IOV_DROP_RATE), 10n);
    t.is(lab.portCounters(port).rx_packets, BigInt(passed + 10));
  });
}

test.serial('small frames share what large ones have left', (t) => {
  const port = limited(1, 1000);
  t.is(passing(port, of(700), 2), 1);
  t.is(passing(port, of(100), 5), 3);
});

const large = (payload: number) =>
  ether(
    { src: A, dst: B, type: 0x0800 },
    ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6 }, tcp(1000, 80, Buffer.alloc(payload))),
  );
const datagrams = (payload: number) =>
  ether(
    { src: A, dst: B, type: 0x0800 },
    ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 80, Buffer.alloc(payload))),
  );
for (const [what, frame, gso_size, bytes] of [
  ['three segments', large(300), 100, 54 + 300 + 2 * 54],
  ['three segments, the last one short', large(250), 100, 54 + 250 + 2 * 54],
  ['one segment', large(100), 100, 54 + 100],
  ['ten segments', large(1000), 100, 54 + 1000 + 9 * 54],
  ['three datagrams', datagrams(300), 100, 42 + 300 + 2 * 42],
] as const) {
  test.serial(`a GSO packet of ${what} takes all the bytes that go over the wire`, (t) => {
    const port = limited(1, bytes + 100);
    t.is(passing(port, frame, 2, { gso_size, gso_segs: 3 }), 1);
    t.is(passing(port, of(100), 2), 1, 'the rest');
    const tight = limited(1, bytes + 99);
    t.is(passing(tight, frame, 1, { gso_size, gso_segs: 3 }), 1);
    t.is(passing(tight, of(100), 1), 0, 'less than the rest');
  });
}

test.serial('a packet larger than the bucket needs a full one and leaves a debt', (t) => {
  const port = limited(1, 100);
  t.is(passing(port, of(1000), 2), 1);
  t.is(passing(port, of(60), 1), 0);
  const used = limited(1, 100);
  t.is(passing(used, of(60), 1), 1);
  t.is(passing(used, of(1000), 1), 0);
});

const setBucket = (port: LabPort, secondsToFull: number) => {
  const full_at = process.hrtime.bigint() + BigInt(secondsToFull * 1e9);
  lab.maps.iov_buckets.update(number32(port.number), iov_bucketCodec.encode({ full_at }));
};
for (const [seconds, passed] of [
  [0, 10],
  [-1000, 10],
  [50, 5],
  [99.5, 0],
  [90.5, 0],
  [89.5, 1],
] as const) {
  test.serial(
    `ten bytes a second, ${seconds} s before a bucket of 1000 is full: ${passed} of 100 bytes`,
    (t) => {
      const port = limited(10, 1000);
      setBucket(port, seconds);
      t.is(passing(port, of(100), passed + 2), passed);
    },
  );
}

test.serial('a debt under a slow rate does not outlive it', (t) => {
  const port = limited(1, 1_000_000);
  t.is(passing(port, of(1500), 700), 666);
  limit(port, 1_000_000_000, 150_000);
  t.is(passing(port, of(1500), 50), 50);
});

for (const [rate, burst] of [
  [2n ** 40n, 2n ** 62n],
  [1n, 2n ** 62n],
  [2n ** 62n, 1500n],
  [100_000_000_000n / 8n, 1_000_000n],
] as const) {
  test.serial(`extreme limits overflow nothing: ${rate} bytes/s, burst ${burst}`, (t) => {
    t.is(passing(limited(rate, burst), of(1500), 20), 20);
  });
}

test.serial('at 0 bytes a second nothing passes', (t) => {
  t.is(passing(limited(0, 1000), of(100), 3), 0);
});

test.serial('without a row there is no limit', (t) => {
  const port = lab.addPort({ set: iov_port_flag.IOV_PORT_RATE });
  t.is(passing(port, of(100), 20), 20);
});

test.serial('ports have buckets of their own; those without a limit have none', (t) => {
  const [one, other, free] = [limited(1, 300), limited(1, 300), lab.addPort()];
  t.is(passing(one, of(100), 5), 3);
  t.is(passing(other, of(100), 5), 3);
  t.is(passing(free, of(100), 20), 20);
  t.is(passing(b, ether({ src: B, dst: A, type: 0x88b5 }), 1), 0, 'not for what goes to it either');
  t.is(lab.maps.iov_buckets.lookup(number32(free.number))!.readBigUInt64LE(), 0n);
});

test.serial('what port security refuses takes nothing', (t) => {
  const port = limited(1, 300);
  lab.setPort(port, { set: iov_port_flag.IOV_PORT_RATE, security: ['02:00:00:00:00:05'] });
  t.like(lab.run(of(100), port), { reason: 'portsec_in_mac' });
  lab.setPort(port, { set: iov_port_flag.IOV_PORT_RATE, security: [A] });
  t.is(passing(port, of(100), 5), 3);
});

test.serial('what is over the limit is not learned, the rest is', (t) => {
  const told = new EventReader(lab.maps.iov_events);
  const port = limited(1, 100, iov_port_flag.IOV_PORT_LEARN);
  const from = (src: string) => ether({ src, dst: B, type: 0x88b5 }, Buffer.alloc(86));
  lab.run(from('02:00:00:00:00:21'), port);
  t.like(lab.run(from('02:00:00:00:00:22'), port), { reason: 'rate' });
  t.deepEqual(
    told.take().map(({ kind, mac }) => [kind, mac[5]]),
    [[iov_event_kind.IOV_EVENT_MAC, 0x21]],
  );
});
