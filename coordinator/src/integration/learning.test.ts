import test from 'ava';
import { startCentral } from '../testing/central.js';
import { Scene, scene, switchWith } from '../testing/scene.js';
import { scrape } from '../testing/scrape.js';
import type { ScriptedAgent } from '../testing/scripted-agent.js';

function macOf(number: number): Buffer {
  const mac = Buffer.from([0x0a, 1, 0, 0, 0, 0]);
  mac.writeUInt32BE(number, 2);
  return mac;
}

function text(mac: Uint8Array): string {
  return Buffer.from(mac)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1:');
}

/** MAC=port_key of every FDB row, sorted. */
async function fdb(made: Scene): Promise<string[]> {
  const list = await made.central.sbctl('--format=json', '--columns=mac,port_key', 'list', 'FDB');
  return (JSON.parse(list) as { data: [string, number][] }).data.map(([mac, key]) => `${mac}=${key}`).sort();
}

async function key(made: Scene, port: string): Promise<number> {
  return Number(await made.binding(port, 'tunnel_key'));
}

/** Observations of `count` MACs on a port, numbered from `first`. */
function seen(portId: string, first: number, count: number): { macs: { portId: string; mac: Buffer }[] } {
  return { macs: Array.from({ length: count }, (_, n) => ({ portId, mac: macOf(1000 + first + n) })) };
}

/** The value of one sample, as a scrape of a unix socket gives it. */
async function scraped(socketPath: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(await scrape(socketPath))?.[1]);
}

async function ids(made: Scene, ...ports: string[]): Promise<string[]> {
  return Promise.all(ports.map((port) => made.binding(port, '_uuid')));
}

function learnedBy(agent: ScriptedAgent): string[] {
  return agent.macs.map(({ mac, portKey }) => `${text(mac)}=${portKey}`).sort();
}

test.serial(
  'a MAC is learned, known to all of the switch, moves in its row, and goes with its port',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const hv1 = await made.agent('hv1', { plugged: ['a', 'secure'] });
    const hv2 = await made.agent('hv2', { plugged: ['b'] });
    const hv3 = await made.agent('hv3', { plugged: ['elsewhere'] });
    await central.nbctl(
      ...switchWith('sw0', 'a', 'b', 'secure'),
      ...['--', 'ls-add', 'sw1', '--', 'lsp-add', 'sw1', 'elsewhere'],
      ...['a', 'b', 'secure'].flatMap((port) => ['--', 'lsp-set-addresses', port, 'unknown']),
      ...['--', 'lsp-set-port-security', 'secure', '0a:00:00:00:00:01'],
    );
    await central.nbctl('--wait=hv', 'sync');
    t.deepEqual([hv1.port('a')?.learn, hv2.port('a')?.learn, hv1.port('secure')?.learn], [true, true, false]);
    const [a = '', b = '', secure = ''] = await ids(made, 'a', 'b', 'secure');
    const mac = macOf(1);
    // What it has no right to, what does not learn, what is none.
    const macs = (...list: [portId: string, mac: Buffer][]) => ({
      macs: list.map(([portId, one]) => ({ portId, mac: one })),
    });
    hv1.observe(macs([b, macOf(101)], [secure, macOf(102)], ['x', macOf(103)]));
    hv1.observe(macs([a, Buffer.from([1, 0, 0, 0, 0, 1])], [a, Buffer.from([2])], [a, Buffer.alloc(6)]));
    hv3.observe(macs([a, macOf(104)]));
    await central.nbctl('--wait=hv', 'sync');
    hv1.observe(macs([a, mac], [a, mac]));
    const learned = `${text(mac)}=${await key(made, 'a')}`;
    await hv2.until(() => hv2.macs.length > 0);
    t.deepEqual(await fdb(made), [learned]);
    t.deepEqual(learnedBy(hv2), [learned]);
    await hv1.until(() => hv1.macs.length > 0);
    t.deepEqual(learnedBy(hv3), []);
    t.is(
      hv2.macs[0]?.switchId,
      hv2.switches[0] &&
        (await central.sbctl('--bare', '--columns=datapath', 'find', 'Port_Binding', 'logical_port=a')),
    );
    const row = await central.sbctl('--bare', '--columns=_uuid', 'list', 'FDB');
    hv2.observe({ macs: [{ portId: b, mac }] });
    const moved = `${text(mac)}=${await key(made, 'b')}`;
    await hv1.until(() => learnedBy(hv1).join() === moved);
    t.deepEqual(await fdb(made), [moved]);
    t.is(await central.sbctl('--bare', '--columns=_uuid', 'list', 'FDB'), row, 'the same row');
    const late = await made.agent('hv4', { plugged: ['c'] });
    await central.nbctl('--wait=hv', 'lsp-add', 'sw0', 'c');
    t.deepEqual(learnedBy(late), [moved]);
    late.unplug('c');
    await late.until(() => late.macs.length === 0);
    hv2.unplug('b');
    await central.nbctl('lsp-del', 'b');
    await hv1.until(() => hv1.macs.length === 0);
    t.deepEqual(await fdb(made), []);
    t.deepEqual(await made.problems(), []);
  },
);

test.serial('on a localnet port every chassis of the switch learns, when it is asked to', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const hv1 = await made.agent('hv1', { plugged: ['a'] });
  await made.agent('hv2');
  await central.nbctl(
    ...switchWith('sw0', 'a', 'net'),
    ...['--', 'lsp-set-type', 'net', 'localnet', '--', 'lsp-set-addresses', 'net', 'unknown'],
    ...['--', 'lsp-set-options', 'net', 'network_name=phys', 'localnet_learn_fdb=true'],
  );
  await central.nbctl('--wait=hv', 'sync');
  const [net = ''] = await ids(made, 'net');
  hv1.observe({ macs: [{ portId: net, mac: macOf(5) }] });
  await hv1.until(() => hv1.macs.length === 1);
  t.deepEqual(await fdb(made), [`${text(macOf(5))}=${await key(made, 'net')}`]);
  await central.sbctl(
    'set',
    'FDB',
    await central.sbctl('--bare', '--columns=_uuid', 'list', 'FDB'),
    'mac=nonsense',
  );
  await hv1.until(() => hv1.macs.length === 0);
  t.deepEqual(await made.problems(), ['"nonsense" is not a MAC; the row is ignored']);
});

test.serial('a flood of MACs from one hypervisor holds up nobody, and is bounded', async (t) => {
  const central = await startCentral();
  t.teardown(() => central.stop());
  const made = new Scene(t, central);
  const socket = `${central.dir}/metrics.sock`;
  await made.startCoordinator({ args: ['--metrics', `unix:${socket}`] });
  const hv1 = await made.agent('hv1', { plugged: ['a'] });
  const hv2 = await made.agent('hv2', { plugged: ['b', 'c'] });
  await central.nbctl(
    ...switchWith('sw0', 'a', 'b'),
    ...['a', 'b'].flatMap((port) => ['--', 'lsp-set-addresses', port, 'unknown']),
  );
  await central.nbctl('--wait=hv', 'sync');
  const [a = '', b = ''] = await ids(made, 'a', 'b');
  /** Of each hypervisor: what waits, and what one transaction takes. */
  const [queue, share] = [1000, 50];
  /** As many as one message may bring. */
  const most = 1000;
  const flood = 40 * most;
  const dropped = async (least: number) => {
    while ((await scraped(socket, 'iovisor_coordinator_observed_macs_dropped')) < least);
  };
  // While Southbound answers nothing it depends on no clock how much waits.
  central.signalServer('sb', 'SIGSTOP');
  for (let first = 0; first < flood; first += most) hv1.observe(seen(a, first, most));
  await dropped(flood - queue - share);
  for (const first of [flood, flood + most]) hv2.observe(seen(b, first, most));
  await dropped(flood + 2 * most - 2 * (queue + share));
  central.signalServer('sb', 'SIGCONT');
  const ofB = `=${await key(made, 'b')}`;
  await hv2.until(() => learnedBy(hv2).some((learned) => learned.endsWith(ofB)));
  const before = hv2.macs.length;
  t.true(before <= 4 * share, `${before} rows are seen together with the first of the other hypervisor`);
  await central.nbctl('--wait=hv', 'lsp-add', 'sw0', 'c');
  t.is(await made.boundTo('c'), 'hv2');
  await hv2.until(() => hv2.macs.length >= 2 * queue);
  t.true(hv2.macs.length <= 2 * (queue + share), `${hv2.macs.length} rows`);
});
