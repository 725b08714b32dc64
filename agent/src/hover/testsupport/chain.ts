import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { Hypervisor } from '../../testsupport/hypervisor.js';
import { Namespace, temporaryDirectory } from '../../testsupport/namespace.js';
import { RawClient } from './client.js';

/** What a file in iomodules/examples has. */
export interface Topology {
  modules: { name: string; type: string; config?: object }[];
  links?: { from: string; to: string }[];
  external_interfaces?: { module: string; iface: string }[];
}

export type HostAddresses = [address?: string, gateway?: string];

/** A namespace nsN of the examples, with its device vethN_. */
export class Host {
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

/** An agent without OVN, and hosts by number. */
export async function startHosts(t: ExecutionContext, hosts: HostAddresses[]) {
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
  const startAgent = async () => {
    hypervisor.output = '';
    const { pid } = hypervisor.startAgent('--hover', `unix:${socketPath}`);
    await until(() => hypervisor.output.includes('the Hover API is served'));
    return pid!;
  };
  const pid = await startAgent();
  const client = new RawClient({ socketPath, host: 'localhost' });
  return { hypervisor, hosts: made, socketPath, client, pid, startAgent };
}

/** As {@link startHosts}, with a topology. */
export async function startChain(t: ExecutionContext, topology: Topology, hosts: HostAddresses[]) {
  const started = await startHosts(t, hosts);
  return { ...started, ids: await apply(started.client, topology) };
}

/** Modules, links, interfaces, in the order of the file. @returns ids by name */
async function apply(client: RawClient, topology: Topology): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const { name: display_name, type, config } of topology.modules) {
    const module = { module_type: type, display_name, config: config ?? {} };
    ids.set(display_name, (await client.json('POST', '/modules/', module)).id);
  }
  const link = (from: string, to: string) => client.json('POST', '/links/', { from, to });
  for (const { from, to } of topology.links ?? []) await link(ids.get(from)!, ids.get(to)!);
  for (const { module, iface } of topology.external_interfaces ?? [])
    await link(ids.get(module)!, `i:${iface}`);
  return ids;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The next line. */
export const next = async (lines: AsyncIterator<string>) => String((await lines.next()).value);

const SERVER = `require('net').createServer((socket) => {
  console.log(socket.remoteAddress);
  let got = 0;
  socket.on('data', (data) => { got += data.length; if (got === 1e6) socket.end('got it'); });
}).listen(8000, '0.0.0.0', () => console.log('listening'));`;
const CLIENT = `const [address, port] = process.argv.slice(1);
const socket = require('net').connect(port, address, () => socket.write(Buffer.alloc(1e6)));
socket.on('data', (data) => { console.log(String(data)); process.exit(); });`;

/** Where `connections` connects to. */
interface Target {
  address: string;
  port: number;
}

/**
 * `server` listens at port 8000; each of `clients` connects to `target` and sends a megabyte. As whom the server sees them.
 */
export async function connections(
  t: ExecutionContext,
  server: Host,
  clients: Host[],
  { address, port }: Target,
): Promise<string[]> {
  const log = server.node(t, '-e', SERVER);
  t.is(await next(log), 'listening');
  const seen: string[] = [];
  for (const client of clients) {
    const said = client.node(t, '-e', CLIENT, '--', address, `${port}`);
    seen.push(await next(log));
    t.is(await next(said), 'got it');
  }
  return seen;
}
