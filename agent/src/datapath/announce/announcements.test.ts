import { setTimeout } from 'node:timers/promises';
import { LogicalPort } from '@iovisor-ovn/proto';
import test from 'ava';
import type { Receiver } from '../querier/index.js';
import { Announcements } from './announcements.js';

const mac = Buffer.from('020000000001', 'hex');
const ip4 = { address: Buffer.from([10, 0, 0, 7]), prefixLength: 32 };
const ip6 = { address: Buffer.from('fd000000000000000000000000000007', 'hex'), prefixLength: 128 };
const port = (o: Partial<LogicalPort> = {}) =>
  LogicalPort.fromPartial({
    switchId: 's',
    local: true,
    enabled: true,
    addresses: [{ mac, ips: [ip6, ip4], vrrp: [] }],
    ...o,
  });
const arp = `${'f'.repeat(12)}0200000000010806${'0001080006040001'}0200000000010a000007${'0'.repeat(12)}0a000007`;
const rarp = `${'f'.repeat(12)}0200000000018035${'0001080006040003'}02000000000100000000020000000001${'0'.repeat(8)}`;

function made(networks: Receiver[]) {
  const sent: { ifindex: number; frame: string }[] = [];
  const announcements = new Announcements({
    localnets: (id) => (id === 's' ? networks : []),
    send: (ifindex, frame) => sent.push({ ifindex, frame: frame.toString('hex') }),
    unitMs: 1,
  });
  return { sent, announcements };
}

/** Until nothing more can come: the pauses are 31 units together. */
async function over(sent: readonly unknown[], count: number): Promise<void> {
  for (let n = 0; n < 400 && sent.length < count; n++) await setTimeout(10);
  await setTimeout(100);
}

test('a machine is announced five times, behind the tag of its network, and not again by itself', async (t) => {
  const { sent, announcements } = made([{ ifindex: 7, vlan: { id: 5, proto: 0x8100 } }]);
  announcements.set('p', port());
  announcements.set('p', port());
  await over(sent, 5);
  const tagged = `${arp.slice(0, 24)}81000005${arp.slice(24)}`.padEnd(128, '0');
  t.deepEqual(sent, Array(5).fill({ ifindex: 7, frame: tagged }));
  announcements.set('p', port());
  await over(sent, 5);
  t.is(sent.length, 5);
  announcements.set('p', port({ addresses: [{ mac, ips: [ip6], vrrp: [] }] }));
  await over(sent, 10);
  t.is(sent.length, 10, 'another address is announced');
  t.is(sent.at(-1)!.frame, `${rarp.slice(0, 24)}81000005${rarp.slice(24)}`.padEnd(128, '0'));
  announcements.close();
});

test('who is not announced', async (t) => {
  const { sent, announcements } = made([{ ifindex: 7, vlan: undefined }]);
  announcements.set('elsewhere', port({ local: false }));
  announcements.set('off', port({ enabled: false }));
  announcements.set('moving', port({ additionalChassis: ['hv2'] }));
  announcements.set('nested', port({ parent: 'p' }));
  announcements.set('localport', port({ type: 'localport' }));
  announcements.set('unknown', port({ addresses: [] }));
  announcements.set('overlay', port({ switchId: 'without a physical network' }));
  announcements.set('gone', port());
  announcements.set('gone', undefined);
  await over(sent, 0);
  t.deepEqual(sent, []);
  // The migration is over.
  announcements.set('moving', port());
  await over(sent, 5);
  t.is(sent.length, 5);
  announcements.close();
});
