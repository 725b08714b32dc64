import { all, broadcast, host, macIp4 } from '../host.js';
import { expectRow, waitFor } from '../prepare.js';
import { dropped, everyone, reaches, type Scenario } from '../table.js';
import { ends, test, typed } from './cases.js';
import { arpFrame, udp4 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const p1 = host(0x11);
const p2 = host(0x12);
const alien = host(0x13);
const vip = host(0x50);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
/** The virtual address at a machine's own MAC, as keepalived announces it. */
const announce = (who: typeof a) => arpFrame({ sha: who.mac, spa: vip.ip4, tpa: vip.ip4 });
const answers = (who: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: who.mac, spa: vip.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

const claimed = (parent: string, frame: Buffer) =>
  waitFor(parent, frame, 'Port_Binding', ['logical_port=vi-vip', `virtual_parent=vi-${parent}`]);
const unclaimed = expectRow('Port_Binding', 'logical_port=vi-vip', 'chassis=[]');

/**
 * An address that whoever announces it has. OVN notes who that is for the router; within the switch it answers no ARP for it,
 * and no frame for the virtual port's own MAC arrives anywhere.
 */
export const virtual: Scenario = {
  setup: {
    name: 'vi',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      p1: { hv: 1, addresses: [all(p1)], portSecurity: [`${macIp4(p1)} ${vip.ip4}`] },
      p2: { hv: 2, addresses: [all(p2)] },
      alien: { hv: 1, addresses: [all(alien)] },
      vip: {
        hv: 1,
        type: 'virtual',
        options: { 'virtual-ip': vip.ip4, 'virtual-parents': 'vi-p1,vi-p2' },
        addresses: [macIp4(vip)],
      },
    },
  },
  cases: [
    test('ARP before anybody has it', 'a', request(a, vip), everyone),
    test('a packet for its MAC before anybody has it', 'a', udp4(ends(a, vip)), dropped()),
    test('an announcement of somebody who may not have it', 'alien', announce(alien), everyone),
    { ...test('does not count', 'a', request(a, vip), everyone), prepare: unclaimed },
    test('the announcement of a parent reaches all', 'p1', announce(p1), everyone),
    {
      ...test('ARP for it when a parent has it', 'a', request(a, vip), everyone),
      prepare: claimed('p1', announce(p1)),
    },
    test('ARP for it from the other hypervisor', 'c', request(c, vip), everyone),
    test('the parent answers', 'p1', answers(p1, c), reaches('c')),
    test('a packet for it', 'c', udp4({ ...ends(c, p1), to: vip.ip4 }), reaches('p1')),
    test('a packet for its own MAC', 'a', udp4(ends(a, vip)), dropped()),
    test('a packet for its own MAC from the other hypervisor', 'c', udp4(ends(c, vip)), dropped()),
    test('a packet with it as source', 'p1', udp4({ ...ends(p1, c), from: vip.ip4 }), reaches('c')),
    test('broadcast', 'a', typed(a.mac, broadcast), everyone),
    {
      ...test(
        'a packet after it moved by an ARP answer',
        'a',
        udp4({ ...ends(a, p2), to: vip.ip4 }),
        reaches('p2'),
      ),
      prepare: claimed('p2', answers(p2, c)),
    },
    {
      ...test('and moved back', 'c', udp4({ ...ends(c, p1), to: vip.ip4 }), reaches('p1')),
      prepare: claimed('p1', announce(p1)),
    },
  ],
};
