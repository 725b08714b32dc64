import { host } from '../host.js';
import { answered, everyone, reaches, type Scenario } from '../table.js';
import { ends, test } from './cases.js';
import { arpFrame, udp4 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const e = host(0x4e);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

/** Addresses that ovn-northd chooses: what counts is Logical_Switch_Port.dynamic_addresses. */
export const dynamic: Scenario = {
  setup: {
    name: 'dy',
    otherConfig: { subnet: '10.0.0.72/29', exclude_ips: '10.0.0.74..10.0.0.77' },
    ports: {
      a: { hv: 1, addresses: [`${a.mac} ${a.ip4}`] },
      c: { hv: 2, addresses: [`${c.mac} ${c.ip4}`] },
      // It gets the one that is left.
      e: { hv: 2, addresses: [`${e.mac} dynamic`], portSecurity: [e.mac] },
    },
  },
  cases: [
    test('to a MAC with a dynamic address', 'a', udp4(ends(a, e)), reaches('e')),
    test('the same on its hypervisor', 'c', udp4(ends(c, e)), reaches('e')),
    test('ARP for a dynamic address', 'a', request(a, e), answered(reply(e, a))),
    test('the same on its hypervisor', 'c', request(c, e), answered(reply(e, c))),
    test('ARP for an address that was not given away', 'a', request(a, host(0x4d)), everyone),
    test('from it', 'e', udp4(ends(e, a)), reaches('a')),
  ],
};
