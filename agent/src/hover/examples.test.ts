import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { Hypervisor } from '../testsupport/hypervisor.js';
import { Namespace, temporaryDirectory } from '../testsupport/namespace.js';
import { RawClient } from './testsupport/client.js';

const EXAMPLES = fileURLToPath(new URL('../../../iomodules/examples/', import.meta.url));
const DHCP_CLIENT = fileURLToPath(new URL('./testsupport/dhcpClient.js', import.meta.url));

interface Topology {
  modules: { name: string; type: string; config?: object }[];
  links?: { from: string; to: string }[];
  external_interfaces?: { module: string; iface: string }[];
}

/** A namespace nsN of the examples, with its device vethN_. */
class Host {
  readonly namespace = new Namespace('ex');
  readonly device: string;
  readonly mac: string;

  constructor(number: number, home: Namespace, address?: string, gateway?: string) {
    const { namespace } = this;
    this.device = `veth${number}_`;
    this.mac = `02:00:00:00:00:0${number}`;
    const peer = ['peer', 'name', this.device, 'netns', namespace.name, 'address', this.mac];
    home.ip('link', 'add', `veth${number}`, 'type', 'veth', ...peer);
    home.ip('link', 'set', `veth${number}`, 'up');
    namespace.ip('link', 'set', this.device, 'up');
    if (address !== undefined) namespace.ip('address', 'add', address, 'dev', this.device);
    if (gateway !== undefined) namespace.ip('route', 'add', 'default', 'via', gateway);
  }

  /** Whether an answer comes within ten seconds. */
  pings(address: string): boolean {
    try {
      this.namespace.run('ping', '-c', '1', '-w', '10', address);
      return true;
    } catch {
      return false;
    }
  }

  /** Runs Node here; the lines it prints. */
  node(t: ExecutionContext, ...args: string[]): AsyncIterator<string> {
    const command = ['netns', 'exec', this.namespace.name, process.execPath, ...args];
    const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill());
    return createInterface(child.stdout)[Symbol.asyncIterator]();
  }
}

/** An agent without OVN, the example's hosts, by number, and the example. */
async function start(t: ExecutionContext, name: string, hosts: [address?: string, gateway?: string][]) {
  const hypervisor = new Hypervisor('hv1');
  const directory = temporaryDirectory();
  const socketPath = join(directory.path, 'hover.sock');
  const made = hosts.map((host, i) => new Host(i + 1, hypervisor.namespace, ...host));
  t.teardown(async () => {
    await hypervisor.remove();
    for (const { namespace } of made) namespace.remove();
    directory.remove();
  });
  await hypervisor.startDatabase();
  hypervisor.startAgent('--hover', `unix:${socketPath}`);
  await until(() => hypervisor.output.includes('the Hover API is served'));
  await apply(new RawClient({ socketPath, host: 'localhost' }), name);
  return { hypervisor, hosts: made };
}

/** Modules, links, interfaces, in the order of the file. */
async function apply(client: RawClient, name: string): Promise<void> {
  const topology = parse(readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8')) as Topology;
  const ids = new Map<string, string>();
  for (const { name: display_name, type, config } of topology.modules) {
    const module = { module_type: type, display_name, config: config ?? {} };
    ids.set(display_name, (await client.json('POST', '/modules/', module)).id);
  }
  const link = (from: string, to: string) => client.json('POST', '/links/', { from, to });
  for (const { from, to } of topology.links ?? []) await link(ids.get(from)!, ids.get(to)!);
  for (const { module, iface } of topology.external_interfaces ?? [])
    await link(ids.get(module)!, `i:${iface}`);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const next = async (lines: AsyncIterator<string>) => String((await lines.next()).value);

const SERVER = `require('net').createServer((socket) => {
  console.log(socket.remoteAddress);
  let got = 0;
  socket.on('data', (data) => { got += data.length; if (got === 1e6) socket.end('got it'); });
}).listen(8000, '0.0.0.0', () => console.log('listening'));`;
const CLIENT = `const socket = require('net').connect(8000, '10.10.1.1', () => socket.write(Buffer.alloc(1e6)));
socket.on('data', (data) => { console.log(String(data)); process.exit(); });`;

/** Each of `clients` connects to 10.10.1.1:8000 at `server` and sends a megabyte: as whom the server sees them. */
async function connections(t: ExecutionContext, server: Host, clients: Host[]): Promise<string[]> {
  const log = server.node(t, '-e', SERVER);
  t.is(await next(log), 'listening');
  const seen: string[] = [];
  for (const client of clients) {
    const said = client.node(t, '-e', CLIENT);
    seen.push(await next(log));
    t.is(await next(said), 'got it');
  }
  return seen;
}

test.serial('switch: the hosts reach each other', async (t) => {
  const { hosts } = await start(t, 'switch', [['10.0.0.1/24'], ['10.0.0.2/24']]);
  t.true(hosts[0]!.pings('10.0.0.2'));
  t.true(hosts[1]!.pings('10.0.0.1'));
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
    t.deepEqual(await connections(t, three, [one, two]), ['10.10.1.100', '10.10.1.100']);
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
  t.deepEqual(await connections(t, three, [one, two]), ['130.192.1.1', '130.192.1.2']);
  t.true(three.pings('130.192.1.2'), 'they are reached by these addresses, too');
});

test.serial('null: what the host sends is logged', async (t) => {
  const { hypervisor, hosts } = await start(t, 'null', [['10.0.0.1/24']]);
  hosts[0]!.namespace.run('sh', '-c', 'ping -c 1 -W 0.1 10.0.0.2 || true');
  await until(() => /packet with len 42/.test(hypervisor.output));
  t.pass();
});
