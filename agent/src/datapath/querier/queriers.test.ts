import { setTimeout } from 'node:timers/promises';
import type { MulticastQuerier } from '@iovisor-ovn/proto';
import test from 'ava';
import { Queriers } from './queriers.js';

const querier: MulticastQuerier = {
  interval: 1,
  maxResponse: 3,
  ethSrc: Buffer.from('020000000101', 'hex'),
  ip4Src: Buffer.from([10, 0, 0, 254]),
  ip6Src: Buffer.from('fe800000000000000000000000000001', 'hex'),
};

test('each port of the switch is asked once and again, behind its tag, until nobody wants it', async (t) => {
  const sent: { ifindex: number; frame: string }[] = [];
  const queriers = new Queriers({
    receivers: (id) =>
      id === 's'
        ? [7, 8].map((n) => ({ ifindex: n, vlan: n === 8 ? { id: 5, proto: 0x8100 } : undefined }))
        : [],
    send: (ifindex, frame) => sent.push({ ifindex, frame: frame.toString('hex') }),
  });
  t.teardown(() => queriers.close());
  queriers.set('s', querier);
  t.is(sent.length, 0, 'its ports are not there yet');
  queriers.begin();
  queriers.set('s', { ...querier });
  queriers.begin();
  const some = async (count: number) => {
    while (sent.length < count) await setTimeout(10);
  };
  await some(4);
  const [igmp, mld, tagged] = sent;
  t.deepEqual(
    sent.map(({ ifindex }) => ifindex),
    [7, 7, 8, 8],
  );
  t.is(
    igmp!.frame,
    '01005e0000010200000001010800' + '45c000200000400001028e1d0a0000fee0000001' + '111eeec300000000001e0000',
  );
  t.regex(mld!.frame, /^33330000000102000000010186dd600000000024000[01]/);
  t.true(tagged!.frame.startsWith(`${igmp!.frame.slice(0, 24)}81000005${igmp!.frame.slice(24)}`));
  await some(8);
  queriers.set('s', { ...querier, ip6Src: new Uint8Array() });
  queriers.begin();
  await some(10);
  t.notRegex(
    sent
      .slice(8)
      .map(({ frame }) => frame)
      .join(),
    /86dd/,
    'the one family that is left',
  );
  queriers.set('s', undefined);
  queriers.begin();
  t.is(sent.length, 10);
});
