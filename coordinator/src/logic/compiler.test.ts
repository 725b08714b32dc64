import test from 'ava';
import { pino } from 'pino';
import type {
  ChassisRow,
  LogicalSwitchPortRow,
  NorthboundRows,
  PortBindingRow,
  SouthboundRows,
} from '../monitor/rows.js';
import { northboundTables } from '../monitor/tables.js';
import { ProblemRegistry } from '../problems/registry.js';
import { Compiler } from './compiler.js';
import type { ResourceKey } from './resource.js';

/** A compiler fed row by row, as the replicas would, that notes what it marks. */
class Bench {
  readonly problems = new ProblemRegistry(pino({ level: 'silent' }));
  readonly #rows = new Map<string, { _uuid: string }>();
  readonly #tables = new Map<string, keyof NorthboundRows | keyof SouthboundRows>();
  /** Names of Northbound ports which were deleted before their Port_Binding: when agents hear of it is a matter of history. */
  readonly #gone = new Set<string>();
  marks = new Set<string>();
  readonly bindings: string[] = [];
  readonly compiler = new Compiler(this.problems, {
    dirty: (chassis, key) => this.marks.add(`${chassis}: ${key}`),
    bindingChanged: (name) => this.bindings.push(name),
    chassisChanged: () => undefined,
  });

  sb<T extends keyof SouthboundRows>(table: T, row: SouthboundRows[T]): void {
    this.#tables.set(row._uuid, table);
    this.compiler.applySouthbound({ table, ...this.#next(row) } as never);
  }

  nb<T extends keyof NorthboundRows>(table: T, row: NorthboundRows[T]): void {
    this.#tables.set(row._uuid, table);
    if (table === 'Logical_Switch_Port') this.#gone.delete((row as LogicalSwitchPortRow).name);
    this.compiler.applyNorthbound({ table, ...this.#next(row) } as never);
  }

  remove(side: 'nb' | 'sb', table: keyof NorthboundRows | keyof SouthboundRows, uuid: string): void {
    const old = this.#rows.get(uuid);
    if (!old) return;
    const change = { table, uuid, old } as never;
    this.#rows.delete(uuid);
    const { name, logical_port: bound } = old as Partial<LogicalSwitchPortRow & PortBindingRow>;
    if (table === 'Port_Binding') this.#gone.delete(bound ?? '');
    if (table === 'Logical_Switch_Port' && this.#rows.has(`pb-${name}`)) this.#gone.add(name ?? '');
    if (side === 'nb') this.compiler.applyNorthbound(change);
    else this.compiler.applySouthbound(change);
  }

  /** Version of everything that the chassis must hold. */
  versions(chassis: string): [mark: string, version: bigint][] {
    const found: [string, bigint][] = [];
    for (const key of this.compiler.wanted(chassis)) {
      const version = this.compiler.resource(chassis, key)?.resource.version;
      if (version !== undefined) found.push([`${chassis}: ${key}`, version]);
    }
    return found;
  }

  get hasGone(): boolean {
    return this.#gone.size > 0;
  }

  /** Another one which got the rows as they are now, in any order. */
  fresh(): Bench {
    const fresh = new Bench();
    for (const [uuid, row] of this.#rows) {
      const table = this.#tables.get(uuid)!;
      if (table in northboundTables) fresh.nb(table as keyof NorthboundRows, row as never);
      else fresh.sb(table as keyof SouthboundRows, row as never);
    }
    return fresh;
  }

  /** What was marked since the last call, sorted. */
  taken(): string[] {
    const taken = [...this.marks].sort();
    this.marks = new Set();
    return taken;
  }

  /** Names of the ports a chassis must hold, with "local" where it has them. */
  held(chassis: string): string[] {
    return [...this.compiler.wanted(chassis)]
      .map((key) => ({ key, body: this.compiler.resource(chassis, key)?.resource.body }))
      .filter(({ body }) => body !== undefined)
      .map(({ key, body }) => (body?.$case === 'logicalPort' && body.value.local ? `${key} local` : `${key}`))
      .sort();
  }

  #next(row: { _uuid: string }) {
    const old = this.#rows.get(row._uuid);
    this.#rows.set(row._uuid, row);
    return { uuid: row._uuid, row, old };
  }
}

function binding(name: string, more: Partial<PortBindingRow> = {}): PortBindingRow {
  const fixed = { type: '', options: new Map(), tunnel_key: 1, up: false };
  return { _uuid: `pb-${name}`, logical_port: name, datapath: 'dp', ...fixed, ...more };
}

function lsp(name: string, more: Partial<LogicalSwitchPortRow> = {}): LogicalSwitchPortRow {
  return { _uuid: `lsp-${name}`, name, type: '', addresses: [], port_security: [], ...more };
}

function network(names: readonly string[], chassis: readonly string[] = ['hv1', 'hv2']): Bench {
  const bench = new Bench();
  for (const name of chassis) {
    bench.sb('Encap', {
      _uuid: `e-${name}`,
      type: 'geneve',
      ip: name,
      chassis_name: name,
      options: new Map(),
    });
    bench.sb('Chassis', { _uuid: `c-${name}`, name, hostname: name, encaps: [`e-${name}`] });
  }
  const external = new Map([['logical-switch', 'ls']]);
  bench.sb('Datapath_Binding', { _uuid: 'dp', tunnel_key: 7, external_ids: external });
  bench.nb('Logical_Switch', { _uuid: 'ls', name: 'sw0', ports: names.map((name) => `lsp-${name}`) });
  for (const name of names) {
    bench.nb('Logical_Switch_Port', lsp(name));
    bench.sb('Port_Binding', binding(name));
  }
  bench.taken();
  return bench;
}

test('a chassis takes part in a switch from its first port to its last', (t) => {
  const bench = network(['a', 'b']);
  t.deepEqual(bench.held('hv1'), []);
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-b', 'switch/dp']);
  t.deepEqual(bench.taken(), ['hv1: port/pb-a', 'hv1: port/pb-b', 'hv1: switch/dp']);
  bench.sb('Port_Binding', binding('b', { chassis: 'c-hv2' }));
  t.deepEqual(bench.held('hv1'), ['chassis/hv2', 'port/pb-a local', 'port/pb-b', 'switch/dp']);
  t.deepEqual(bench.held('hv2'), ['chassis/hv1', 'port/pb-a', 'port/pb-b local', 'switch/dp']);
  bench.taken();
  bench.sb('Port_Binding', binding('b'));
  t.deepEqual(bench.held('hv2'), []);
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-b', 'switch/dp']);
  const marks = bench.taken();
  for (const key of ['chassis/hv1', 'port/pb-a', 'port/pb-b', 'switch/dp'])
    t.true(marks.includes(`hv2: ${key}`));
  t.true(marks.includes('hv1: chassis/hv2'));
});

test('ports that only a VLAN could tell apart, and that have the same, are problems until one changes', (t) => {
  const bench = network(['a', 'b', 'kid', 'ln', 'ln2']);
  const said = () => bench.problems.list().filter(({ column }) => column === 'tag');
  const wire = { type: 'localnet', options: new Map([['network_name', 'phys']]) };
  bench.sb('Port_Binding', binding('b', { parent_port: 'a', tag: 5 }));
  bench.sb('Port_Binding', binding('kid', { parent_port: 'a', tag: 5 }));
  bench.sb('Port_Binding', binding('ln', wire));
  bench.sb('Port_Binding', binding('ln2', { ...wire, tag: 5 }));
  t.deepEqual(
    said().map(({ name, message }) => [name, message.split(';')[0]]),
    [
      ['b', 'b, kid are all VLAN 5 of port a'],
      ['kid', 'b, kid are all VLAN 5 of port a'],
    ],
  );
  bench.sb('Port_Binding', binding('ln2', wire));
  t.regex(
    said().at(-1)!.message,
    /^ln, ln2 are all the untagged frames of the physical network phys in one /,
  );
  bench.sb('Port_Binding', binding('ln2', { ...wire, datapath: 'dp2' }));
  t.false(
    said().some(({ name }) => name === 'ln'),
    'each switch has a wire of its own',
  );
  bench.sb('Port_Binding', binding('ln2', wire));
  bench.sb('Port_Binding', binding('kid', { parent_port: 'a', tag: 6 }));
  bench.remove('sb', 'Port_Binding', 'pb-ln');
  t.deepEqual(said(), []);
});

test('a port on two chassis is local to both', (t) => {
  const bench = network(['a']);
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1', additional_chassis: ['c-hv2'] }));
  t.deepEqual(bench.held('hv1'), ['chassis/hv2', 'port/pb-a local', 'switch/dp']);
  t.deepEqual(bench.held('hv2'), ['chassis/hv1', 'port/pb-a local', 'switch/dp']);
});

test('a row change marks its resource for the chassis that take part, and nothing else', (t) => {
  const bench = network(['a', 'b', 'c'], ['hv1', 'hv2', 'hv3']);
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('b', { chassis: 'c-hv2' }));
  bench.taken();
  bench.nb('Logical_Switch_Port', lsp('c', { addresses: ['0a:00:00:00:00:01'] }));
  t.deepEqual(bench.taken(), ['hv1: port/pb-c', 'hv2: port/pb-c']);
  bench.nb('Logical_Switch', { _uuid: 'ls', name: 'sw0', ports: ['lsp-a', 'lsp-b'] });
  t.deepEqual(bench.taken(), [], 'its list of ports is not what the agents are told');
  bench.nb('Logical_Switch', { _uuid: 'ls', name: 'new', ports: ['lsp-a', 'lsp-b'] });
  t.deepEqual(bench.taken(), ['hv1: switch/dp', 'hv2: switch/dp']);
  bench.sb('Multicast_Group', { _uuid: 'mg', datapath: 'dp', name: '_MC_flood', tunnel_key: 32768 });
  t.deepEqual(bench.taken(), ['hv1: switch/dp', 'hv2: switch/dp']);
  bench.sb('Encap', { _uuid: 'e-hv1', type: 'geneve', ip: 'x', chassis_name: 'hv1', options: new Map() });
  t.true(bench.taken().includes('hv2: chassis/hv1'));
  bench.nb('Logical_Switch_Port', lsp('stranger'));
  t.deepEqual(bench.taken(), []);
});

test('adding a port to a switch of 1,000 marks one resource per chassis', (t) => {
  const names = Array.from({ length: 1000 }, (_, i) => `p${i}`);
  const bench = network(names);
  bench.sb('Port_Binding', binding('p0', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('p1', { chassis: 'c-hv2' }));
  bench.taken();
  bench.nb('Logical_Switch_Port', lsp('new'));
  bench.nb('Logical_Switch', {
    _uuid: 'ls',
    name: 'sw0',
    ports: [...names, 'new'].map((name) => `lsp-${name}`),
  });
  bench.sb('Port_Binding', binding('new'));
  t.deepEqual(bench.taken(), ['hv1: port/pb-new', 'hv2: port/pb-new']);
});

test('rows in any order end in the same resources with the same versions', (t) => {
  const steps: ((bench: Bench) => void)[] = [
    (bench) => bench.sb('Chassis', { _uuid: 'c-hv1', name: 'hv1', hostname: 'hv1', encaps: ['e-hv1'] }),
    (bench) => bench.sb('Chassis', { _uuid: 'c-hv2', name: 'hv2', hostname: 'hv2', encaps: ['e-hv2'] }),
    (bench) =>
      bench.sb('Encap', { _uuid: 'e-hv2', type: 'vxlan', ip: 'i', chassis_name: 'hv2', options: new Map() }),
    (bench) =>
      bench.sb('Datapath_Binding', {
        _uuid: 'dp',
        tunnel_key: 7,
        external_ids: new Map([['logical-switch', 'ls']]),
      }),
    (bench) => bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' })),
    (bench) => bench.sb('Port_Binding', binding('b', { chassis: 'c-hv2' })),
    (bench) => bench.nb('Logical_Switch', { _uuid: 'ls', name: 'sw0', ports: ['lsp-a', 'lsp-b'] }),
    (bench) => bench.nb('Logical_Switch_Port', lsp('a', { port_security: ['0a:00:00:00:00:01'] })),
    (bench) => bench.nb('Logical_Switch_Port', lsp('b', { addresses: ['unknown'] })),
    (bench) => bench.nb('Port_Group', { _uuid: 'pg', name: 'pg', ports: ['lsp-a'], acls: ['acl'] }),
    (bench) => bench.nb('ACL', { _uuid: 'acl', action: 'drop', priority: 1 }),
  ];
  const versions = (order: readonly number[]) => {
    const bench = new Bench();
    for (const index of order) steps[index]?.(bench);
    return [...bench.compiler.wanted('hv1')]
      .map((key) => `${key} ${bench.compiler.resource('hv1', key)?.resource.version}`)
      .sort();
  };
  const wanted = versions([...steps.keys()]);
  t.is(wanted.length, 4);
  let seed = 7;
  for (let round = 0; round < 200; round++) {
    const order = [...steps.keys()];
    for (let i = order.length - 1; i > 0; i--) {
      seed = (seed * 48_271) % 2_147_483_647;
      const j = seed % (i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    t.deepEqual(versions(order), wanted, order.join());
  }
});

test('whatever changes in whatever order: following the marks ends where compiling everything does', (t) => {
  let seed = 12_345;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const pick = <T>(list: readonly T[]) => list[random(list.length)]!;
  const hosts = ['hv1', 'hv2', 'hv3'];
  const names = ['a', 'b', 'c', 'd'];
  const datapath = (n: number) => ({
    _uuid: `dp${n}`,
    tunnel_key: n,
    external_ids: new Map([['logical-switch', `ls${n}`]]),
  });
  const bound = () => (random(3) === 0 ? {} : { chassis: `c-${pick(hosts)}` });
  const kinds = ['', 'localnet', 'localport', 'virtual', 'l2gateway', 'external'];
  const options = (): [string, string][] => [
    ['virtual-ip', `10.0.0.${random(3)}`],
    ['virtual-parents', names.filter(() => random(2) === 0).join(',')],
    ['network_name', pick(['n1', 'n2'])],
    ['localnet_learn_fdb', pick(['true', 'false'])],
    ['qos_max_rate', String(random(3))],
  ];
  const changes: ((bench: Bench) => void)[] = [
    (bench) => bench.sb('Port_Binding', binding(pick(names), { datapath: `dp${random(2)}`, ...bound() })),
    (bench) =>
      bench.sb(
        'Port_Binding',
        binding(pick(names), { datapath: 'dp0', ...bound(), additional_chassis: ['c-hv2'] }),
      ),
    (bench) => bench.remove('sb', 'Port_Binding', `pb-${pick(names)}`),
    (bench) => {
      const name = pick(names);
      const activation: [string, string][] = [['activation-strategy', 'rarp']];
      if (random(2) === 0) activation.push(['additional-chassis-activated', pick(hosts)]);
      const more = { type: pick(kinds), tag: random(2) === 0 ? 7 : undefined, options: new Map(activation) };
      const ha = random(2) === 0 ? { ha_chassis_group: 'g1' } : {};
      const parent = random(3) === 0 ? { parent_port: pick(names) } : {};
      const beside = random(2) === 0 ? { additional_chassis: [`c-${pick(hosts)}`] } : {};
      const place = { datapath: `dp${random(2)}`, ...bound() };
      bench.sb('Port_Binding', binding(name, { ...place, ...more, ...ha, ...parent, ...beside }));
    },
    (bench) => {
      const some = { addresses: [pick(['unknown', '0a:00:00:00:00:01'])], options: new Map(options()) };
      bench.nb('Logical_Switch_Port', lsp(pick(names), { type: pick(kinds), ...some }));
    },
    (bench) => {
      const ha_chassis = ['m0', 'm1'].filter(() => random(2) === 0);
      bench.sb('HA_Chassis_Group', { _uuid: 'g1', ha_chassis });
    },
    (bench) => {
      const chassis = random(4) === 0 ? undefined : `c-${pick(hosts)}`;
      bench.sb('HA_Chassis', { _uuid: `m${random(2)}`, chassis, priority: random(3) });
    },
    (bench) => bench.remove('sb', 'HA_Chassis', `m${random(2)}`),
    (bench) => bench.remove('sb', 'HA_Chassis_Group', 'g1'),
    (bench) => {
      const mac = pick(['0a:00:00:00:00:09', '0a:00:00:00:00:0A', 'nonsense']);
      bench.sb('FDB', { _uuid: `f${random(3)}`, mac, dp_key: random(4), port_key: random(3) });
    },
    (bench) => bench.remove('sb', 'FDB', `f${random(3)}`),
    (bench) => {
      const name = pick(hosts);
      const zones = { transport_zones: ['z0', 'z1'].filter(() => random(2) === 0) };
      const other_config = new Map(random(4) === 0 ? [['is-remote', 'true']] : []);
      bench.sb('Chassis', { _uuid: `c-${name}`, name, hostname: name, encaps: [], ...zones, other_config });
    },
    (bench) => {
      const n = random(2);
      bench.sb('Datapath_Binding', { ...datapath(n), tunnel_key: pick([n, n + 2]) });
    },
    (bench) => bench.sb('Datapath_Binding', datapath(random(2))),
    (bench) => bench.remove('sb', 'Datapath_Binding', `dp${random(2)}`),
    (bench) => {
      const name = pick(hosts);
      bench.sb('Chassis', { _uuid: `c-${name}`, name, hostname: `h${random(3)}`, encaps: [`e-${name}`] });
    },
    (bench) => bench.remove('sb', 'Chassis', `c-${pick(hosts)}`),
    (bench) => {
      const name = pick(hosts);
      const ip = `192.0.2.${random(9)}`;
      bench.sb('Encap', { _uuid: `e-${name}`, type: 'vxlan', ip, chassis_name: name, options: new Map() });
    },
    (bench) => {
      const n = random(3);
      bench.sb('Multicast_Group', {
        _uuid: `mg${n}`,
        datapath: `dp${random(2)}`,
        name: `g${n}`,
        tunnel_key: n,
      });
    },
    (bench) => bench.remove('sb', 'Multicast_Group', `mg${random(3)}`),
    (bench) => bench.nb('Logical_Switch_Port', lsp(pick(names), { enabled: random(2) === 0 })),
    (bench) => {
      const name = pick(names);
      bench.remove('nb', 'Logical_Switch_Port', `lsp-${name}`);
      if (random(8) > 0) bench.remove('sb', 'Port_Binding', `pb-${name}`);
    },
    (bench) => {
      const ports = names.filter(() => random(2) === 0).map((name) => `lsp-${name}`);
      const acls = random(3) === 0 ? ['acl'] : [];
      bench.nb('Logical_Switch', { _uuid: `ls${random(2)}`, name: `sw${random(3)}`, ports, acls });
    },
    (bench) => bench.nb('ACL', { _uuid: 'acl', priority: 1, action: pick(['allow', 'drop']) }),
    (bench) => {
      const ports = names.filter(() => random(2) === 0).map((name) => `lsp-${name}`);
      bench.nb('Port_Group', { _uuid: 'pg', name: 'pg', ports, acls: random(2) === 0 ? ['acl'] : [] });
    },
    (bench) => {
      const options = new Map([['ignore_lsp_down', String(random(2) === 0)]]);
      bench.nb('NB_Global', { _uuid: 'nb', nb_cfg: 1, options });
    },
  ];
  let compared = 0;
  for (let round = 0; round < 40; round++) {
    const bench = new Bench();
    const held = new Map<string, bigint>();
    for (let step = 0; step < 250; step++) {
      pick(changes)(bench);
      for (const mark of bench.taken()) {
        const [chassis = '', key = ''] = mark.split(': ');
        const version = bench.compiler.resource(chassis, key as ResourceKey)?.resource.version;
        if (version === undefined) held.delete(mark);
        else held.set(mark, version);
      }
      const source = step % 5 === 0 && !bench.hasGone ? bench.fresh() : bench;
      if (source !== bench) compared++;
      const wanted = hosts.flatMap((chassis) => source.versions(chassis));
      t.deepEqual([...held].sort(), wanted.sort(), `round ${round}, step ${step}`);
    }
  }
  t.true(compared > 500, `compared ${compared} times`);
});

test('a port is looked at again when its switch becomes known after it', (t) => {
  const bench = new Bench();
  bench.sb('Port_Binding', binding('a'));
  t.deepEqual(bench.bindings, ['a']);
  const external = new Map([['logical-switch', 'ls']]);
  bench.sb('Datapath_Binding', { _uuid: 'dp', tunnel_key: 7, external_ids: external });
  t.deepEqual(bench.bindings, ['a', 'a']);
});

test('what a port’s removal takes away', (t) => {
  const bench = network(['a', 'b']);
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  bench.taken();
  bench.remove('sb', 'Port_Binding', 'pb-a');
  bench.remove('nb', 'Logical_Switch_Port', 'lsp-a');
  t.deepEqual(bench.held('hv1'), []);
  t.true(bench.taken().includes('hv1: port/pb-a'));
  t.is(bench.compiler.southbound.portsOf('c-hv1').size, 0);
});

test('a port is sent when both databases have it, and taken back when Southbound has it no more', (t) => {
  const bench = network(['a']);
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('new'));
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'switch/dp']);
  bench.nb('Logical_Switch_Port', lsp('new'));
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-new', 'switch/dp']);
  bench.taken();
  bench.remove('nb', 'Logical_Switch_Port', 'lsp-new');
  t.deepEqual(bench.taken(), []);
  bench.remove('sb', 'Port_Binding', 'pb-new');
  t.deepEqual(bench.taken(), ['hv1: port/pb-new']);
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'switch/dp']);
});

test('ports of a router’s datapath are nobody’s business', (t) => {
  const bench = network(['a']);
  bench.sb('Datapath_Binding', {
    _uuid: 'lr',
    tunnel_key: 8,
    external_ids: new Map([['logical-router', 'r']]),
  });
  bench.sb('Port_Binding', binding('cr-x', { datapath: 'lr', type: 'chassisredirect', chassis: 'c-hv1' }));
  t.deepEqual(bench.held('hv1'), []);
});

test('ignore_lsp_down=false: a port that is down is not answered for', (t) => {
  const bench = network(['a']);
  const up = () => {
    const key = [...bench.compiler.wanted('hv1')].find((one) => one === 'port/pb-a');
    const body = key && bench.compiler.resource('hv1', key)?.resource.body;
    return body && body.$case === 'logicalPort' && body.value.up;
  };
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  t.true(up());
  bench.nb('NB_Global', { _uuid: 'g', nb_cfg: 3, options: new Map([['ignore_lsp_down', 'false']]) });
  t.false(up());
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1', up: true }));
  t.true(up());
  // As a stock one leaves it that went away, beside another port which keeps hv1 in the switch.
  bench.nb('Logical_Switch_Port', lsp('b'));
  bench.sb('Port_Binding', binding('b', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('a', { up: true }));
  t.false(up());
  for (const type of ['localport', 'router']) {
    bench.nb('Logical_Switch_Port', lsp('a', { type }));
    t.true(up(), type);
  }
});

test('an ACL that closes something closes the ports it could apply to, until it is gone', (t) => {
  const bench = network(['a', 'b']);
  const reasons = () =>
    ['a', 'b'].map((name) => bench.compiler.northbound.failClosed(`lsp-${name}`).replace(/ is not.*/, ''));
  bench.nb('Port_Group', { _uuid: 'pg', name: 'web', ports: ['lsp-a'], acls: ['acl'] });
  bench.nb('ACL', { _uuid: 'acl', action: 'allow', priority: 5 });
  t.deepEqual(reasons(), ['', '']);
  t.is(bench.problems.size, 1);
  bench.nb('ACL', { _uuid: 'acl', action: 'drop', priority: 5 });
  t.deepEqual(reasons(), ['ACL "drop" of Port_Group web', '']);
  bench.nb('Port_Group', { _uuid: 'pg', name: 'web', ports: ['lsp-b'], acls: ['acl'] });
  t.deepEqual(reasons(), ['', 'ACL "drop" of Port_Group web']);
  bench.nb('Port_Group', { _uuid: 'pg', name: 'web', ports: ['lsp-b'], acls: [] });
  t.deepEqual(reasons(), ['', '']);
  bench.nb('Logical_Switch', { _uuid: 'ls', name: 'sw0', ports: ['lsp-a', 'lsp-b'], acls: ['acl'] });
  t.deepEqual(reasons(), ['ACL "drop" of Logical_Switch sw0', 'ACL "drop" of Logical_Switch sw0']);
  bench.nb('Logical_Switch', { _uuid: 'ls', name: 'sw0', ports: ['lsp-a', 'lsp-b'], acls: [] });
  t.deepEqual(reasons(), ['', '']);
  t.is(bench.problems.size, 0);
});

test('an expected binding counts until the row says so, or it is taken back', (t) => {
  const bench = network(['a', 'b']);
  const { southbound } = bench.compiler;
  const expected = { chassis: 'c-hv1', additional: [] };
  const expect = (binding: typeof expected | undefined) => southbound.expect(southbound.port('a')!, binding);
  expect(expected);
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-b', 'switch/dp']);
  bench.sb('Port_Binding', binding('a', { tunnel_key: 9 }));
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-b', 'switch/dp'], 'another column changed');
  expect(undefined);
  t.deepEqual(bench.held('hv1'), []);
  expect(expected);
  bench.taken();
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1', tunnel_key: 9 }));
  t.is(southbound.port('a')?.expected, undefined);
  t.deepEqual(bench.held('hv1'), ['port/pb-a local', 'port/pb-b', 'switch/dp']);
  bench.sb('Port_Binding', binding('a', { tunnel_key: 9 }));
  t.deepEqual(bench.held('hv1'), []);
  t.is(southbound.portsOf('c-hv1').size, 0);
});

test('a chassis of another transport zone, or of another availability zone, is not told of', (t) => {
  const bench = network(['a', 'b']);
  const chassis = (name: string, more: Partial<ChassisRow>) =>
    bench.sb('Chassis', { _uuid: `c-${name}`, name, hostname: name, encaps: [`e-${name}`], ...more });
  const knows = (name: string) => bench.held(name).filter((key) => key.startsWith('chassis/'));
  bench.sb('Port_Binding', binding('a', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('b', { chassis: 'c-hv2' }));
  t.deepEqual([knows('hv1'), knows('hv2')], [['chassis/hv2'], ['chassis/hv1']]);
  chassis('hv1', { transport_zones: ['z1'] });
  t.deepEqual([knows('hv1'), knows('hv2')], [[], []], 'one with zones and one without');
  bench.taken();
  chassis('hv2', { transport_zones: ['z2', 'z1'] });
  t.deepEqual([knows('hv1'), knows('hv2')], [['chassis/hv2'], ['chassis/hv1']]);
  t.deepEqual(bench.taken(), ['hv1: chassis/hv2', 'hv2: chassis/hv1', 'hv2: chassis/hv2']);
  chassis('hv1', {});
  chassis('hv2', { other_config: new Map([['is-remote', 'true']]) });
  t.deepEqual(knows('hv1'), []);
  chassis('hv1', { other_config: new Map([['is-interconn', 'true']]) });
  t.deepEqual(knows('hv1'), ['chassis/hv2']);
});

test('a chassis takes part because of an external port that it may serve', (t) => {
  const bench = network(['ext', 'x']);
  bench.sb('HA_Chassis', { _uuid: 'm1', chassis: 'c-hv1', priority: 1 });
  bench.sb('HA_Chassis_Group', { _uuid: 'g', ha_chassis: ['m1', 'm2'] });
  bench.sb('Port_Binding', binding('ext', { type: 'external', ha_chassis_group: 'g' }));
  t.deepEqual(bench.held('hv1'), ['port/pb-ext', 'port/pb-x', 'switch/dp']);
  bench.sb('HA_Chassis', { _uuid: 'm2', chassis: 'c-hv2', priority: 2 });
  t.true(bench.held('hv2').includes('chassis/hv1'));
  bench.sb('Port_Binding', binding('ext', { type: 'external', ha_chassis_group: 'g', chassis: 'c-hv2' }));
  t.true(bench.held('hv2').includes('port/pb-ext local'));
  bench.remove('sb', 'HA_Chassis', 'm1');
  t.deepEqual(bench.held('hv1'), []);
  bench.sb('Port_Binding', binding('ext', { ha_chassis_group: 'g' }));
  t.deepEqual(bench.held('hv2'), [], 'of another kind the group means nothing');
});

test('a learned MAC is one change for each chassis of its switch, whatever the switch', (t) => {
  const bench = network(
    Array.from({ length: 100 }, (_, i) => `p${i}`),
    ['hv1', 'hv2', 'hv3'],
  );
  bench.sb('Port_Binding', binding('p0', { chassis: 'c-hv1' }));
  bench.sb('Port_Binding', binding('p1', { chassis: 'c-hv2' }));
  bench.taken();
  bench.sb('FDB', { _uuid: 'f', mac: '0a:00:00:00:00:01', dp_key: 7, port_key: 1 });
  t.deepEqual(bench.taken(), ['hv1: mac/f', 'hv2: mac/f']);
  t.true(bench.held('hv1').includes('mac/f'));
  bench.sb('FDB', { _uuid: 'g', mac: '0a:00:00:00:00:01', dp_key: 8, port_key: 1 });
  t.deepEqual(bench.taken(), []);
  bench.remove('sb', 'FDB', 'f');
  t.deepEqual(bench.taken(), ['hv1: mac/f', 'hv2: mac/f']);
  t.false(bench.held('hv1').includes('mac/f'));
});
