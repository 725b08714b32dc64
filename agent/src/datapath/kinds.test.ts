import { ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import {
  chassisIntent,
  learnedIntent,
  type PortIntent,
  portIntent,
  switchIntent,
} from '../testsupport/intents.js';
import {
  iov_port_flag as flag,
  type iov_event,
  iov_event_kind,
  iov_rateCodec,
  iov_virtual_keyCodec,
  iov_dest_kind as kind,
} from './abi.js';
import { keyBuffer, u32 } from './entry.js';
import { observationOf } from './observe/observer.js';
import { Bench } from './testsupport/bench.js';

const MAC = (last: number) => `0a:00:00:00:00:${String(last).padStart(2, '0')}`;
const bytes = (last: number) => Buffer.from(MAC(last).replaceAll(':', ''), 'hex');
const FLOOD = 0x8000;

/** Two chassis besides this one, which can be reached. */
function bench(): Bench {
  const one = new Bench();
  one.compiler.setLocalEncaps([{ type: 'vxlan', ip: '192.0.2.1', csum: false }]);
  one.put(chassisIntent('hv2', ['vxlan', '192.0.2.2']), chassisIntent('hv3', ['vxlan', '192.0.2.3']));
  return one;
}

function flags(one: Bench, port: number): string[] {
  const value = one.port(port)?.flags ?? 0;
  return Object.entries(flag)
    .filter(([, bit]) => (value & bit) !== 0)
    .map(([name]) => name.slice('IOV_PORT_'.length).toLowerCase());
}

test('nested ports: tags on the tap of the parent, which is a trunk while it has one', (t) => {
  const one = bench();
  const kid = (id: string, key: number, more: PortIntent) =>
    portIntent(id, 's', key, { local: true, parent: 'vm', addresses: [MAC(key)], ...more });
  one.put(switchIntent('s', 5), portIntent('vm', 's', 1, { local: true }));
  one.put(kid('k1', 2, { tag: 10 }), kid('k2', 3, { tag: 20, tagEthertype: 0x88a8 }));
  one.compile();
  t.deepEqual(one.vlans(), [], 'the parent has no tap');
  t.false(one.compiler.isComplete('k1'));
  t.is(one.fdb(1, bytes(2))?.kind, kind.IOV_DEST_UNBOUND);

  one.plug('vm', { ifindex: 7, peer: true });
  one.compile();
  t.deepEqual(one.keys('iov_ifindex'), ['7%65536→1+']);
  t.deepEqual(one.vlans(), ['7.10s→2', '7.10→2', '7.20s→3', '7.20→3'], 'whichever Ethernet type');
  t.like(one.port(2), { ifindex: 7, vlan_id: 10, vlan_proto: 0x8100, port_key: 2 });
  t.like(one.port(3), { vlan_id: 20, vlan_proto: 0x88a8 });
  t.deepEqual(flags(one, 2), ['valid', 'enabled', 'peer', 'vlan']);
  t.true(one.compiler.isComplete('k1'));
  t.like(one.fdb(1, bytes(2)), { kind: kind.IOV_DEST_LOCAL, index: 2 });
  t.deepEqual(one.members(1, FLOOD, 'local'), [1, 2, 3]);

  one.remove(ResourceType.LOGICAL_PORT, 'k1');
  one.compile();
  t.deepEqual(one.keys('iov_ifindex'), ['7%65536→1+']);
  one.put(kid('k2', 3, { tag: 21 }));
  one.compile();
  t.deepEqual(one.vlans(), ['7.21s→3', '7.21→3']);
  one.remove(ResourceType.LOGICAL_PORT, 'vm');
  one.compile();
  t.deepEqual(one.keys('iov_ifindex'), ['7%65536→0+'], 'the tap is there');
  one.plug('vm', undefined);
  one.compile();
  t.false(one.compiler.isComplete('k2'));
  t.is(one.count('iov_vlan_ports') + one.count('iov_ifindex'), 0);
  t.is(one.port(3)!.flags & flag.IOV_PORT_VALID, 0);
});

test('localnet ports of several switches share a device by their tags', (t) => {
  const one = bench();
  const localnet = (switchId: string, tag: number, tagEthertype = 0) =>
    portIntent(`ln ${switchId}`, switchId, 9, {
      type: 'localnet',
      local: true,
      network: 'phys',
      tag,
      tagEthertype,
    });
  one.put(switchIntent('a', 1), switchIntent('b', 2), switchIntent('c', 3));
  one.put(localnet('a', 0), localnet('b', 100), localnet('c', 100, 0x88a8));
  one.compile();
  t.true(one.compiler.usesNetwork('phys'));
  t.is(one.count('iov_ifindex') + one.count('iov_vlan_ports'), 0, 'the network is not here');
  one.wire('phys', 20);
  one.compile();
  t.deepEqual(one.keys('iov_ifindex'), ['20%65536→1+']);
  t.deepEqual(one.vlans(), ['20.100s→3', '20.100→2'], 'each has its own');
  t.deepEqual(flags(one, 1), ['valid', 'enabled', 'localnet']);
  t.deepEqual(flags(one, 2), ['valid', 'enabled', 'vlan', 'localnet']);
  t.true(one.compiler.isComplete('ln a'));
  t.is(one.tunnelDest(1, 9), undefined, 'nobody tunnels to it');
  one.remove(ResourceType.LOGICAL_PORT, 'ln a');
  one.compile();
  t.deepEqual(one.keys('iov_ifindex'), ['20%65536→0+']);
});

/** What a switch reaches: by kind of port, where packets for its MAC go and what is flooded. */
const KINDS: Record<string, [mac: number, port: PortIntent]> = {
  elsewhere: [1, { chassis: 'hv2' }],
  unbound: [2, {}],
  'a gateway elsewhere': [3, { type: 'l2gateway', chassis: 'hv3', network: 'phys' }],
  'a localport without tap': [4, { type: 'localport', local: true }],
  'bound here without tap': [5, { local: true }],
  virtual: [6, { type: 'virtual', chassis: 'hv2' }],
  external: [7, { type: 'external', chassis: 'hv2' }],
  'external, claimed here': [10, { type: 'external', local: true }],
  router: [8, { type: 'router' }],
  'on two others': [9, { chassis: 'hv2', additionalChassis: ['hv3'] }],
};

test('a switch with its physical network here reaches by it what is elsewhere; without it, by tunnels', (t) => {
  const one = bench();
  one.put(switchIntent('s', 5));
  for (const [name, [last, port]] of Object.entries(KINDS)) {
    one.put(portIntent(name, 's', last, { ...port, addresses: [MAC(last)] }));
  }
  const where = () =>
    Object.fromEntries(
      Object.entries(KINDS).map(([name, [last]]) => {
        const dest = one.fdb(1, bytes(last));
        const index = dest?.kind === kind.IOV_DEST_UNBOUND ? '' : ` ${dest?.index}`;
        const [text] = Object.entries(kind).find(([, value]) => value === dest?.kind) ?? ['unknown'];
        return [name, `${text.replace('IOV_DEST_', '').toLowerCase()}${dest === undefined ? '' : index}`];
      }),
    );
  const byTunnel = {
    elsewhere: 'remote 1',
    unbound: 'unbound',
    'a gateway elsewhere': 'remote 2',
    'a localport without tap': 'unbound',
    'bound here without tap': 'unbound',
    virtual: 'unbound',
    external: 'unknown',
    'external, claimed here': 'unknown',
    router: 'unbound',
    'on two others': 'group 1',
  };
  one.compile();
  t.deepEqual(where(), byTunnel);
  t.deepEqual(one.members(1, FLOOD, 'remote'), [1, 2]);

  one.put(portIntent('ln', 's', 99, { type: 'localnet', local: true, network: 'phys' }));
  one.compile();
  t.deepEqual(where(), byTunnel, 'the network is not here');
  one.wire('phys', 20);
  one.compile();
  const wire = `local ${one.port(3)?.port_key === 99 ? 3 : 0}`;
  t.deepEqual(where(), {
    ...byTunnel,
    elsewhere: wire,
    unbound: wire,
    'a gateway elsewhere': wire,
    'a localport without tap': wire,
    'bound here without tap': wire,
    virtual: wire,
    'external, claimed here': wire.replace('local', 'external'),
  });
  t.is(one.fdb(1, bytes(1))?.egress_key, 99);
  t.deepEqual(one.members(1, FLOOD, 'local'), [3]);
  t.deepEqual(one.members(1, FLOOD, 'remote'), []);
  t.deepEqual(one.members(1, 9, 'remote'), [1, 2]);

  one.wire('phys', undefined);
  one.compile();
  t.deepEqual(where(), byTunnel);
  t.deepEqual(one.members(1, FLOOD, 'remote'), [1, 2]);
});

test('a localport is at its tap on each chassis, and at no tunnel', (t) => {
  const one = bench();
  one.put(switchIntent('s', 5));
  one.put(
    portIntent('lp', 's', 1, {
      type: 'localport',
      local: true,
      up: false,
      addresses: [`${MAC(1)} 10.0.0.1`],
    }),
  );
  one.compile();
  t.is(one.fdb(1, bytes(1))?.kind, kind.IOV_DEST_UNBOUND);
  t.is(one.count('iov_arp'), 1, 'answered for though it is bound nowhere');
  one.plug('lp', { ifindex: 7, peer: true });
  one.compile();
  t.like(one.fdb(1, bytes(1)), { kind: kind.IOV_DEST_LOCAL, index: 1 });
  t.deepEqual(flags(one, 1), ['valid', 'enabled', 'peer', 'localport']);
  t.is(one.tunnelDest(5, 1), undefined);
  t.deepEqual(one.members(1, FLOOD, 'local'), [1]);
  t.true(one.compiler.isComplete('lp'));
});

test('an l2gateway port is at the device of its network where it is bound, and others tunnel to it', (t) => {
  const one = bench();
  const gateway = (more: PortIntent) =>
    portIntent('gw', 's', 4, { type: 'l2gateway', network: 'phys', tag: 30, addresses: [MAC(1)], ...more });
  one.put(switchIntent('s', 5), gateway({ local: true, chassis: 'hv1' }));
  one.wire('phys', 20);
  one.compile();
  t.deepEqual(one.vlans(), ['20.30s→1', '20.30→1']);
  t.deepEqual(flags(one, 1), ['valid', 'enabled', 'vlan', 'l2gateway']);
  t.is(one.tunnelDest(5, 4)?.kind, kind.IOV_DEST_LOCAL);
  t.true(one.compiler.isComplete('gw'));
  one.put(gateway({ chassis: 'hv2' }));
  one.compile();
  t.deepEqual(one.vlans(), []);
  t.like(one.fdb(1, bytes(1)), { kind: kind.IOV_DEST_REMOTE, index: 1 });
  t.false(one.compiler.usesNetwork('phys'));
});

test('virtual and external ports have no device, nobody answers for them, and nothing is missing', (t) => {
  const one = bench();
  one.put(switchIntent('s', 5));
  for (const [index, type] of ['virtual', 'external'].entries()) {
    one.put(
      portIntent(type, 's', 1 + index, {
        type,
        local: true,
        addresses: [`${MAC(1 + index)} 10.0.0.${index}`],
      }),
    );
    one.plug(type, { ifindex: 7 + index, peer: true });
  }
  one.compile();
  t.is(one.count('iov_arp') + one.count('iov_ports') + one.count('iov_ifindex') + one.count('iov_groups'), 0);
  t.deepEqual([one.compiler.isComplete('virtual'), one.compiler.isComplete('external')], [true, true]);
});

test('a switch that passes VLANs through answers for nobody', (t) => {
  const one = bench();
  one.put(switchIntent('s', 5, { vlanPassthru: true }));
  one.put(portIntent('a', 's', 1, { addresses: [`${MAC(1)} 10.0.0.1 fd00::1`] }));
  one.compile();
  t.is(one.count('iov_arp') + one.count('iov_nd'), 0);
  one.put(switchIntent('s', 5));
  one.compile();
  t.is(one.count('iov_arp') + one.count('iov_nd'), 2);
});

test('what several chassis have is a group of its own key: here first, then all others', (t) => {
  const one = bench();
  const copy = (more: PortIntent) =>
    portIntent('p', 's', 4, {
      addresses: [MAC(1)],
      chassis: 'hv2',
      additionalChassis: ['hv1', 'hv3'],
      ...more,
    });
  one.put(switchIntent('s', 5), copy({ local: true }));
  one.plug('p', { ifindex: 7, peer: true });
  one.compile();
  t.deepEqual(one.fdb(1, bytes(1)), { kind: kind.IOV_DEST_GROUP, pad: 0, egress_key: 4, index: 1 });
  t.deepEqual(one.members(1, 4, 'local'), [1]);
  t.deepEqual(one.members(1, 4, 'remote'), [1, 2]);
  t.like(one.tunnelDest(5, 4), { kind: kind.IOV_DEST_LOCAL, index: 1 });
  t.deepEqual(one.members(1, FLOOD, 'remote'), [1, 2], 'what is flooded reaches the other copies');
  one.remove(ResourceType.REMOTE_CHASSIS, 'hv3');
  one.compile();
  t.deepEqual(one.members(1, 4, 'remote'), [1]);
  one.put(copy({ additionalChassis: [] }));
  one.compile();
  t.like(one.fdb(1, bytes(1)), { kind: kind.IOV_DEST_REMOTE, index: 1 });
  t.deepEqual([one.members(1, 4, 'local'), one.members(1, 4, 'remote')], [[], []]);
});

test('learned MACs follow the port of their key', (t) => {
  const one = bench();
  const learned = () => one.fdb(1, bytes(1), 'iov_learned');
  one.put(learnedIntent('l', 's', MAC(1), 4));
  one.compile();
  t.is(one.count('iov_learned'), 0, 'no switch yet');
  one.put(switchIntent('s', 5));
  one.compile();
  t.is(one.count('iov_learned'), 0, 'no port yet');
  one.put(portIntent('p', 's', 4, { chassis: 'hv2', unknown: true }));
  one.compile();
  t.like(learned(), { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 4 });
  one.put(portIntent('p', 's', 4, { local: true, unknown: true }));
  one.plug('p', { ifindex: 7, peer: true });
  one.compile();
  t.like(learned(), { kind: kind.IOV_DEST_LOCAL, index: 1 });
  one.plug('p', undefined);
  one.put(portIntent('ln', 's', 9, { type: 'localnet', local: true, network: 'phys', learn: true }));
  one.wire('phys', 20);
  one.compile();
  t.like(learned(), { kind: kind.IOV_DEST_LOCAL, index: 2, egress_key: 9 });
  one.put(portIntent('p', 's', 4, { chassis: 'hv2', additionalChassis: ['hv3'] }));
  one.compile();
  t.like(learned(), { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 4 });
  one.remove(ResourceType.LOGICAL_PORT, 'p');
  one.compile();
  t.is(one.count('iov_learned'), 0);
  one.wire('phys', undefined);
  one.put(portIntent('q', 's', 4, { chassis: 'hv3' }));
  one.compile();
  t.like(learned(), { kind: kind.IOV_DEST_REMOTE, index: 2 });
  one.remove(ResourceType.LEARNED_MAC, 'l');
  one.compile();
  t.is(one.count('iov_learned'), 0);
  t.is(one.compiler.refusals.size, 0);
});

test('rates are in bytes, and a burst that nobody chose holds the largest frame a machine hands over', (t) => {
  const one = bench();
  const rate = (qosMaxRate: bigint, qosBurst: bigint) => {
    one.put(switchIntent('s', 5), portIntent('p', 's', 1, { local: true, qosMaxRate, qosBurst }));
    one.compile();
    const value = one.get('iov_rates', u32(1));
    t.is(flags(one, 1).includes('rate'), value !== undefined);
    return value && iov_rateCodec.decode(value);
  };
  t.is(rate(0n, 0n), undefined);
  t.deepEqual(rate(8_000_000_000n, 0n), { bytes_per_second: 1_000_000_000n, burst: 100_000_000n });
  t.deepEqual(rate(80_000n, 0n), { bytes_per_second: 10_000n, burst: 65_792n });
  t.deepEqual(rate(80_000n, 1_600_000n), { bytes_per_second: 10_000n, burst: 200_000n });
  t.deepEqual(rate(1n, 12_001n), { bytes_per_second: 1n, burst: 1501n });
  t.is(rate(0n, 8n), undefined);
});

test('a parent may claim addresses of virtual ports of its own switch', (t) => {
  const one = bench();
  const virtualAddresses = [
    { portId: 'v4', ip: Buffer.from([10, 0, 0, 9]) },
    { portId: 'v6', ip: Buffer.from('fd000000000000000000000000000009', 'hex') },
    { portId: 'foreign', ip: Buffer.from([10, 0, 0, 8]) },
  ];
  const rows = () =>
    [...one.contents('iov_virtual_ips')]
      .map(([key, value]) => {
        const { port, ip } = iov_virtual_keyCodec.decode(keyBuffer(key));
        return `${port} ${ip.toString('hex')} ${value.readUInt32LE()}`;
      })
      .sort();
  one.put(switchIntent('s', 5), switchIntent('other', 6));
  one.put(portIntent('p', 's', 1, { local: true, virtualAddresses }));
  one.put(portIntent('foreign', 'other', 3, { type: 'virtual' }));
  one.compile();
  t.deepEqual(rows(), []);
  t.false(flags(one, 1).includes('virtual_parent'));
  one.put(portIntent('v4', 's', 7, { type: 'virtual' }), portIntent('v6', 's', 8, { type: 'virtual' }));
  one.compile();
  t.deepEqual(rows(), ['1 00000000000000000000ffff0a000009 7', '1 fd000000000000000000000000000009 8']);
  t.true(flags(one, 1).includes('virtual_parent'));
  one.put(portIntent('v4', 's', 17, { type: 'virtual' }));
  one.remove(ResourceType.LOGICAL_PORT, 'v6');
  one.compile();
  t.deepEqual(rows(), ['1 00000000000000000000ffff0a000009 17']);
});

test('a port that waits for a RARP is opened by it at once, and stays open until the coordinator agrees', (t) => {
  const one = bench();
  const port = (awaitsRarp: boolean) => portIntent('p', 's', 1, { local: true, awaitsRarp });
  const closed = () => flags(one, 1).includes('inactive');
  one.put(switchIntent('s', 5), port(true));
  one.plug('p', { ifindex: 7, peer: true });
  one.compile();
  t.true(closed());
  t.true(one.compiler.activate('p'));
  t.false(one.compiler.activate('p'), 'once');
  one.compile();
  t.false(closed());
  one.put(port(true));
  one.compile();
  t.false(closed(), 'the coordinator has not heard of it');
  t.deepEqual([...one.compiler.activated], ['p']);

  const next = one.restarted();
  t.deepEqual(next.text(), one.text(), 'nor has the one before the restart');
  t.deepEqual([...next.compiler.activated], ['p']);

  one.put(port(false));
  one.compile();
  t.deepEqual([...one.compiler.activated], []);
  t.false(closed());
  t.false(one.compiler.activate('p'));
  one.put(port(true));
  one.compile();
  t.true(closed(), 'another migration');
});

test('events are of ports that are here; others are dropped', (t) => {
  const one = bench();
  one.put(switchIntent('s', 5), portIntent('v', 's', 7, { type: 'virtual' }));
  one.put(
    portIntent('p', 's', 1, {
      local: true,
      learn: true,
      awaitsRarp: true,
      virtualAddresses: [{ portId: 'v', ip: Buffer.from([10, 0, 0, 9]) }],
    }),
    portIntent('q', 's', 2, { local: true }),
  );
  one.compile();
  const event = (which: number, more: Partial<iov_event> = {}) =>
    observationOf(
      {
        kind: which,
        port: 1,
        datapath: 1,
        port_key: 1,
        key: 0,
        mac: bytes(9),
        pad: Buffer.alloc(2),
        ...more,
      },
      one.compiler,
    );
  const { IOV_EVENT_MAC, IOV_EVENT_RARP, IOV_EVENT_VIRTUAL } = iov_event_kind;
  t.deepEqual(event(IOV_EVENT_MAC), { kind: 'mac', portId: 'p', mac: bytes(9) });
  t.deepEqual(event(IOV_EVENT_VIRTUAL, { key: 7 }), { kind: 'virtual', portId: 'v', parentId: 'p' });
  t.deepEqual(event(IOV_EVENT_RARP), { kind: 'activated', portId: 'p' });
  t.is(event(IOV_EVENT_MAC, { port: 77 }), undefined, 'no such number');
  t.is(event(IOV_EVENT_MAC, { port_key: 4 }), undefined, 'the number is of another port now');
  t.is(event(IOV_EVENT_MAC, { port: 2, port_key: 2 }), undefined, 'it does not learn');
  t.is(event(IOV_EVENT_VIRTUAL, { key: 8 }), undefined);
  t.is(event(99), undefined);
  one.remove(ResourceType.LOGICAL_PORT, 'p');
  one.compile();
  t.is(event(IOV_EVENT_MAC), undefined);
});
