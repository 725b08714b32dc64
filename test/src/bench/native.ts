import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, command } from '../lab/index.js';
import type { Cleanup } from './cleanup.js';

const source = join(checkout, 'test', 'src', 'bench', 'native');

/** The benchmark's C, compiled into a temporary directory. */
export class Native {
  private constructor(private readonly dir: string) {}

  /** Compiles the packet generator and its BPF object. */
  static async compile(cleanup: Cleanup): Promise<Native> {
    const dir = await mkdtemp(join(tmpdir(), 'iovisor-bench-'));
    cleanup.add(dir, () => rm(dir, { recursive: true, force: true }));
    const native = new Native(dir);
    await Promise.all([
      command(['clang', '-O2', '-Wall', join(source, 'packets.c'), '-o', native.packets, '-lbpf']),
      compileBpf(join(source, 'packets.bpf.c'), native.packetsObject),
    ]);
    return native;
  }

  /** Program that generates and counts packets, and the object it loads. */
  get packets(): string {
    return join(this.dir, 'packets');
  }

  get packetsObject(): string {
    return join(this.dir, 'packets.bpf.o');
  }

  /** Compiles the program that only redirects to a device, and returns the object's path. */
  async redirectObject(ifindex: number): Promise<string> {
    const object = join(this.dir, `redirect-${ifindex}.bpf.o`);
    await compileBpf(join(source, 'redirect.bpf.c'), object, `-DTARGET_IFINDEX=${ifindex}`);
    return object;
  }
}

async function compileBpf(file: string, object: string, ...flags: string[]): Promise<void> {
  const target = ['-O2', '-g', '-Wall', '-target', 'bpf', '-mcpu=v3', ...multiarchInclude()];
  await command(['clang', ...target, ...flags, '-c', file, '-o', object]);
}

/** asm/types.h lives in Debian's directory of the host's architecture, which clang for BPF does not search. */
function multiarchInclude(): string[] {
  const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string];
  const dir = `/usr/include/${triplet}`;
  return triplet && existsSync(dir) ? [`-I${dir}`] : [];
}
