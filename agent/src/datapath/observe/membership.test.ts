import { igmp, igmp3, mld, mld2 } from '@iovisor-ovn/iomodules/testing';
import test from 'ava';
import { parseIp } from '../../testsupport/parseIp.js';
import { igmpMemberships, type Membership, mldMemberships } from './membership.js';

const join = (group: string): Membership => ({ group: Buffer.from(parseIp(group)), left: false });
const leave = (group: string): Membership => ({ ...join(group), left: true });
const query: Membership = { group: Buffer.alloc(0), left: false };
const G = '239.1.2.3';
const W = 'ff0e::1234';

const messages: [string, Membership[], Membership[]][] = [
  ['IGMP query', igmpMemberships(igmp(0x11, G)), [query]],
  ['IGMPv1 report', igmpMemberships(igmp(0x12, G)), [join(G)]],
  ['IGMPv2 report', igmpMemberships(igmp(0x16, G)), [join(G)]],
  ['IGMPv2 leave', igmpMemberships(igmp(0x17, G)), [leave(G)]],
  ['another IGMP', igmpMemberships(igmp(0x13, G)), []],
  ['MLD query', mldMemberships(mld(130, '::')), [query]],
  ['MLDv1 report', mldMemberships(mld(131, W)), [join(W)]],
  ['MLDv1 done', mldMemberships(mld(132, W)), [leave(W)]],
  ['another ICMPv6', mldMemberships(mld(128, W)), []],
  [
    'IGMPv3 report',
    igmpMemberships(
      igmp3([
        { type: 1, group: '239.0.0.1' },
        { type: 1, group: '239.0.0.2', sources: 2 },
        { type: 2, group: '239.0.0.3' },
        { type: 3, group: '239.0.0.4' },
        { type: 3, group: '239.0.0.5', sources: 1 },
        { type: 9, group: '239.0.0.6' },
        { type: 4, group: '239.0.0.7' },
      ]),
    ),
    [
      leave('239.0.0.1'),
      join('239.0.0.2'),
      join('239.0.0.3'),
      leave('239.0.0.4'),
      join('239.0.0.5'),
      join('239.0.0.7'),
    ],
  ],
  [
    'MLDv2 report',
    mldMemberships(
      mld2([
        { type: 4, group: W, sources: 3 },
        { type: 3, group: 'ff0e::2' },
      ]),
    ),
    [join(W), leave('ff0e::2')],
  ],
];
for (const [what, found, wanted] of messages) test(what, (t) => void t.deepEqual(found, wanted));

test('what is cut ends where it is cut, and nothing throws', (t) => {
  const groups = [
    { type: 4, group: G, sources: 1 },
    { type: 4, group: '239.9.9.9' },
  ];
  const whole = igmp3(groups);
  t.deepEqual(igmpMemberships(whole.subarray(0, whole.length - 1)), [join(G)]);
  const boasting = igmp3(groups);
  boasting.writeUInt16BE(0xffff, 6);
  t.is(igmpMemberships(boasting).length, 2);
  for (const message of [whole, mld2([{ type: 4, group: W }]), mld(131, W), igmp(0x16, G)])
    for (let length = 0; length < message.length; length++) {
      t.notThrows(() => igmpMemberships(message.subarray(0, length)));
      t.notThrows(() => mldMemberships(message.subarray(0, length)));
    }
});
