import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  promises as fs,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { hoverFiles } from '@iovisor-ovn/iomodules';
import { possibleCpus } from '@iovisor-ovn/libbpf';
import { CompileError } from '../engine/hoverEngine.js';
import { type ClangLimits, DEFAULT_LIMITS, findClang, runClang } from './clang.js';
import { publicMessages } from './diagnostics.js';
import { ObjectCache } from './objectCache.js';
import { prepareSource } from './prepare.js';
import { MAIN, MODULE } from './rewrite.js';
import { rewriteAside } from './rewriteAside.js';
import { makeWorkspace } from './workspace.js';

export interface CompilerOptions {
  /** Where objects are kept for later runs; default: only as long as this compiler. Made, for root alone, if missing. */
  cacheDir?: string;
  /** Name or path of the compiler; default `clang`. */
  clang?: string;
  limits?: Partial<ClangLimits>;
  /** Compilers at the same time; the others wait. Default 2. */
  concurrency?: number;
}

/** A compiled source. */
export interface CompiledObject {
  readonly digest: string;
  /** The BPF object file. */
  readonly path: string;
}

/** Sources with a line `#include <iov/module.h>` are plain C; all others are in Hover's dialect. */
const PLAIN = /^\s*#\s*include\s*[<"]iov\/module\.h[>"]/m;
/** To be counted up when the same source comes to give another object: those that are kept were made the old way. */
const REVISION = 2;
const MAX_SOURCE = 1 << 20;
const TRIPLETS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
const SYSTEM_HEADERS = '/usr/include';
const MACHINE_HEADERS = `${SYSTEM_HEADERS}/${TRIPLETS[process.arch] ?? process.arch}-linux-gnu`;
const COMPILER_HEADERS = '/usr/lib';

/** Compiles modules. Each run is a process with limits; the same source is compiled once. */
export class Compiler {
  readonly #options: CompilerOptions;
  readonly #limits: ClangLimits;
  /** A directory of our own that the unprivileged compiler may read. */
  readonly #workspace: string;
  readonly #headers: readonly string[];
  readonly #headersDigest: string;
  readonly #headerStructs: ReadonlySet<string>;
  readonly #cache: ObjectCache;
  readonly #pending = new Map<string, Promise<CompiledObject>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #clang: Promise<{ path: string; version: string }> | undefined;
  #runs = 0;

  constructor(options: CompilerOptions = {}) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#free = options.concurrency ?? 2;
    // First, since it may be refused.
    const kept = options.cacheDir === undefined ? undefined : new ObjectCache(options.cacheDir);
    this.#workspace = makeWorkspace();
    chmodSync(this.#workspace, 0o711);
    this.#cache = kept ?? new ObjectCache(join(this.#workspace, 'objects'));
    const copies = hoverFiles.headers.map((from, i) => {
      const to = join(this.#workspace, `headers${i}`);
      cpSync(from, to, { recursive: true, dereference: true });
      return to;
    });
    const uapi = join(this.#workspace, 'uapi', 'uapi');
    mkdirSync(uapi, { recursive: true });
    for (const name of ['linux', 'asm-generic']) symlinkSync(join(SYSTEM_HEADERS, name), join(uapi, name));
    if (existsSync(join(MACHINE_HEADERS, 'asm')))
      symlinkSync(join(MACHINE_HEADERS, 'asm'), join(uapi, 'asm'));
    this.#headers = [...copies, join(this.#workspace, 'uapi')];
    for (const dir of this.#headers) openToAll(dir);
    this.#headersDigest = digestOf(copies);
    this.#headerStructs = structsIn(copies);
  }

  /** How often a compiler ran: for tests of the cache. */
  get runs(): number {
    return this.#runs;
  }

  /** @throws CompileError: the compiler's messages, or why it could not be run */
  async compile(source: string): Promise<CompiledObject> {
    if (Buffer.byteLength(source) > MAX_SOURCE)
      throw new CompileError(`the source has more than ${MAX_SOURCE} bytes`);
    const { version } = await this.#compiler();
    const digest = createHash('sha256')
      .update(
        JSON.stringify([REVISION, version, this.#headersDigest, this.#codeFlags(PLAIN.test(source)), source]),
      )
      .digest('hex');
    const cached = await this.#cache.find(digest);
    if (cached !== undefined) return { digest, path: cached };
    let pending = this.#pending.get(digest);
    if (pending === undefined) {
      pending = this.#inTurn(() => this.#compile(source, digest)).finally(() => this.#pending.delete(digest));
      this.#pending.set(digest, pending);
    }
    return pending;
  }

  /** Removes everything but what is in `cacheDir`. */
  close(): void {
    rmSync(this.#workspace, { recursive: true, force: true });
  }

  #compiler(): Promise<{ path: string; version: string }> {
    this.#clang ??= findClang(this.#options.clang).then(async (path) => {
      const { messages } = await this.#run(
        path,
        ['--version'],
        this.#workspace,
        join(this.#workspace, 'version'),
      );
      return { path, version: `${await fs.readFile(join(this.#workspace, 'version'), 'utf8')}${messages}` };
    });
    // Someone may install it.
    this.#clang.catch(() => {
      this.#clang = undefined;
    });
    return this.#clang;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  async #compile(source: string, digest: string): Promise<CompiledObject> {
    const dir = await fs.mkdtemp(join(this.#workspace, 'run-'));
    try {
      await fs.chmod(dir, 0o711);
      const object = join(dir, 'module.o');
      if (PLAIN.test(source)) await this.#compilePlain(source, dir, object);
      else await this.#compileDialect(source, dir, object);
      return { digest, path: await this.#cache.keep(digest, object) };
    } finally {
      await fs.rm(dir, { recursive: true, force: true });
    }
  }

  async #compilePlain(source: string, dir: string, object: string): Promise<void> {
    await writeReadable(join(dir, MAIN), `#include "${MODULE}"\n`);
    await writeReadable(join(dir, MODULE), source);
    await this.#clangOrThrow(TO_OBJECT, true, dir, object);
  }

  async #compileDialect(source: string, dir: string, object: string): Promise<void> {
    const { text, ownStructs } = prepareSource(source, this.#headerStructs);
    await writeReadable(join(dir, MAIN), around(ownStructs));
    await writeReadable(join(dir, MODULE), text);
    if (text.includes('cursor_advance')) {
      const ast = join(dir, 'ast.json');
      await this.#clangOrThrow(['-fsyntax-only', '-Xclang', '-ast-dump=json'], false, dir, ast);
      // clang counts bytes.
      const bytes = Buffer.from(text).toString('latin1');
      await writeReadable(join(dir, MODULE), Buffer.from(await rewriteAside(ast, bytes), 'latin1'));
    }
    try {
      const inlined = join(dir, INLINED);
      await this.#clangOrThrow(ONE_FUNCTION, false, dir, inlined);
      await fs.chmod(inlined, 0o644);
      await this.#clangOrThrow([...TO_OBJECT, '-x', 'ir'], false, dir, object, INLINED);
    } catch (error) {
      // Where each local has a place of its own, a large module has no room for all.
      if (!(error instanceof CompileError) || !/stack limit/.test(error.message)) throw error;
      await this.#clangOrThrow(TO_OBJECT, false, dir, object);
    }
  }

  async #clangOrThrow(
    action: readonly string[],
    plain: boolean,
    dir: string,
    output: string,
    input = MAIN,
  ): Promise<void> {
    const { path } = await this.#compiler();
    this.#runs++;
    const { ok, messages } = await this.#run(path, [...this.#flags(plain), ...action, input], dir, output);
    if (ok) return;
    const text = publicMessages(messages, dir, [...this.#headers, SYSTEM_HEADERS, COMPILER_HEADERS]);
    throw new CompileError(text === '' ? 'the compiler failed without a message' : text);
  }

  #run(clang: string, args: readonly string[], cwd: string, output: string) {
    return runClang(clang, args, { cwd, output, limits: this.#limits });
  }

  #flags(plain: boolean): string[] {
    return [
      ...this.#codeFlags(plain),
      ...['-fno-color-diagnostics', '-ferror-limit=20'],
      ...this.#headers.map((dir) => `-I${dir}`),
      ...(existsSync(MACHINE_HEADERS) ? [`-I${MACHINE_HEADERS}`] : []),
    ];
  }

  /** What decides on the object. */
  #codeFlags(plain: boolean): string[] {
    return [
      ...['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-std=gnu11', '-fno-strict-aliasing', '-ffreestanding'],
      // The dialect's modules count from a null pointer.
      '-fno-delete-null-pointer-checks',
      ...(plain ? ['-Wall', '-Xclang', '-disable-lifetime-markers'] : DIALECT_WARNINGS),
      `-DNUMCPUS=${possibleCpus()}`,
    ];
  }
}

const TO_OBJECT = ['-c', '-o', '-'];
/**
 * All functions of the module put into one, and nothing else done. The dialect's modules return pointers to locals: those keep
 * their places here, while an optimizer would give them to others as soon as the function they were in has ended.
 */
const ONE_FUNCTION = ['-O0', '-Xclang', '-disable-O0-optnone', '-emit-llvm', '-c', '-o', '-'];
const INLINED = 'inlined.bc';
/** What later compilers make errors of was none in the dialect's time; but a function that is nowhere is one, with its line. */
const DIALECT_WARNINGS = [
  '-Wno-everything',
  '-Werror=undefined-internal',
  '-Werror=implicit-function-declaration',
];
/** The header that declares packets, in one of the directories of headers. */
const PACKETS = join('bcc', 'proto.h');

/** The module between what it finds declared and the program that calls it; all its functions become one. */
function around(ownStructs: readonly string[]): string {
  return `${ownStructs.map((name) => `#define ${name} hover_not_${name}\n`).join('')}#include <hover/iomodule.h>
${ownStructs.map((name) => `#undef ${name}\n`).join('')}#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "${MODULE}"
#pragma clang attribute pop
#include <hover/wrapper.h>
`;
}

/** Names that modules of their own time had to declare themselves, since the headers had them not yet. */
function structsIn(dirs: readonly string[]): ReadonlySet<string> {
  const header = dirs.map((dir) => join(dir, PACKETS)).find((path) => existsSync(path));
  const text = header === undefined ? '' : readFileSync(header, 'utf8');
  return new Set([...text.matchAll(/^struct (\w+) \{/gm)].map(([, name]) => name!).concat('ethhdr'));
}

async function writeReadable(path: string, text: string | Buffer): Promise<void> {
  await fs.writeFile(path, text);
  await fs.chmod(path, 0o644);
}

/** For the compiler, which runs as nobody, whatever the umask and the modes of the checkout. */
function openToAll(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) openToAll(inner);
    else if (entry.isFile()) chmodSync(inner, 0o644);
  }
  chmodSync(path, 0o755);
}

function digestOf(dirs: readonly string[]): string {
  const hash = createHash('sha256');
  const add = (dir: string) => {
    for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) add(path);
      else hash.update(entry.name).update(readFileSync(path));
    }
  };
  for (const dir of dirs) add(dir);
  return hash.digest('hex');
}
