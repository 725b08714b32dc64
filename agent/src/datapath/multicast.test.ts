import { igmp, igmp3 } from '@iovisor-ovn/iomodules/testing';
import test from 'ava';
import { groupIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import {
  iov_datapath_flag as flag,
  iov_datapathCodec,
  iov_event_kind,
  iov_mcast_event_layout,
  iov_mcast_keyCodec,
} from './abi.js';
import { keyBuffer } from './entry.js';
import { membershipsOf } from './observe/observer.js';
import { Bench } from './testsupport/bench.js';

const groups = [
  groupIntent('_MC_flood', 0x8000),
  groupIntent('_MC_mrouter_flood', 0x8002, ['a']),
  groupIntent('_MC_static', 0x8003, ['b']),
  groupIntent('_MC_flood_l2', 0x8004),
  groupIntent('239.1.2.3', 0x8005, ['a'], '239.1.2.3'),
  groupIntent('ff0e::1', 0x8006, ['a', 'b'], 'ff0e::1'),
  groupIntent('224.0.0.251', 0x8007, ['a']),
];

function snooping(): Bench {
  const bench = new Bench();
  bench.put(switchIntent('s', 5, { groups, mcastSnoop: true }));
  for (const [i, id] of ['a', 'b'].entries()) {
    bench.put(portIntent(id, 's', i + 1, { local: true }));
    bench.plug(id, { ifindex: i + 10, peer: false });
  }
  bench.compile();
  return bench;
}

/** iov_mcast as `datapath address → group`, addresses in hexadecimal. */
const addresses = (bench: Bench) =>
  [...bench.contents('iov_mcast')].map(([key, value]) => {
    const { datapath, ip } = iov_mcast_keyCodec.decode(keyBuffer(key));
    return `${datapath} ${ip.toString('hex')} → ${value.readUInt32LE().toString(16)}`;
  });

test('a switch that snoops: its groups, the addresses that have one, and who is in them', (t) => {
  const bench = snooping();
  t.deepEqual(iov_datapathCodec.decode(bench.entry('iov_datapaths', 1)!), {
    tunnel_key: 5,
    flood_group: 0x8000,
    unknown_group: 0,
    flags: flag.IOV_DATAPATH_SNOOP,
    flood_l2_group: 0x8004,
    static_group: 0x8003,
    mrouter_group: 0x8002,
  });
  t.deepEqual(addresses(bench), [
    '1 00000000000000000000ffffef010203 → 8005',
    '1 ff0e0000000000000000000000000001 → 8006',
  ]);
  t.deepEqual(bench.members(1, 0x8005, 'local'), [1]);
  t.deepEqual(bench.members(1, 0x8006, 'local'), [1, 2]);
  t.deepEqual(bench.members(1, 0x8003, 'local'), [2]);
  bench.put(switchIntent('s', 5, { groups, mcastSnoop: true, mcastFloodUnregistered: true }));
  bench.compile();
  t.is(
    iov_datapathCodec.decode(bench.entry('iov_datapaths', 1)!).flags,
    flag.IOV_DATAPATH_SNOOP | flag.IOV_DATAPATH_FLOOD_UNREGISTERED,
  );
  bench.put(switchIntent('s', 5, { groups }));
  bench.compile();
  t.deepEqual(addresses(bench), []);
  t.is(iov_datapathCodec.decode(bench.entry('iov_datapaths', 1)!).flags, 0);
});

test('messages are of ports that are here', (t) => {
  const { compiler } = snooping();
  const { offsets } = iov_mcast_event_layout;
  const record = (port: number, portKey: number, message: Buffer) => {
    const bytes = Buffer.alloc(offsets.message + message.length);
    bytes.writeUInt32LE(iov_event_kind.IOV_EVENT_IGMP, offsets.kind);
    bytes.writeUInt32LE(port, offsets.port);
    bytes.writeUInt16LE(portKey, offsets.port_key);
    message.copy(bytes, offsets.message);
    return bytes;
  };
  const group = Buffer.from([239, 1, 2, 3]);
  t.deepEqual(membershipsOf(record(2, 2, igmp(0x16, '239.1.2.3')), compiler), [
    { kind: 'membership', portId: 'b', membership: { group, left: false } },
  ]);
  const two = igmp3([
    { type: 4, group: '239.1.2.3' },
    { type: 3, group: '239.1.2.4' },
  ]);
  t.is(membershipsOf(record(1, 1, two), compiler).length, 2);
  t.deepEqual(membershipsOf(record(2, 1, two), compiler), [], 'the number is another port now');
  t.deepEqual(membershipsOf(record(9, 9, two), compiler), []);
  t.deepEqual(membershipsOf(record(1, 1, Buffer.alloc(0)), compiler), []);
});
