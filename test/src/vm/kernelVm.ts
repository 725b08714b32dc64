import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Netns } from '../lab/index.js';
import { initramfs } from './initramfs.js';
import type { Kernel } from './kernel.js';

export const qemu = 'qemu-system-x86_64';

export interface VmOptions {
  kernel: Kernel;
  /** Kernel modules to insert at boot: nothing in the guest loads them on demand. */
  modules?: readonly string[];
  /** A NIC on an existing tap. */
  nic?: { tap: string; mac: string };
  /** Where qemu runs, and with it the tap. */
  netns?: Netns;
  memoryMib?: number;
}

/** What a script in the guest ended with; `output` is stdout and stderr as they came. */
export interface VmResult {
  status: number;
  output: string;
}

/**
 * A virtual machine under qemu's software emulation: a kernel of our choice over this machine's own files, which it sees at
 * the same paths and cannot change. Its writes go to its memory. Scripts run in a root shell, one after the other.
 */
export class KernelVm {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** What arrived on the shell's line and was not yet taken. */
  #arrived = '';
  #wake: () => void = () => undefined;
  #stderr = '';
  #ended?: string;
  #scripts = 0;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, Readable>,
    private readonly directory: string,
  ) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#arrived += text;
      this.#wake();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const end = (how: string) => {
      this.#ended ??= how;
      this.#wake();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (status, signal) => end(`qemu ended with ${signal ?? status}`));
    child.stdin.on('error', () => undefined);
  }

  /** Boots a kernel and waits for its shell. @throws with the console's last lines when it does not come up */
  static async boot(o: VmOptions): Promise<KernelVm> {
    const directory = mkdtempSync(join(tmpdir(), 'iovisor-vm-'));
    let vm: KernelVm | undefined;
    try {
      writeFileSync(join(directory, 'initramfs'), await initramfs(o.kernel, o.modules ?? []));
      const argv = [...(o.netns?.prefix ?? []), ...qemuArgv(o, directory)];
      // It dies with us, however we die.
      const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
      vm = new KernelVm(spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], { stdio }), directory);
      // What is written before the shell reads would be lost.
      await vm.#until(/@@ready@@\n/, 'the guest is up', 60_000);
      return vm;
    } catch (error) {
      await vm?.close();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The kernel's messages so far. */
  get console(): string {
    const file = join(this.directory, 'console');
    if (!existsSync(file)) return '';
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  }

  /** Runs a script in the guest's shell. @throws when the guest dies or does not end it in time */
  async run(script: string, timeoutMs = 60_000): Promise<VmResult> {
    const mark = `@@${++this.#scripts}@@`;
    this.#child.stdin.write(`sh -c '${script.replaceAll("'", "'\\''")}' </dev/null; echo "${mark}$?@@"\n`);
    const [output, status] = await this.#until(new RegExp(`${mark}(\\d+)@@\n`), script, timeoutMs);
    return { status: Number(status), output };
  }

  /** Waits for `mark` on the shell's line. Returns and takes what came before it, and its first group. */
  async #until(mark: RegExp, what: string, timeoutMs: number): Promise<[string, string?]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = mark.exec(this.#arrived);
      if (found) {
        const before = this.#arrived.slice(0, found.index);
        this.#arrived = this.#arrived.slice(found.index + found[0].length);
        return [before, found[1]];
      }
      if (this.#ended) throw this.#failure(this.#ended);
      if (Date.now() >= deadline) throw this.#failure(`not in ${timeoutMs} ms: ${what}`);
      await this.#something(deadline - Date.now());
    }
  }

  /** Ends it, as if its plug were pulled. */
  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('close', resolve));
      this.#child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #something(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #failure(what: string): Error {
    const last = (text: string) => text.trimEnd().split('\n').slice(-25).join('\n');
    const parts = [what, last(this.#stderr), 'Shell:', last(this.#arrived), 'Console:', last(this.console)];
    return new Error(parts.filter(Boolean).join('\n'));
  }
}

function qemuArgv({ kernel, nic, memoryMib = 1536 }: VmOptions, directory: string): string[] {
  const append =
    'console=ttyS0 loglevel=5 panic=-1 mitigations=off random.trust_cpu=on nokaslr net.ifnames=0';
  const netdev = nic && [
    ...['-netdev', `tap,id=net0,ifname=${nic.tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${nic.mac},romfile=`],
  ];
  return [
    ...[qemu, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-accel', 'tcg,thread=multi', '-machine', 'q35', '-cpu', 'max', '-smp', '2', '-m', `${memoryMib}`],
    ...['-kernel', kernel.image, '-initrd', join(directory, 'initramfs'), '-append', append],
    // ttyS0 is the kernel's console, ttyS1 the shell.
    ...['-serial', `file:${join(directory, 'console')}`, '-serial', 'stdio'],
    ...['-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=root,mount_tag=root'],
    ...(netdev ?? []),
  ];
}
