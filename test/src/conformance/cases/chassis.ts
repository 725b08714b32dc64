import { all, broadcast, host } from '../host.js';
import { becomesRow, hearing, inTurn, northbound, waitFor } from '../prepare.js';
import { answered, becomes, dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, ends6, test, typed } from './cases.js';
import { arpFrame, ethertype, udp4, udp6 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const m = host(0x0d);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });
const rarp = typed(m.mac, broadcast, ethertype.rarp);

/** A machine in live migration: on both hypervisors at once. */
export const twoChassis: Scenario = {
  setup: {
    name: 'rc',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      m1: { hv: 1, port: 'm', options: { 'requested-chassis': 'hv1,hv2' }, addresses: [all(m)] },
      m2: { hv: 2, port: 'm', options: { 'requested-chassis': 'hv1,hv2' }, addresses: [all(m)] },
    },
  },
  cases: [
    test('every packet goes to both', 'a', udp4(ends(a, m)), reaches('m1', 'm2')),
    test('from the other hypervisor too', 'c', udp4(ends(c, m)), reaches('m1', 'm2')),
    test('IPv6', 'c', udp6(ends6(c, m)), reaches('m1', 'm2')),
    test('an unknown ethertype', 'a', typed(a.mac, m.mac), reaches('m1', 'm2')),
    test('a broadcast', 'a', typed(a.mac, broadcast), everyone),
    test('a broadcast from the other hypervisor', 'c', typed(c.mac, broadcast), everyone),
    test('from the first to its neighbour', 'm1', udp4(ends(m, a)), reaches('a')),
    test('from the first to the other hypervisor', 'm1', udp4(ends(m, c)), reaches('c')),
    test('from the second to its neighbour', 'm2', udp4(ends(m, c)), reaches('c')),
    test('from the second to the other hypervisor', 'm2', udp4(ends(m, a)), reaches('a')),
    test('a broadcast of the first', 'm1', typed(m.mac, broadcast), everyone),
    test('a broadcast of the second', 'm2', typed(m.mac, broadcast), everyone),
    test('to its own MAC: to the other one', 'm1', typed(m.mac, m.mac), reaches('m2')),
    test('ARP for it', 'a', request(a, m), answered(reply(m, a))),
    test(
      'the answer to ARP of the first goes to both',
      'm1',
      request(m, c),
      becomes(reply(c, m), 'm1', 'm2'),
    ),
    test(
      'the answer to ARP of the second goes to both',
      'm2',
      request(m, a),
      becomes(reply(a, m), 'm1', 'm2'),
    ),
    {
      ...test('when it has moved: to the second only', 'a', udp4(ends(a, m)), reaches('m2')),
      prepare: inTurn(
        northbound('lsp-set-options', 'rc-m', 'requested-chassis=hv2'),
        becomesRow('Port_Binding', 'logical_port=rc-m', 'additional_chassis=[]'),
        hearing({ m1: false }),
      ),
    },
    test('the same from the other hypervisor', 'c', udp4(ends(c, m)), reaches('m2')),
    test('a broadcast after the move', 'a', typed(a.mac, broadcast), everyone),
    test('from where it was', 'm1', udp4(ends(m, a)), dropped()),
    test('a broadcast from where it was', 'm1', typed(m.mac, broadcast), dropped()),
    test('from where it is', 'm2', udp4(ends(m, a)), reaches('a')),
  ],
};

/** The same, with the second silent until its machine says that it runs. */
export const activation: Scenario = {
  setup: {
    name: 'ac',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      m1: {
        hv: 1,
        port: 'm',
        options: { 'requested-chassis': 'hv1,hv2', 'activation-strategy': 'rarp' },
        addresses: [all(m)],
      },
      m2: {
        hv: 2,
        port: 'm',
        options: { 'requested-chassis': 'hv1,hv2', 'activation-strategy': 'rarp' },
        addresses: [all(m)],
        deaf: true,
      },
    },
  },
  cases: [
    test('before: to the first only', 'a', udp4(ends(a, m)), reaches('m1')),
    test('before: from the other hypervisor', 'c', udp4(ends(c, m)), reaches('m1')),
    test('before: a broadcast', 'a', typed(a.mac, broadcast), everyone),
    test('before: a broadcast from the other hypervisor', 'c', typed(c.mac, broadcast), everyone),
    test('before: from the first', 'm1', udp4(ends(m, c)), reaches('c')),
    test('before: from the second', 'm2', udp4(ends(m, a)), dropped('inactive')),
    test('before: from the second to its neighbour', 'm2', udp4(ends(m, c)), dropped('inactive')),
    test('before: a broadcast of the second', 'm2', typed(m.mac, broadcast), dropped('inactive')),
    test('before: ARP of the second', 'm2', request(m, c), dropped('inactive')),
    {
      ...test('after the RARP: to both', 'a', udp4(ends(a, m)), reaches('m1', 'm2')),
      prepare: inTurn(
        waitFor('m2', rarp, 'Port_Binding', [
          'logical_port=ac-m',
          'options:additional-chassis-activated=hv2',
        ]),
        hearing({ m2: true }),
      ),
    },
    test('after: from the other hypervisor', 'c', udp4(ends(c, m)), reaches('m1', 'm2')),
    test('after: a broadcast', 'a', typed(a.mac, broadcast), everyone),
    test('after: from the second', 'm2', udp4(ends(m, a)), reaches('a')),
    test('after: from the second to its neighbour', 'm2', udp4(ends(m, c)), reaches('c')),
    test('after: from the first', 'm1', udp4(ends(m, c)), reaches('c')),
    test('after: another RARP', 'm2', rarp, everyone),
  ],
};
