import { all, broadcast, host } from '../host.js';
import { answered, everyone, reaches, type Scenario } from '../table.js';
import { ends, test, typed } from './cases.js';
import { arpFrame, solicit, udp4 } from './packets.js';

const a = host(0x41);
const c = host(0x42);
const ext = host(0x43);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });

/** A machine outside (SR-IOV, bare metal) for which OVN only answers: its frames are on the wire. */
export const external: Scenario = {
  setup: {
    name: 'ex',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      ext: { hv: 1, type: 'external', addresses: [all(ext)] },
      ln: { hv: 1, type: 'localnet', network: 'physnet1', tag: 40, addresses: ['unknown'] },
    },
    northbound: [
      ...['--', '--id=@c', 'create', 'HA_Chassis', 'chassis_name=hv1', 'priority=10'],
      ...['--', '--id=@g', 'create', 'HA_Chassis_Group', 'name=ex', 'ha_chassis=@c'],
      ...['--', 'set', 'Logical_Switch_Port', 'ex-ext', 'ha_chassis_group=@g'],
    ],
  },
  cases: [
    test('to it: onto the wire', 'a', udp4(ends(a, ext)), reaches('ln')),
    test('to it from the other hypervisor', 'c', udp4(ends(c, ext)), reaches('ln')),
    test('from it', 'ln', udp4(ends(ext, a)), reaches('a')),
    test('from it to the other hypervisor', 'ln', udp4(ends(ext, c)), reaches('c')),
    test('a broadcast', 'a', typed(a.mac, broadcast), everyone),
    test('a broadcast from it', 'ln', typed(ext.mac, broadcast), everyone),
    test('ARP for it', 'a', request(a, ext), everyone),
    test('ARP for it from the other hypervisor', 'c', request(c, ext), everyone),
    test('ND for it', 'a', solicit(a, ext.ip6), everyone),
    test('ARP of it', 'ln', request(ext, a), everyone),
    test('ARP between machines', 'a', request(a, c), answered(reply(c, a))),
  ],
};
