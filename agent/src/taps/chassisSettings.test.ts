import test from 'ava';
import type { Bridge, Open_vSwitch } from '../gen/vswitch.js';
import { readChassisSettings } from './chassisSettings.js';

function read(externalIds: Record<string, string>) {
  const complaints: string[] = [];
  const root = { _uuid: 'u', external_ids: new Map(Object.entries(externalIds)) } as unknown as Open_vSwitch;
  const bridge = { datapath_type: 'system' } as Bridge;
  const settings = readChassisSettings(root, bridge, ['tap', 'internal'], 'machine', ({ column, message }) =>
    complaints.push(`${column}: ${message}`),
  );
  return { ...settings, complaints };
}
const least = { 'system-id': 'hv1', 'ovn-encap-type': 'vxlan', 'ovn-encap-ip': '192.0.2.1' };

test('the least that is needed', (t) => {
  const { config, complaints, coordinator, cleanupOnExit } = read(least);
  t.like(config, { name: 'hv1', hostname: 'machine', transportZones: [] });
  t.deepEqual(config?.encaps, [{ type: 'vxlan', ip: '192.0.2.1', csum: true }]);
  t.deepEqual(complaints, []);
  t.is(coordinator, undefined);
  t.false(cleanupOnExit);
});

test('the key with the system-id wins, for that system-id only', (t) => {
  const { config, coordinator, cleanupOnExit } = read({
    ...least,
    'ovn-encap-ip-hv1': '192.0.2.2',
    'ovn-encap-ip-hv2': '192.0.2.3',
    'ovn-cms-options': 'a',
    'ovn-cms-options-hv1': '',
    'hostname-hv1': 'node1',
    'iovisor-coordinator': '10.0.0.1:6650',
    'iovisor-coordinator-hv1': '10.0.0.2:6650',
    'ovn-cleanup-on-exit': 'True',
  });
  t.is(config?.encaps[0]?.ip, '192.0.2.2');
  t.is(config?.otherConfig['ovn-cms-options'], '');
  t.is(config?.hostname, 'node1');
  t.is(coordinator, '10.0.0.2:6650');
  t.true(cleanupOnExit);
});

test('every type with every address, Geneve first; a wrong element is left out and named', (t) => {
  const { config, complaints } = read({
    'system-id': 'hv1',
    'ovn-encap-type': 'vxlan, stt,geneve,',
    'ovn-encap-ip-hv1': '2001:db8::1,nonsense, 10.1',
    'ovn-encap-csum': 'false',
  });
  t.deepEqual(config?.encaps, [
    { type: 'geneve', ip: '2001:db8::1', csum: false },
    { type: 'vxlan', ip: '2001:db8::1', csum: false },
  ]);
  t.deepEqual(complaints, [
    'external_ids:ovn-encap-type: "stt" is no tunnel type of this agent (geneve, vxlan); left out',
    'external_ids:ovn-encap-ip-hv1: "nonsense" is not an IP address; left out',
    'external_ids:ovn-encap-ip-hv1: "10.1" is not an IP address; left out',
  ]);
});

test('what the outer header shall be: numbers as in C, without ECN; DF or not', (t) => {
  const tosOf = (text: string) => {
    const { encapTos, complaints } = read({ ...least, 'ovn-encap-tos': text });
    return complaints.length === 0 ? encapTos : complaints[0]!.split(':')[1];
  };
  t.deepEqual(['none', '', 'inherit', '184', '0xb8', '0270', '0'].map(tosOf), [
    0,
    0,
    'inherit',
    184,
    184,
    184,
    0,
  ]);
  for (const wrong of ['185', '256', '-4', 'Inherit', '1e2', '0b100', '09'])
    t.is(tosOf(wrong), 'ovn-encap-tos');
  t.is(read(least).setLocalIp, false);
  t.is(read({ ...least, 'ovn-set-local-ip': 'true' }).setLocalIp, true);
  t.is(read(least).encapDf, true);
  t.is(read({ ...least, 'ovn-encap-df_default': 'true' }).encapDf, true);
  t.is(read({ ...least, 'ovn-encap-df_default': 'false' }).encapDf, false);
  const both = read({ ...least, 'ovn-encap-ip': '192.0.2.1,192.0.2.2', 'ovn-encap-ip-default': '192.0.2.2' });
  t.deepEqual(
    both.config?.encaps.map(({ isDefault }) => isDefault),
    [undefined, true],
  );
});

test('what is missing is said, and there is no chassis without it', (t) => {
  const nothing = read({ 'iovisor-coordinator': '[::1]:6650' });
  t.is(nothing.config, undefined);
  t.is(nothing.coordinator, '[::1]:6650');
  t.deepEqual(
    nothing.complaints.map((text) => text.split(': ')[0]),
    ['external_ids:system-id', 'external_ids:ovn-encap-type', 'external_ids:ovn-encap-ip'],
  );
  const { config, complaints } = read({ ...least, 'ovn-encap-ip': 'nonsense' });
  t.is(config, undefined);
  t.is(complaints.length, 2);
});
