import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ip } from './netns.js';

let machines = 0;

/** A machine behind a device: a network namespace of its own. `ip netns` names are the host's, so close it. */
export class Machine {
  readonly name = `iomodules-${process.pid}-${++machines}`;
  readonly #children: ChildProcessByStdio<null, Readable, null>[] = [];

  /** Moves `device` in, as `eth0`. @param addresses with prefix length */
  constructor(device: string, mac: string, addresses: string[], mtu = 1500) {
    ip('netns', 'add', this.name);
    // What nobody asked it to say (RFC 3810, RFC 4861) would come among the answers that a test waits for.
    if (!addresses.some((address) => address.includes(':')))
      this.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    ip('link', 'set', 'dev', device, 'netns', this.name);
    this.ip('link', 'set', 'dev', device, 'name', 'eth0', 'address', mac, 'mtu', String(mtu));
    this.ip('link', 'set', 'dev', 'eth0', 'up');
    this.ip('link', 'set', 'dev', 'lo', 'up');
    for (const address of addresses) {
      const nodad = address.includes(':') ? ['nodad'] : [];
      this.ip('addr', 'add', address, 'dev', 'eth0', ...nodad);
    }
  }

  ip(...args: string[]): string {
    return ip('-n', this.name, ...args);
  }

  /** Runs a command in the machine. @throws if it fails */
  run(...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, ...command], { encoding: 'utf8' });
  }

  /** Starts a script of Node there; what it prints comes line by line. */
  start(script: string): AsyncIterator<string> {
    const args = ['netns', 'exec', this.name, process.execPath, '--input-type=commonjs', '-e', script];
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  close(): void {
    for (const child of this.#children) child.kill();
    ip('netns', 'del', this.name);
  }
}
