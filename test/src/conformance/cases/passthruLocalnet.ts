import { all, broadcast, host } from '../host.js';
import { everyone, reaches, type Scenario } from '../table.js';
import { ends, tagged, test, typed } from './cases.js';
import { udp4 } from './packets.js';

/** other_config:vlan-passthru on a provider network: the machines' tags stay. */
function passthru(name: string, first: number, network: string, tag?: number): Scenario {
  const [a, c, out] = [first, first + 1, first + 2].map(host) as [
    ReturnType<typeof host>,
    ReturnType<typeof host>,
    ReturnType<typeof host>,
  ];
  return {
    setup: {
      name,
      otherConfig: { 'vlan-passthru': 'true' },
      ports: {
        a: { hv: 1, addresses: [all(a)] },
        c: { hv: 2, addresses: [all(c)] },
        ln: { hv: 1, type: 'localnet', network, addresses: ['unknown'], ...(tag ? { tag } : {}) },
      },
    },
    cases: [
      test('untagged, to the wire', 'a', udp4(ends(a, out)), reaches('ln')),
      test('tagged, to the wire', 'a', tagged(udp4(ends(a, out)), 5), reaches('ln')),
      test('tagged, to the other hypervisor', 'a', tagged(udp4(ends(a, c)), 5), reaches('c', 'ln')),
      test('tagged broadcast', 'a', tagged(typed(a.mac, broadcast), 5), everyone),
      test('tagged, from the wire', 'ln', tagged(udp4(ends(out, a)), 5), reaches('a')),
      test('tagged broadcast from the wire', 'ln', tagged(typed(out.mac, broadcast), 5), everyone),
      test('untagged, from the wire', 'ln', udp4(ends(out, a)), reaches('a')),
    ],
  };
}

export const passthruFlat = passthru('vpf', 0x50, 'physnet3');
export const passthruTagged = passthru('vpt', 0x58, 'physnet1', 50);
