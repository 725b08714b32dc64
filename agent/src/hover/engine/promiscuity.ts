import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkWriter } from '../../netlink/index.js';

type Writer = Pick<LinkWriter, 'setPromiscuous'>;

/** Name of a directory beside the pins, with the ifindex behind it: in a BPF file system there are no other files. */
const MARK = 'promiscuous_';

/** Which interfaces were made promiscuous. It is noted before it is done, for who comes after an agent that was killed. */
export class Promiscuity {
  readonly #dir: string;
  readonly #writer: Writer;

  /** @param dir in a BPF file system */
  constructor(dir: string, writer: Writer) {
    this.#dir = dir;
    this.#writer = writer;
  }

  /** @throws NetlinkError */
  set(ifindex: number, on: boolean): void {
    if (on) mkdirSync(this.#mark(ifindex), { recursive: true });
    this.#writer.setPromiscuous(ifindex, on);
    if (!on) this.forget(ifindex);
  }

  /** The interface is gone. */
  forget(ifindex: number): void {
    removeMark(this.#mark(ifindex));
  }

  #mark(ifindex: number): string {
    return join(this.#dir, `${MARK}${ifindex}`);
  }
}

/**
 * Undoes what an entry of the directory says, and removes it.
 * @returns whether it was a note of this kind
 */
export function undoPromiscuity(dir: string, entry: string, writer: Writer): boolean {
  if (!entry.startsWith(MARK)) return false;
  try {
    writer.setPromiscuous(Number(entry.slice(MARK.length)), false);
  } catch {
    // It is gone, or does not let itself be set: then it was not set either.
  }
  removeMark(join(dir, entry));
  return true;
}

function removeMark(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
