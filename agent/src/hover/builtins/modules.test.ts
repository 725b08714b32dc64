import test, { type ExecutionContext } from 'ava';
import { connections, type Host, startChain, until } from '../testsupport/chain.js';

type Entry = { key: string; value: string };

/** What ping says, whatever comes of it. */
const ping = (host: Host, ...args: string[]) =>
  host.namespace.run('sh', '-c', `ping ${args.join(' ')} || true`);

/** Between two hosts a mirror, to which a third one listens, a policer and a switch. */
async function startSwitching(t: ExecutionContext) {
  const topology = {
    modules: ['mirror', 'policer', 'switch'].map((type) => ({ name: type, type })),
    links: [
      { from: 'mirror', to: 'policer' },
      { from: 'policer', to: 'switch' },
    ],
    external_interfaces: [
      { module: 'mirror', iface: 'veth1' },
      { module: 'mirror', iface: 'veth3' },
      { module: 'switch', iface: 'veth2' },
    ],
  };
  const chain = await startChain(t, topology, [['10.0.0.1/24'], ['10.0.0.2/24'], []]);
  const configure = (type: string, config: object) =>
    chain.client.json('PUT', `/modules/${chain.ids.get(type)}`, {
      module_type: type,
      display_name: type,
      config,
    });
  const [one, two, three] = chain.hosts as [Host, Host, Host];
  return { ...chain, configure, one, two, three };
}

test.serial(
  'a mirror, a policer and a switch in a row: a connection passes, and who listens sees it',
  async (t) => {
    const { one, two, three } = await startSwitching(t);
    t.deepEqual(await connections(t, two, [one], { address: '10.0.0.2', port: 8000 }), ['10.0.0.1']);
    const received = () =>
      Number(three.namespace.run('cat', `/sys/class/net/${three.device}/statistics/rx_bytes`));
    await until(() => received() > 1_000_000);
    t.pass();
  },
);

test.serial('a policer that is told a limit while traffic flows', async (t) => {
  const { one, client, ids, configure } = await startSwitching(t);
  t.true(one.pings('10.0.0.2'));
  await configure('policer', { limits: [{ port: 'mirror', bytes_per_second: 1, burst: 1 }] });
  ping(one, '-c 1 -W 1', '10.0.0.2');
  t.regex(ping(one, '-c 1 -W 1', '10.0.0.2'), / 0 received/);
  const path = `/modules/${ids.get('policer')}/tables/counters/entries/`;
  const [, port1] = await client.json<Entry[]>('GET', path);
  const [, , dropped] = port1!.value.match(/0x[\da-f]+/g)!;
  t.true(Number(dropped) > 0, port1!.value);
  await configure('policer', {});
  t.true(one.pings('10.0.0.2'));
});

test.serial('port security of a switch: only its own MAC and address', async (t) => {
  const { one, two, configure } = await startSwitching(t);
  await configure('switch', { security: [{ port: 'veth2', mac: two.mac, ip: '10.0.0.2' }] });
  t.true(one.pings('10.0.0.2'));
  two.namespace.ip('address', 'add', '10.0.0.22/24', 'dev', two.device);
  t.regex(ping(one, '-c 1 -W 1', '10.0.0.22'), / 0 received/, 'its ARP is not believed');
  await configure('switch', {});
  t.true(one.pings('10.0.0.22'));
});

test.serial('a wrong configuration: 400, why, and the old one stays', async (t) => {
  const { one, client, ids } = await startSwitching(t);
  const module = { module_type: 'switch', display_name: 'switch', config: { ageing_time: 'soon' } };
  t.deepEqual(
    await client
      .send('PUT', `/modules/${ids.get('switch')}`, module)
      .then(({ status, text }) => [status, text.trim()]),
    [400, 'ageing_time: an integer from 0 to 1000000000 is wanted; not "soon"'],
  );
  t.true(one.pings('10.0.0.2'));
});

test.serial('a router: connections, fragments, and what it says when it cannot', async (t) => {
  const interfaces = [1, 2].map((n) => ({
    name: `veth${n}`,
    ip: `10.0.${n}.1`,
    netmask: '255.255.255.0',
    mac: `82:73:8d:f3:62:0${n}`,
  }));
  const { hosts } = await startChain(
    t,
    {
      modules: [{ name: 'router', type: 'router', config: { interfaces } }],
      external_interfaces: ['veth1', 'veth2'].map((iface) => ({ module: 'router', iface })),
    },
    [
      ['10.0.1.100/24', '10.0.1.1'],
      ['10.0.2.100/24', '10.0.2.1'],
    ],
  );
  const [one, two] = hosts as [Host, Host];
  t.deepEqual(await connections(t, two, [one], { address: '10.0.2.100', port: 8000 }), ['10.0.1.100']);
  t.regex(ping(one, '-c 1 -w 10 -s 4000', '10.0.2.100'), / 1 received/);
  t.regex(ping(one, '-c 1 -w 10', '10.0.2.1'), / 1 received/, 'its far side');
  t.regex(ping(one, '-c 1 -t 1 -w 10', '10.0.2.100'), /From 10\.0\.1\.1 .*Time to live exceeded/);
  t.regex(ping(one, '-c 1 -w 10', '9.9.9.9'), /From 10\.0\.1\.1 .*Destination Net Unreachable/);
  t.regex(ping(one, '-c 1 -w 10', '10.0.2.77'), /From 10\.0\.1\.1 .*Destination Host Unreachable/);
});
