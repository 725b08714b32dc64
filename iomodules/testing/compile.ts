import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Compiled, this file lies in dist/testing.
const generate = fileURLToPath(new URL('../../generate.mjs', import.meta.url));

/**
 * Compiles the source of a module as the build does.
 * @returns the path of the object, and what removes it
 * @throws Error with the compiler's text
 */
export function compileModule(source: string): { object: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'iomodule-'));
  const [path, object] = [join(directory, 'module.bpf.c'), join(directory, 'module.bpf.o')];
  const remove = () => rmSync(directory, { recursive: true });
  writeFileSync(path, source);
  try {
    execFileSync(process.execPath, [generate, path, object], { encoding: 'utf8' });
  } catch (error) {
    remove();
    throw error;
  }
  return { object, remove };
}
