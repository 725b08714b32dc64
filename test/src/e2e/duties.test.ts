import { ScriptedAgent, type ScriptedAgentOptions } from '@iovisor-ovn/coordinator/testing';
import type { ChassisConfig } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { Lab, until } from '../lab/index.js';

// What Southbound says of a stock hypervisor and of one of ours, side by side. Ours has a scripted agent: this is about
// the rows, which the coordinator writes.

/** Somebody who can have interfaces. */
interface Host {
  name: string;
  /** Prefix of what belongs to it. */
  prefix: string;
  plug(ifaceId: string, more?: Record<string, string>): Promise<void>;
  unplug(ifaceId: string): Promise<void>;
  /** A parent announces the virtual port's address. */
  announce(parent: string, virtual: string): Promise<void>;
}

let lab: Lab;
let agent: ScriptedAgent;
let hosts: [stock: Host, ours: Host];
const virtualIp = '10.0.0.100';

test.before(async () => {
  lab = await Lab.create({ hypervisors: 0, stock: 1, encap: 'geneve' });
  await lab.coordinator.start();
  agent = connect();
  await agent.until(() => agent.commits.length > 0);
  hosts = [stock(), ours()];
});
test.after.always(async () => {
  agent?.close();
  await lab?.destroy();
});

const encaps = [{ type: 'geneve', ip: '172.31.0.99', csum: true }];

function connect(more: Partial<ScriptedAgentOptions> = {}): ScriptedAgent {
  const { address } = lab.coordinator;
  return new ScriptedAgent({ address, name: 'ours', hostname: 'ours', encaps, ...more });
}

function config(otherConfig: Record<string, string>, transportZones: string[]): ChassisConfig {
  return { name: 'ours', hostname: 'ours', encaps, otherConfig, transportZones };
}

function stock(): Host {
  const hypervisor = lab.hv(1);
  return {
    name: 'hv1',
    prefix: 's',
    plug: async (id, more = {}) => {
      const keys = Object.entries({ 'iface-id': id, ...more }).map(([k, v]) => `external_ids:${k}=${v}`);
      await hypervisor.vsctl(
        'add-port',
        'br-int',
        id,
        '--',
        'set',
        'Interface',
        id,
        'type=internal',
        ...keys,
      );
    },
    unplug: async (id) => {
      await hypervisor.vsctl('del-port', 'br-int', id);
    },
    announce: async (parent) => {
      await hypervisor.netns.ip(`link set ${parent} up`);
      const ip = virtualIp.split('.').map(Number);
      const mac = [0x0a, 0, 0, 0, 0, 1];
      const arp = [...Array(6).fill(255), ...mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...mac, ...ip];
      const frame = Buffer.from([...arp, 0, 0, 0, 0, 0, 0, ...ip]).toString('hex');
      const send = `import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('${parent}', 0)); s.send(bytes.fromhex('${frame}'))`;
      await hypervisor.netns.exec('python3', '-c', send);
    },
  };
}

function ours(): Host {
  return {
    name: 'ours',
    prefix: 'o',
    plug: async (id, more = {}) => agent.plug(id, { encapIp: more['encap-ip'] ?? '' }),
    unplug: async (id) => agent.unplug(id),
    announce: async (parent, virtual) => {
      const [portId, parentId] = await Promise.all([uuid(virtual), uuid(parent)]);
      agent.observe({ virtualClaims: [{ portId, parentId }] });
    },
  };
}

function uuid(port: string): Promise<string> {
  return lab.central.sbctl('--bare', '--columns=_uuid', 'find', 'Port_Binding', `logical_port=${port}`);
}

const columns = [
  'type',
  'chassis',
  'additional_chassis',
  'requested_chassis',
  'encap',
  'additional_encap',
  'up',
  'virtual_parent',
  'parent_port',
  'tag',
  'options',
];

/** The Port_Binding rows of a host, with names in place of uuids and of the host's own. */
async function rows(host: Host): Promise<Record<string, string>> {
  const chassis = await names('Chassis', 'name');
  const encaps = await names('Encap', 'ip');
  const found: Record<string, string> = {};
  const list = await lab.central.sbctl(
    '--format=json',
    `--columns=logical_port,${columns.join()}`,
    'list',
    'Port_Binding',
  );
  const { data } = JSON.parse(list) as { data: unknown[][] };
  for (const row of data) {
    const name = String(row[0]);
    if (!name.startsWith(`${host.prefix}-`)) continue;
    let text = columns.map((column, i) => `${column}=${JSON.stringify(row[i + 1])}`).join(' ');
    // A stock one leaves `up` of an unbound port as it happens to be; northd says down whatever it is.
    if (text.includes(' chassis=["set",[]]')) text = text.replace(/ up=\w+/, '');
    for (const [id, label] of [...chassis, ...encaps]) text = text.replaceAll(id, label);
    text = text.replaceAll(`${host.prefix}-`, '').replace(new RegExp(`\\b${host.name}\\b`, 'g'), 'ME');
    found[name.slice(host.prefix.length + 1)] = text;
  }
  const up = await lab.nbctl('--format=json', '--columns=name,up', 'list', 'Logical_Switch_Port');
  for (const [name, value] of (JSON.parse(up) as { data: [string, unknown][] }).data)
    if (name.startsWith(`${host.prefix}-`))
      found[name.slice(host.prefix.length + 1)] += ` nb=${JSON.stringify(value)}`;
  return found;
}

async function names(table: string, column: string): Promise<Map<string, string>> {
  const list = await lab.central.sbctl(
    '--format=csv',
    '--no-headings',
    `--columns=_uuid,${column}`,
    'list',
    table,
  );
  return new Map(list.split('\n').map((line) => line.replace(/"/g, '').split(',') as [string, string]));
}

/** Does it on both, and compares when both are as they stay. */
async function both(t: ExecutionContext, what: string, act: (host: Host) => Promise<unknown>): Promise<void> {
  for (const host of hosts) await act(host);
  await lab.sync();
  let seen: Record<string, string>[] = [];
  const same = async () => {
    seen = await Promise.all(hosts.map(rows));
    return (
      JSON.stringify(Object.entries(seen[0]!).sort()) === JSON.stringify(Object.entries(seen[1]!).sort())
    );
  };
  await until(what, same, 4000).catch(() => undefined);
  t.deepEqual(seen[1], seen[0], what);
}

test.serial('Port_Binding of every kind, claimed and released', async (t) => {
  await both(t, 'made', async ({ prefix: p, name }) => {
    await lab.nbctl(
      ...['ls-add', `${p}-sw`, '--', 'ls-add', `${p}-sw2`],
      ...['vif', 'par', 'lport', 'net', 'l2', 'virt', 'ext'].flatMap((n) => [
        '--',
        'lsp-add',
        `${p}-sw`,
        `${p}-${n}`,
      ]),
      ...['--', 'lsp-add', `${p}-sw2`, `${p}-kid`, `${p}-par`, '42'],
      ...['--', 'lsp-set-type', `${p}-lport`, 'localport'],
      ...[
        '--',
        'lsp-set-type',
        `${p}-net`,
        'localnet',
        '--',
        'lsp-set-options',
        `${p}-net`,
        'network_name=phys',
      ],
      ...['--', 'lsp-set-type', `${p}-l2`, 'l2gateway'],
      ...['--', 'lsp-set-options', `${p}-l2`, 'network_name=phys', `l2gateway-chassis=${name}`],
      ...['--', 'lsp-set-type', `${p}-virt`, 'virtual'],
      ...[
        '--',
        'lsp-set-options',
        `${p}-virt`,
        `virtual-ip=${virtualIp}`,
        `virtual-parents=${p}-vif,${p}-par`,
      ],
      ...['--', 'lsp-set-type', `${p}-ext`, 'external'],
      ...[
        '--',
        'ha-chassis-group-add',
        `${p}-ha`,
        '--',
        'ha-chassis-group-add-chassis',
        `${p}-ha`,
        name,
        '10',
      ],
    );
    const group = await lab.nbctl('--bare', '--columns=_uuid', 'find', 'HA_Chassis_Group', `name=${p}-ha`);
    await lab.nbctl('set', 'Logical_Switch_Port', `${p}-ext`, `ha_chassis_group=${group}`);
  });
  await both(t, 'plugged', async (host) => {
    for (const name of ['vif', 'par', 'lport']) await host.plug(`${host.prefix}-${name}`);
  });
  await both(t, 'virtual port claimed', (host) => host.announce(`${host.prefix}-vif`, `${host.prefix}-virt`));
  await both(t, 'claimed by the other parent', (host) =>
    host.announce(`${host.prefix}-par`, `${host.prefix}-virt`),
  );
  await both(t, 'parent unplugged', (host) => host.unplug(`${host.prefix}-par`));
  await both(t, 'parent plugged again', (host) => host.plug(`${host.prefix}-par`));
  await both(t, 'all unplugged', async (host) => {
    for (const name of ['vif', 'par', 'lport']) await host.unplug(`${host.prefix}-${name}`);
  });
  await both(t, 'no gateway, no group', async ({ prefix: p }) => {
    await lab.nbctl('remove', 'Logical_Switch_Port', `${p}-l2`, 'options', 'l2gateway-chassis');
    await lab.nbctl('clear', 'Logical_Switch_Port', `${p}-ext`, 'ha_chassis_group');
  });
});

test.serial('kinds changed in place, requested-chassis', async (t) => {
  const plugged = (name: string) => async (host: Host) => host.plug(`${host.prefix}-${name}`);
  await both(t, 'plugged', plugged('vif'));
  for (const type of ['localport', '', 'localnet', '', 'external', '', 'virtual', '', 'l2gateway', ''])
    await both(t, `type "${type}"`, ({ prefix: p }) => lab.nbctl('lsp-set-type', `${p}-vif`, type));
  await both(t, 'became nested', async (host) => {
    await host.plug(`${host.prefix}-par`);
    await lab.nbctl(
      'set',
      'Logical_Switch_Port',
      `${host.prefix}-vif`,
      `parent_name=${host.prefix}-par`,
      'tag=5',
    );
  });
  await both(t, 'no longer nested', ({ prefix: p }) =>
    lab.nbctl('clear', 'Logical_Switch_Port', `${p}-vif`, 'parent_name', 'tag'),
  );
  for (const value of ['$ME', 'elsewhere', 'elsewhere,$ME', 'nobody', '$ME,elsewhere', ','])
    await both(t, `requested-chassis=${value}`, ({ prefix: p, name }) =>
      lab.nbctl(
        'set',
        'Logical_Switch_Port',
        `${p}-vif`,
        `options:requested-chassis="${value.replace('$ME', name)}"`,
      ),
    );
  await both(t, 'none requested', ({ prefix: p }) =>
    lab.nbctl('remove', 'Logical_Switch_Port', `${p}-vif`, 'options', 'requested-chassis'),
  );
  await both(t, 'iface-id-ver wanted', ({ prefix: p }) =>
    lab.nbctl('lsp-set-options', `${p}-vif`, 'iface-id-ver=7'),
  );
  await both(t, 'and no more', ({ prefix: p }) => lab.nbctl('lsp-set-options', `${p}-vif`));
  await both(t, 'made anew', ({ prefix: p }) =>
    lab.nbctl('lsp-del', `${p}-vif`, '--', 'lsp-add', `${p}-sw`, `${p}-vif`),
  );
  await both(t, 'Chassis row deleted by hand', ({ name }) => lab.central.sbctl('chassis-del', name));
});

/** Columns of one row. */
async function row(table: string, record: string, ...wanted: string[]): Promise<Record<string, unknown>> {
  const list = await lab.central.sbctl('--format=json', `--columns=${wanted.join()}`, 'list', table, record);
  const [values = []] = (JSON.parse(list) as { data: unknown[][] }).data;
  return Object.fromEntries(wanted.map((column, i) => [column, values[i]]));
}

/** A map column as an object. */
function map(value: unknown): Record<string, string> {
  return Object.fromEntries((value as [string, [string, string][]])[1]);
}

const columnsOfChassis = ['transport_zones', 'nb_cfg', 'vtep_logical_switches'];

test.serial('Chassis, Encap and Chassis_Private, key by key', async (t) => {
  const [theirs, mine] = hosts;
  const settings = {
    'ovn-bridge-mappings': 'phys:br-phys',
    'ovn-cms-options': 'enable-chassis-as-gw,availability-zones=az1',
    'ovn-chassis-mac-mappings': 'phys:0a:00:00:00:00:77',
  };
  const keys = Object.entries(settings).map(([key, value]) => `external_ids:${key}="${value}"`);
  const zones = 'external_ids:ovn-transport-zones=z1,z2';
  await lab.hv(1).vsctl('set', 'Open_vSwitch', '.', ...keys, zones);
  agent.send({ $case: 'chassisConfig', value: config(settings, ['z1', 'z2']) });
  await until(
    'zones',
    async () => (await lab.central.sbctl('get', 'Chassis', 'ours', 'transport_zones')) === '[z1, z2]',
  );
  await until(
    'zones',
    async () => (await lab.central.sbctl('get', 'Chassis', 'hv1', 'transport_zones')) === '[z1, z2]',
  );
  t.deepEqual(
    await row('Chassis', mine.name, ...columnsOfChassis),
    await row('Chassis', theirs.name, ...columnsOfChassis),
  );
  const [stockConfig, ourConfig] = await Promise.all(
    hosts.map(async ({ name }) => map((await row('Chassis', name, 'other_config')).other_config)),
  );
  const local = { 'datapath-type': '', 'iface-types': '' };
  t.deepEqual({ ...ourConfig, ...local }, { ...stockConfig, ...local, 'iovisor-abi': '1' });
  t.deepEqual(map((await row('Chassis', theirs.name, 'external_ids')).external_ids), {});
  // Neutron of this release looks there.
  t.deepEqual(map((await row('Chassis', mine.name, 'external_ids')).external_ids), {
    'ovn-bridge-mappings': settings['ovn-bridge-mappings'],
    'ovn-cms-options': settings['ovn-cms-options'],
  });
  const encap = async ({ name }: Host) => {
    const found = await lab.central.sbctl(
      '--bare',
      '--columns=_uuid',
      'find',
      'Encap',
      `chassis_name=${name}`,
    );
    return row('Encap', found, 'type', 'options');
  };
  t.deepEqual(await encap(mine), await encap(theirs));
});

test.serial('nb_cfg counts on both, and what others keep in Chassis_Private stays', async (t) => {
  for (const { name } of hosts)
    await lab.central.sbctl('set', 'Chassis_Private', name, 'external_ids:neutron=x');
  await lab.sync();
  const nbCfg = Number(await lab.nbctl('get', 'NB_Global', '.', 'nb_cfg'));
  for (const { name } of hosts) {
    const found = await row('Chassis_Private', name, 'nb_cfg', 'external_ids');
    t.deepEqual(found, { nb_cfg: nbCfg, external_ids: ['map', [['neutron', 'x']]] }, name);
  }
});

test.serial('a stock one and ours with the same interface: no fight, whoever has it keeps it', async (t) => {
  const chassis = async () => {
    const all = await names('Chassis', 'name');
    const uuid = await lab.central.sbctl(
      '--bare',
      '--columns=chassis',
      'find',
      'Port_Binding',
      'logical_port=both',
    );
    return all.get(uuid) ?? '';
  };
  const [theirs, mine] = hosts;
  await theirs.plug('both');
  await lab.nbctl('ls-add', 'shared', '--', 'lsp-add', 'shared', 'both');
  await until('stock has it', async () => (await chassis()) === 'hv1');
  await mine.plug('both');
  await lab.sync();
  t.is(await chassis(), 'hv1');
  await theirs.unplug('both');
  await until('ours has it', async () => (await chassis()) === 'ours');
  // A stock one takes what it can.
  await theirs.plug('both');
  await until('stock has it', async () => (await chassis()) === 'hv1');
  const changes = await lab.central.sbctl(
    '--bare',
    '--columns=up',
    'find',
    'Port_Binding',
    'logical_port=both',
  );
  for (let round = 0; round < 5; round++) {
    await lab.sync();
    t.is(await chassis(), 'hv1');
  }
  await lab.nbctl('lsp-set-options', 'both', 'requested-chassis=ours');
  await until('ours has it', async () => (await chassis()) === 'ours');
  await lab.sync();
  t.is(await chassis(), 'ours');
});

test.serial('one that is stopped holds back --wait=hv, and its rows stay', async (t) => {
  const { held } = agent;
  agent.close();
  await t.throwsAsync(lab.nbctl('--timeout=2', '--wait=hv', 'sync'));
  t.is(await lab.central.sbctl('--bare', '--columns=name', 'find', 'Chassis', 'name=ours'), 'ours');
  agent = connect({ held });
  await lab.sync();
  await lab.hv(1).stop();
  await t.throwsAsync(lab.nbctl('--timeout=2', '--wait=hv', 'sync'));
  await lab.central.sbctl('chassis-del', 'hv1');
  await lab.sync();
  t.pass();
});
