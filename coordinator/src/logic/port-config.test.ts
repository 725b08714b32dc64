import test from 'ava';
import type { LogicalSwitchPortRow } from '../monitor/rows.js';
import { readPortConfig } from './port-config.js';
import { unsupportedByPort, unsupportedBySwitch } from './unsupported.js';

function lsp(
  more: Partial<LogicalSwitchPortRow> = {},
  options: Record<string, string> = {},
): LogicalSwitchPortRow {
  const fixed = { _uuid: 'u', name: 'p', type: '', addresses: [], port_security: [] };
  return { ...fixed, options: new Map(Object.entries(options)), ...more };
}

function complaints(row: LogicalSwitchPortRow): string[] {
  return [...readPortConfig(row).problems, ...unsupportedByPort(row)].map(({ message }) => message);
}

test('which ports learn, as northd decides it', (t) => {
  const addresses = ['unknown'];
  const learns = (more: Partial<LogicalSwitchPortRow>, options = {}) =>
    readPortConfig(lsp({ addresses, ...more }, options)).learn;
  t.true(learns({}));
  t.true(learns({ addresses: ['0a:00:00:00:00:01', 'unknown'] }));
  t.false(learns({ addresses: ['0a:00:00:00:00:01'] }));
  t.false(learns({ port_security: ['0a:00:00:00:00:01'] }));
  t.true(learns({ port_security: ['garbage'] }), 'an element that is none is none');
  t.false(learns({ type: 'localnet' }));
  t.true(learns({ type: 'localnet' }, { localnet_learn_fdb: 'true' }));
  t.false(learns({ type: 'localnet', addresses: [] }, { localnet_learn_fdb: 'true' }));
  for (const type of ['localport', 'l2gateway', 'virtual', 'external'])
    t.false(learns({ type }, { localnet_learn_fdb: 'true' }), type);
});

test('a MAC with a dynamic address that nobody chose is a MAC, as for northd', (t) => {
  const macs = (more: Partial<LogicalSwitchPortRow>) =>
    readPortConfig(lsp(more)).addresses.map(
      ({ mac, ips }) => `${Buffer.from(mac).toString('hex')}+${ips.length}`,
    );
  t.deepEqual(macs({ addresses: ['0a:00:00:00:00:01 dynamic'] }), ['0a0000000001+0']);
  t.deepEqual(macs({ addresses: ['dynamic'] }), []);
  const dynamic_addresses = '0a:00:00:00:00:01 10.0.0.2';
  t.deepEqual(macs({ addresses: ['0a:00:00:00:00:01 dynamic'], dynamic_addresses }), ['0a0000000001+1']);
});

test('addresses: all elements count, dynamic once, router and what is none not', (t) => {
  const row = lsp({
    addresses: [
      'router',
      '0a:00:00:00:00:01 10.0.0.1',
      'dynamic',
      '0a:00:00:00:00:02',
      'dynamic',
      'x',
      'unknown',
    ],
    dynamic_addresses: '0a:00:00:00:00:03 10.0.0.3',
  });
  const config = readPortConfig(row);
  t.deepEqual(
    config.addresses.map(({ mac }) => mac[5]),
    [1, 3, 2],
  );
  t.true(config.unknown);
  t.deepEqual(complaints(row), [
    '"dynamic" is a second dynamic address; it is ignored',
    '"x" is not understood (wanted: MAC [IP …], unknown, router or dynamic); it is ignored',
  ]);
  t.deepEqual(readPortConfig(lsp({ addresses: ['dynamic'] })).addresses, [], 'northd has not chosen yet');
});

test('options that are wrong are ignored, and said so', (t) => {
  const net = (options: Record<string, string>) =>
    lsp({ type: 'localnet' }, { network_name: 'n', ...options });
  t.is(readPortConfig(net({ ethtype: '802.11AD' })).options.tagEthertype, 0x88a8);
  t.deepEqual(complaints(net({ ethtype: '802.1ad' })), []);
  t.deepEqual(complaints(net({ ethtype: 'x' })), [
    'ethtype "x" is neither 802.11q nor 802.11ad; 802.11q is used',
  ]);
  t.is(readPortConfig(net({ ethtype: 'x' })).options.tagEthertype, 0x8100);
  const qos = lsp({}, { qos_max_rate: '10k', qos_burst: '-1', qos_min_rate: '5' });
  t.like(readPortConfig(qos).options, { qosMaxRate: 0n, qosBurst: 0n });
  t.is(complaints(qos).length, 3);
  t.is(readPortConfig(lsp({}, { qos_max_rate: '123456789012' })).options.qosMaxRate, 123_456_789_012n);
  const virtual = (options: Record<string, string>) => lsp({ type: 'virtual' }, options);
  t.deepEqual(complaints(virtual({ 'virtual-ip': '10.0.0.1', 'virtual-parents': 'a,,b' })), []);
  t.deepEqual(
    readPortConfig(virtual({ 'virtual-ip': 'fd00::1', 'virtual-parents': 'a,,b' })).options.virtual?.parents,
    ['a', 'b'],
  );
  t.is(
    readPortConfig(virtual({ 'virtual-ip': '10.0.0', 'virtual-parents': 'a' })).options.virtual,
    undefined,
  );
  for (const bad of [{}, { 'virtual-ip': '10.0.0.1' }, { 'virtual-ip': 'x', 'virtual-parents': 'a' }])
    t.is(complaints(virtual(bad as Record<string, string>)).length, 1);
});

test('what is not done is said, what is done is not', (t) => {
  for (const type of ['', 'localport']) t.deepEqual(complaints(lsp({ type })), []);
  for (const type of ['router', 'vtep', 'remote', 'switch', 'nonsense'])
    t.is(complaints(lsp({ type })).length, 1, type);
  t.deepEqual(complaints(lsp({ parent_name: 'par' }, { mcast_flood: 'true', 'iface-id-ver': '1' })), []);
  t.is(complaints(lsp({ type: 'localnet' })).length, 1);
  t.is(complaints(lsp({ type: 'l2gateway' })).length, 2);
  t.is(complaints(lsp({ type: 'external' })).length, 1);
  t.deepEqual(complaints(lsp({ type: 'external', ha_chassis_group: 'g' })), []);
  t.deepEqual(complaints(lsp({}, { 'activation-strategy': 'rarp' })), []);
  const ls = (key: string) => ({ _uuid: 'l', name: 'l', ports: [], other_config: new Map([[key, 'true']]) });
  t.deepEqual(unsupportedBySwitch(ls('vlan-passthru')), []);
  t.deepEqual(unsupportedBySwitch(ls('mcast_snoop')), []);
  const querier = { mcast_snoop: 'true', mcast_eth_src: '02:00:00:00:00:01', mcast_ip6_src: 'fe80::1' };
  const queries = (more: Record<string, string>) =>
    unsupportedBySwitch({ ...ls(''), other_config: new Map(Object.entries({ ...querier, ...more })) });
  t.deepEqual(queries({}), []);
  t.regex(queries({ mcast_ip4_src: 'fe80::1' })[0]?.message ?? '', /^mcast_ip4_src is "fe80::1"/);
  t.deepEqual(queries({ mcast_ip4_src: 'fe80::1', mcast_querier: 'false' }), []);
});

test('a VRRPv3 element that is void is said so, those beside it count', (t) => {
  const own = '00:00:00:00:10:01';
  const row = lsp({ port_security: [own, `VRRPv3 ${own} 00:00:5e:00:01:00`, `VRRPv3 ${own}`] });
  t.deepEqual(
    readPortConfig(row).portSecurity.map(({ vrrp }) => vrrp.length),
    [0, 2],
  );
  t.deepEqual(complaints(row), [
    `"VRRPv3 ${own} 00:00:5e:00:01:00" is void: 00:00:5e:00:01:00 ends in 0, which no virtual router has; it is ignored`,
  ]);
});
