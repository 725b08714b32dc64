import { promises as fs, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** More than anybody has modules; the oldest go first. */
const KEPT = 1024;

/** Objects by digest in a directory, which no one else may write: what is in it gets loaded into the kernel. */
export class ObjectCache {
  readonly #dir: string;

  /** @throws Error when somebody else could put something there */
  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const found = lstatSync(dir);
    const wrong = found.isDirectory() ? strangers(found) : 'it is no directory';
    if (wrong !== undefined) throw new Error(`compiled modules cannot be kept in ${dir}: ${wrong}`);
  }

  /** Path of the object, if there is one. */
  async find(digest: string): Promise<string | undefined> {
    const path = this.#path(digest);
    return fs.lstat(path).then(
      (found) => (found.isFile() && strangers(found) === undefined ? path : undefined),
      () => undefined,
    );
  }

  /** Takes a file over. @returns where it is now */
  async keep(digest: string, object: string): Promise<string> {
    const path = this.#path(digest);
    // Another agent may look meanwhile: it sees all of it or nothing.
    const part = `${path}.${process.pid}`;
    await fs.rm(part, { force: true });
    await fs.copyFile(object, part, fs.constants.COPYFILE_EXCL);
    await fs.chmod(part, 0o600);
    await fs.rename(part, path);
    await this.#prune();
    return path;
  }

  async #prune(): Promise<void> {
    const names = (await fs.readdir(this.#dir)).filter((name) => name.endsWith('.o'));
    if (names.length <= KEPT) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, time: (await fs.stat(join(this.#dir, name))).mtimeMs })),
    );
    aged.sort((a, b) => a.time - b.time);
    for (const { name } of aged.slice(0, names.length - KEPT))
      await fs.rm(join(this.#dir, name), { force: true });
  }

  #path(digest: string): string {
    return join(this.#dir, `${digest}.o`);
  }
}

/** Who else may write it; undefined: nobody but us, and root. */
function strangers({ uid, mode }: Stats): string | undefined {
  if (uid !== 0 && uid !== process.geteuid?.()) return `it belongs to user ${uid}`;
  return mode & 0o022 ? 'others may write it' : undefined;
}
