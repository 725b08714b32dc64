import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { sh } from '../testsupport/namespace.js';
import { connections, type Host, type HostAddresses, next, startHosts, until } from './testsupport/chain.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const IOVCTL = join(ROOT, 'coordinator/bin/iovctl.js');
const DHCP_CLIENT = fileURLToPath(new URL('./testsupport/dhcpClient.js', import.meta.url));

/** Where ns3 listens. */
const SERVER = { address: '10.10.1.1', port: 8000 };

/** An agent with an example, and its hosts by number. */
async function start(t: ExecutionContext, name: string, hosts: HostAddresses[]) {
  const started = await startHosts(t, hosts);
  const iovctl = (command: string) =>
    sh(
      process.execPath,
      IOVCTL,
      'topology',
      '--hover',
      `unix:${started.socketPath}`,
      command,
      join(ROOT, `iomodules/examples/${name}.yaml`),
    );
  iovctl('apply');
  return { ...started, iovctl };
}

test.serial('switch: the hosts reach each other', async (t) => {
  const { hosts, client, iovctl } = await start(t, 'switch', [['10.0.0.1/24'], ['10.0.0.2/24']]);
  t.true(hosts[0]!.pings('10.0.0.2'));
  t.true(hosts[1]!.pings('10.0.0.1'));
  t.is(iovctl('apply'), 'nothing to do\n');
  iovctl('delete');
  t.deepEqual(await client.json('GET', '/links/'), []);
});

test.serial('router: hosts of three networks reach each other', async (t) => {
  const { hosts } = await start(t, 'router', [
    ['10.0.1.100/24', '10.0.1.1'],
    ['10.0.2.100/24', '10.0.2.1'],
    ['10.0.3.100/24', '10.0.3.1'],
  ]);
  t.true(hosts[0]!.pings('10.0.2.100'));
  t.true(hosts[0]!.pings('10.0.3.100'));
  t.true(hosts[2]!.pings('10.0.1.100'));
});

test.serial('dhcp: each host gets an address, and all reach each other', async (t) => {
  const { hosts } = await start(t, 'dhcp', [[], [], []]);
  const addresses: string[] = [];
  for (const host of hosts) {
    host.namespace.ip('route', 'add', 'default', 'dev', host.device);
    const { address, ...lease } = JSON.parse(await next(host.node(t, DHCP_CLIENT, host.mac))) as {
      address: string;
    };
    t.deepEqual(lease as object, {
      netmask: '255.255.255.0',
      router: '192.168.1.1',
      dns: '8.8.8.8',
      from: { address: '192.168.1.250', port: 67 },
      seconds: 3600,
    });
    const [, last] = /^192\.168\.1\.(\d+)$/.exec(address) ?? [];
    t.true(Number(last) >= 100 && Number(last) <= 150, address);
    host.namespace.ip('address', 'add', `${address}/24`, 'dev', host.device);
    addresses.push(address);
  }
  for (const host of hosts)
    for (const address of addresses) t.true(host.pings(address), `${host.device} to ${address}`);
});

test.serial(
  'nat_router: hosts of two networks connect to a third, which sees the public address',
  async (t) => {
    const { hosts } = await start(t, 'nat_router', [
      ['10.0.1.1/24', '10.0.1.254'],
      ['10.0.2.1/24', '10.0.2.254'],
      ['10.10.1.1/24', '10.10.1.100'],
    ]);
    const [one, two, three] = hosts as [Host, Host, Host];
    t.deepEqual(await connections(t, three, [one, two], SERVER), ['10.10.1.100', '10.10.1.100']);
    t.true(one.pings('10.10.1.1'));
    t.true(one.pings('10.0.2.1'), 'inside nothing is translated');
  },
);

test.serial('nat-one-to-one_router: each host is seen with an address of its own', async (t) => {
  const { hosts } = await start(t, 'nat-one-to-one_router', [
    ['10.0.1.1/24', '10.0.1.254'],
    ['10.0.1.2/24', '10.0.1.254'],
    ['10.10.1.1/24', '10.10.1.254'],
  ]);
  const [one, two, three] = hosts as [Host, Host, Host];
  t.deepEqual(await connections(t, three, [one, two], SERVER), ['130.192.1.1', '130.192.1.2']);
  t.true(three.pings('130.192.1.2'), 'they are reached by these addresses, too');
});

test.serial('null: what the host sends is logged', async (t) => {
  const { hypervisor, hosts } = await start(t, 'null', [['10.0.0.1/24']]);
  hosts[0]!.namespace.run('sh', '-c', 'ping -c 1 -W 0.1 10.0.0.2 || true');
  await until(() => /packet with len 42/.test(hypervisor.output));
  t.pass();
});
