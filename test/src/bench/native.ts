import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, command } from '../lab/index.js';
import type { Cleanup } from './cleanup.js';

/** The compiled packet generator and sink: a program and the BPF object that it loads. */
export interface Native {
  program: string;
  object: string;
}

const source = join(checkout, 'test', 'src', 'bench', 'native');

/** Compiles native/packets.c and native/packets.bpf.c into a temporary directory. */
export async function compileNative(cleanup: Cleanup): Promise<Native> {
  const dir = await mkdtemp(join(tmpdir(), 'iovisor-bench-'));
  cleanup.add(dir, () => rm(dir, { recursive: true, force: true }));
  const native = { program: join(dir, 'packets'), object: join(dir, 'packets.bpf.o') };
  const bpf = ['-O2', '-g', '-Wall', '-target', 'bpf', '-mcpu=v3', ...multiarchInclude()];
  await Promise.all([
    command(['clang', '-O2', '-Wall', join(source, 'packets.c'), '-o', native.program, '-lbpf']),
    command(['clang', ...bpf, '-c', join(source, 'packets.bpf.c'), '-o', native.object]),
  ]);
  return native;
}

/** asm/types.h lives in Debian's directory of the host's architecture, which clang for BPF does not search. */
function multiarchInclude(): string[] {
  const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string];
  const dir = `/usr/include/${triplet}`;
  return triplet && existsSync(dir) ? [`-I${dir}`] : [];
}
