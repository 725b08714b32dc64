import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = /^iovisor-hover-(\d+)-/;

/** A directory of this process's own for sources and objects. Those that killed agents have left go. */
export function makeWorkspace(parent = tmpdir()): string {
  for (const name of readdirSync(parent)) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) removeOwn(join(parent, name));
  }
  return mkdtempSync(join(parent, `iovisor-hover-${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Only what is a directory of ours: anybody may make names like these in /tmp. */
function removeOwn(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() && found.uid === process.getuid?.())
    rmSync(path, { recursive: true, force: true });
}
