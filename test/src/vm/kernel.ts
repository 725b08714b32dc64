import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { debianPackage, dependency } from './debianPackage.js';

/** A kernel on disk. */
export interface Kernel {
  /** As `uname -r` says it. */
  release: string;
  /** The bzImage. */
  image: string;
  /** The directory with its modules, somewhere below. */
  modules: string;
}

/** Debian's stock kernel for amd64, out of its package, not installed. @throws when it cannot be had */
export async function debianKernel(): Promise<Kernel> {
  const name = await dependency('linux-image-amd64', 'linux-image-');
  const files = await debianPackage(name);
  const release = name.slice('linux-image-'.length);
  return {
    release,
    image: join(files, 'boot', `vmlinuz-${release}`),
    modules: join(files, 'lib/modules', release),
  };
}

export interface KernelModule {
  name: string;
  data: Buffer;
}

/** Modules with all that they depend on, in an order in which they can be inserted. Built-in ones are left out. */
export function kernelModules(kernel: Kernel, names: readonly string[]): KernelModule[] {
  const files = new Map<string, string>();
  for (const entry of readdirSync(kernel.modules, { recursive: true, encoding: 'utf8' }))
    if (entry.endsWith('.ko')) files.set(moduleName(entry), join(kernel.modules, entry));
  const builtIn = new Set(
    readFileSync(join(kernel.modules, 'modules.builtin'), 'utf8').split('\n').map(moduleName),
  );
  const found = new Map<string, KernelModule>();
  const add = (name: string): void => {
    if (found.has(name) || builtIn.has(name)) return;
    const file = files.get(name);
    if (!file) throw new Error(`kernel ${kernel.release} has no module ${name}`);
    const data = readFileSync(file);
    for (const other of dependsOn(data)) add(other);
    found.set(name, { name, data });
  };
  for (const name of names) add(name);
  return [...found.values()];
}

/** File names use both, the kernel only underscores. */
const moduleName = (path: string): string => basename(path, '.ko').replaceAll('-', '_');

/** Out of section .modinfo, which is "key=value" strings that end in zero bytes. */
function dependsOn(module: Buffer): string[] {
  const start = module.indexOf('\0depends=') + 1;
  if (start === 0) return [];
  const list = module.toString('latin1', start + 'depends='.length, module.indexOf(0, start));
  return list.split(',').filter(Boolean).map(moduleName);
}
