import { type ExecFileSyncOptions, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/** A machine: a namespace with one end of a veth; the other end, the tap, stays in `home` (undefined: here). */
export class Machine {
  readonly namespace = new Namespace('vm');
  readonly tap: string;

  constructor(options: { mac: string; address: string; home?: Namespace }) {
    this.tap = uniqueName('tap');
    const home = options.home === undefined ? [] : ['-n', options.home.name];
    sh('ip', ...home, 'link', 'add', this.tap, 'type', 'veth', 'peer', 'eth0', 'netns', this.namespace.name);
    sh('ip', ...home, 'link', 'set', this.tap, 'up');
    this.namespace.ip('link', 'set', 'eth0', 'address', options.mac);
    this.namespace.ip('link', 'set', 'eth0', 'up');
    this.namespace.ip('address', 'add', options.address, 'dev', 'eth0', 'nodad');
  }

  setAddress(address: string): void {
    this.namespace.ip('address', 'flush', 'dev', 'eth0', 'scope', 'global');
    this.namespace.ip('address', 'add', address, 'dev', 'eth0', 'nodad');
  }

  /** Whether all of `count` pings 20 ms apart are answered within a second each. */
  pings(address: string, count = 3): boolean {
    // A machine that just failed to resolve the address asks again only every second.
    this.namespace.ip('neighbour', 'flush', 'dev', 'eth0');
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
