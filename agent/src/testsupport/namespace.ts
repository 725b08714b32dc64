import { type ExecFileSyncOptions, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs a program, quietly. @throws Error with what it said */
export function sh(file: string, ...args: string[]): string {
  const options: ExecFileSyncOptions = { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' };
  return String(execFileSync(file, args, options));
}

/** At most 15 characters with a short suffix: fit for devices and namespaces. */
export function uniqueName(prefix: string): string {
  return `${prefix}${randomBytes(3).toString('hex')}`;
}

/** A network namespace under a name of its own; `remove` takes its devices along. */
export class Namespace {
  readonly name: string;

  constructor(prefix: string) {
    this.name = `agent-${process.pid}-${uniqueName(prefix)}`;
    sh('ip', 'netns', 'add', this.name);
    sh('ip', '-n', this.name, 'link', 'set', 'lo', 'up');
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  ip(...args: string[]): string {
    return sh('ip', '-n', this.name, ...args);
  }

  run(file: string, ...args: string[]): string {
    return sh('ip', 'netns', 'exec', this.name, file, ...args);
  }

  remove(): void {
    sh('ip', 'netns', 'del', this.name);
  }
}

/** Who pings from a network namespace of his own, by one device. */
class Host {
  readonly namespace = new Namespace('vm');
  readonly device: string;

  constructor(device: string) {
    this.device = device;
  }

  /** Gives the device, which is in the namespace by now, its addresses. */
  protected configure(mac: string, address: string): void {
    this.namespace.ip('link', 'set', this.device, 'address', mac);
    this.namespace.ip('link', 'set', this.device, 'up');
    this.namespace.ip('address', 'add', address, 'dev', this.device, 'nodad');
  }

  setAddress(address: string): void {
    this.namespace.ip('address', 'flush', 'dev', this.device, 'scope', 'global');
    this.namespace.ip('address', 'add', address, 'dev', this.device, 'nodad');
  }

  /** Whether all of `count` pings 20 ms apart are answered within a second each. */
  pings(address: string, count = 3): boolean {
    // A machine that just failed to resolve the address asks again only every second.
    this.namespace.ip('neighbour', 'flush', 'dev', this.device);
    try {
      this.namespace.run('ping', '-c', `${count}`, '-i', '0.02', '-W', '1', address);
      return true;
    } catch {
      return false;
    }
  }

  /** Pings every 2 ms until stopped. Resolves with the first answer. */
  async startPings(address: string): Promise<{ stop(): Promise<{ lost: number }> }> {
    const command = ['netns', 'exec', this.namespace.name, 'ping', '-i', '0.002', '-W', '1', address];
    const ping = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const started = new Promise<void>((resolve) => {
      ping.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('bytes from')) resolve();
      });
    });
    await started;
    const stop = async () => {
      const closed = once(ping, 'close');
      ping.kill('SIGINT');
      await closed;
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
      if (Number(sent) < 10) throw new Error(`ping sent too little to tell: ${output}`);
      // The last one may still be on its way when ping is told to stop.
      return { lost: Math.max(0, Number(sent) - Number(received) - 1) };
    };
    return { stop };
  }

  remove(): void {
    this.namespace.remove();
  }
}

/** A machine: a namespace with one end of a veth; the other end, the tap, stays in `home` (undefined: here). */
export class Machine extends Host {
  readonly tap: string;
  /** Whether its VLANs are told apart. */
  trunk = false;

  constructor(options: { mac: string; address: string; home?: Namespace }) {
    super('eth0');
    this.tap = uniqueName('tap');
    // The kernel lets the end that is named first choose its index.
    const home = options.home?.name ?? `${process.pid}`;
    this.namespace.ip('link', 'add', 'eth0', 'index', TRUNK, 'type', 'veth', 'peer', this.tap, 'netns', home);
    const inHome = options.home === undefined ? [] : ['-n', options.home.name];
    sh('ip', ...inHome, 'link', 'set', this.tap, 'up');
    this.configure(options.mac, options.address);
  }
}

/**
 * A VLAN of a machine, with a namespace of its own: a container in it, or who is on a physical network. VLANs from 3000 on are
 * service tags (0x88a8).
 */
export class Nested extends Host {
  constructor(behind: Machine, vlan: number, mac: string, address: string) {
    super('eth0');
    const { namespace } = behind;
    const tap = `v${vlan}`;
    const index = `${FIRST_VLAN + vlan}`;
    namespace.ip(
      'link',
      'add',
      tap,
      'index',
      index,
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      this.namespace.name,
    );
    namespace.ip('link', 'set', tap, 'up');
    attach(namespace, tap, 'to_trunk');
    if (!behind.trunk) attach(namespace, 'eth0', 'from_trunk');
    behind.trunk = true;
    this.configure(mac, address);
  }
}

/** As vlan.bpf.c has them. */
const TRUNK = '999';
const FIRST_VLAN = 1000;
const VLAN_SOURCE = fileURLToPath(new URL('../../src/testsupport/vlan.bpf.c', import.meta.url));
let vlanObject: string | undefined;

function attach({ name }: Namespace, device: string, program: string): void {
  if (vlanObject === undefined) {
    const directory = temporaryDirectory();
    process.on('exit', directory.remove);
    vlanObject = join(directory.path, 'vlan.o');
    const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const flags = ['-target', 'bpf', '-O2', '-g', '-Wall', '-Werror', `-I/usr/include/${triple}`];
    sh('clang', ...flags, '-c', VLAN_SOURCE, '-o', vlanObject);
  }
  sh('tc', '-n', name, 'qdisc', 'add', 'dev', device, 'clsact');
  const bpf = ['bpf', 'direct-action', 'object-file', vlanObject, 'program', program];
  sh('tc', '-n', name, 'filter', 'add', 'dev', device, 'ingress', ...bpf);
}

/** A BPF file system of one's own. */
export function mountTestBpffs(): { path: string; unmount(): void } {
  const path = mkdtempSync(join(tmpdir(), 'agent-bpffs-'));
  sh('mount', '-t', 'bpf', 'bpf', path);
  return {
    path,
    unmount: () => {
      sh('umount', path);
      rmdirSync(path);
    },
  };
}

export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'agent-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
