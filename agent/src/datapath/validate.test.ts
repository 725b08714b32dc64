import type { MulticastQuerier, Resource } from '@iovisor-ovn/proto';
import test from 'ava';
import { learnedIntent, type PortIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { Refused } from './refused.js';
import { validate } from './validate.js';

const port = (more: PortIntent) => portIntent('p', 's', 1, { local: true, ...more });
const learned = (mac: string, key = 1) => learnedIntent('l', 's', mac, key);
const querier = (more: Partial<MulticastQuerier>) =>
  switchIntent('s', 1, {
    querier: {
      ...{ interval: 1, maxResponse: 1, ethSrc: Buffer.alloc(6) },
      ...{ ip4Src: Buffer.alloc(4), ip6Src: Buffer.alloc(16), ...more },
    },
  });

const nonsense: Record<string, [resource: Resource, says: RegExp]> = {
  'a tag of 13 bits': [port({ parent: 'vm', tag: 5000 }), /^tag is 5000/],
  'a nested port without a tag': [port({ parent: 'vm' }), /^tag: a port behind a parent needs one/],
  'a tag of no VLAN': [port({ tag: 5, tagEthertype: 0x0800 }), /^tag_ethertype is 0x800/],
  'a virtual address of 3 bytes': [
    port({ virtualAddresses: [{ portId: 'v', ip: Buffer.from([10, 0, 0]) }] }),
    /^virtual_addresses: .* not 3$/,
  ],
  'half a learned MAC': [learned('0a:00:00'), /^mac: a MAC has 6 bytes, not 3$/],
  'a learned multicast MAC': [learned('01:00:5e:00:00:01'), /^mac: nobody has/],
  'a learned broadcast MAC': [learned('ff:ff:ff:ff:ff:ff'), /^mac: nobody has/],
  'a learned MAC of zeroes': [learned('00:00:00:00:00:00'), /^mac: nobody has/],
  'a querier that asks all the time': [querier({ interval: 0 }), /^interval of querier is 0/],
  'a querier with half a MAC': [querier({ ethSrc: Buffer.alloc(3) }), /^querier: a MAC has 6 bytes/],
  'a learned MAC at no port': [learned('0a:00:00:00:00:01', 0), /^port_key is 0/],
};

for (const [name, [resource, says]] of Object.entries(nonsense)) {
  test(`${name} is refused by name`, (t) => {
    t.regex(t.throws(() => validate(resource), { instanceOf: Refused }).message, says);
  });
}

test('what is odd and harmless is taken', (t) => {
  const most = (1n << 64n) - 1n;
  t.notThrows(() => validate(port({ parent: 'p', tag: 4095 })), 'it is its own parent');
  t.notThrows(() => validate(port({ qosMaxRate: most, qosBurst: most })));
  t.notThrows(() => validate(learned('0a:00:00:00:00:01', 0x7fff)));
});
