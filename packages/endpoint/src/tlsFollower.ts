import { EventEmitter } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import {
  checkMaterial,
  dateProblem,
  readMaterial,
  TlsFileError,
  type TlsMaterial,
  type TlsPaths,
  type Validity,
  validityOf,
} from './tlsMaterial.js';
import { type OptionNames, tlsOptions } from './tlsOptions.js';

/** What of a TlsMaterial is another than before. */
export interface TlsChange {
  /** Certificate or key. */
  readonly identity: boolean;
  /** The authorities that others must be signed by. */
  readonly ca: boolean;
}

interface TlsEvents {
  changed: [material: TlsMaterial, change: TlsChange];
  /** Why what the files say now cannot be used; undefined: they can again. */
  problem: [message: string | undefined];
}

const kinds = ['cert', 'key', 'ca'] as const;

/** How often the files are looked at, ms. A look is three stat(2). */
const intervalMs = 2000;

/**
 * Certificate, key and authorities as the files have them now. Files are looked at by name, again and again, so that it does
 * not matter how they are replaced: in place, by rename(2), or by a symbolic link somewhere on the way to them that points
 * elsewhere. Files that cannot be used, because they are half written, do not belong together or have expired, change nothing;
 * they are a problem when they are still the same at the next look.
 */
export class TlsFollower extends EventEmitter<TlsEvents> {
  readonly paths: TlsPaths;
  readonly #options: OptionNames;
  #material: TlsMaterial;
  #validity: Validity;
  /** What the files looked like when they were read last. */
  #seen = '';
  /** What is wrong with them; undefined: nothing. */
  #wrong: string | undefined;
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  /**
   * Reads the files. A certificate that is not valid today is a problem and no error: the clock may be wrong, or a new one on its way.
   * @param options that name the files, for messages
   * @throws TlsFileError when they cannot be used
   */
  constructor(paths: TlsPaths, options: OptionNames = tlsOptions) {
    super();
    this.setMaxListeners(0);
    this.paths = paths;
    this.#options = options;
    this.#material = readMaterial(paths);
    this.#validity = validityOf(this.#material.cert);
  }

  /** The last that could be used. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Why the files as they are now are not used; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to look; does not keep the process alive. */
  start(): this {
    this.#timer ??= setInterval(() => void this.look(), intervalMs).unref();
    return this;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks once, as start() does again and again. */
  look(): Promise<void> {
    return this.#later(false);
  }

  /** Looks at once, and what is wrong is said at once: somebody asks for it. Resolves when what was found is in effect. */
  reload(): Promise<void> {
    return this.#later(true);
  }

  #later(now: boolean): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(now));
    return this.#looking;
  }

  async #look(now: boolean): Promise<void> {
    const seen = await this.#appearance();
    const same = seen === this.#seen;
    // What was wrong may become right without a change of a file: a certificate that is not valid yet.
    if (same && this.#wrong === undefined && !now && dateProblem(this.#validity) === undefined) return;
    this.#seen = seen;
    try {
      const [cert, key, ca] = await Promise.all(kinds.map((which) => this.#read(which)));
      const material = { cert: cert!, key: key!, ca: ca! };
      if (!equal(material, this.#material)) checkMaterial(material, this.paths);
      const validity = validityOf(material.cert);
      const dates = dateProblem(validity);
      if (dates !== undefined) throw new TlsFileError('cert', this.paths.cert, dates);
      this.#adopt(material, validity);
    } catch (error) {
      this.#wrong = this.#explain(error as Error);
      if (same || now) this.#report(this.#wrong);
    }
  }

  #adopt(material: TlsMaterial, validity: Validity): void {
    const before = this.#material;
    const identity = !material.cert.equals(before.cert) || !material.key.equals(before.key);
    const ca = !material.ca.equals(before.ca);
    this.#material = material;
    this.#validity = validity;
    this.#wrong = undefined;
    this.#report(undefined);
    if (identity || ca) this.emit('changed', material, { identity, ca });
  }

  #report(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.emit('problem', problem);
  }

  #explain(error: Error): string {
    const which = error instanceof TlsFileError ? error.which : 'cert';
    return `--${this.#options[which]}: ${error.message}; the files as they were before stay in use`;
  }

  async #read(which: keyof TlsMaterial): Promise<Buffer> {
    try {
      return await readFile(this.paths[which]);
    } catch (error) {
      throw new TlsFileError(which, this.paths[which], (error as Error).message);
    }
  }

  async #appearance(): Promise<string> {
    const looks = kinds.map(async (which) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.paths[which], { bigint: true });
        return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    return (await Promise.all(looks)).join();
  }
}

function equal(a: TlsMaterial, b: TlsMaterial): boolean {
  return kinds.every((which) => a[which].equals(b[which]));
}
