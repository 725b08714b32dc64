import { spawn } from 'node:child_process';
import { closeSync, promises as fs, constants as fsConstants, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CompileError } from '../engine/hoverEngine.js';

/** What a run may use; some twenty times what the largest published module needs. */
export interface ClangLimits {
  cpuSeconds: number;
  /** Address space. */
  memoryBytes: number;
  /** Of the object, or the AST. */
  outputBytes: number;
  /** Of messages; the rest is cut. */
  messageBytes: number;
  /** Waiting included: a source may include a pipe on which nothing comes. */
  wallSeconds: number;
}

export const DEFAULT_LIMITS: ClangLimits = {
  cpuSeconds: 20,
  memoryBytes: 2 ** 30,
  outputBytes: 64 << 20,
  messageBytes: 256 << 10,
  wallSeconds: 120,
};

const NOBODY = 65534;

/** Where an executable is. @throws CompileError what to install */
export async function findClang(name = 'clang'): Promise<string> {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, name));
  for (const path of candidates) {
    const usable = await fs.access(path, fsConstants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  throw new CompileError(
    `${name} is not installed on this node, so that modules cannot be compiled from source: ` +
      'apt install clang libbpf-dev linux-libc-dev',
  );
}

/**
 * Runs clang in a process of its own, without privileges and environment, its standard output into a file.
 * @returns what it said on standard error, and whether it succeeded
 * @throws CompileError when it was too much
 */
export function runClang(
  clang: string,
  args: readonly string[],
  { cwd, output, limits }: { cwd: string; output: string; limits: ClangLimits },
): Promise<{ ok: boolean; messages: string }> {
  const stdout = openSync(output, 'w', 0o600);
  return new Promise((resolve, reject) => {
    const limit = [
      `--cpu=${limits.cpuSeconds}`,
      `--as=${limits.memoryBytes}`,
      `--fsize=${limits.outputBytes}`,
      '--core=0',
    ];
    const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const child = spawn('prlimit', [...limit, clang, ...args], {
      cwd,
      ...asNobody,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      stdio: ['ignore', stdout, 'pipe'],
    });
    closeSync(stdout);
    let messages = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limits.wallSeconds * 1000);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      if (messages.length < limits.messageBytes)
        messages += text.slice(0, limits.messageBytes - messages.length);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const missing =
        error.code === 'ENOENT' ? 'prlimit is not installed: apt install util-linux' : error.message;
      reject(new CompileError(`cannot run the compiler: ${missing}`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const tooMuch = late ? `${limits.wallSeconds} seconds` : exceeded(signal, code, messages, limits);
      if (tooMuch === undefined) resolve({ ok: code === 0, messages });
      else reject(new CompileError(`compiling takes more than ${tooMuch}: refused`));
    });
  });
}

function exceeded(
  signal: NodeJS.Signals | null,
  code: number | null,
  messages: string,
  limits: ClangLimits,
): string | undefined {
  // clang catches signals of its own; then its last words are what counts, and code is 128 and more.
  if (signal === 'SIGXCPU' || signal === 'SIGKILL' || code === 128 + 24 || code === 128 + 9)
    return `${limits.cpuSeconds} seconds of CPU time`;
  if (signal === 'SIGXFSZ' || code === 128 + 25) return `${limits.outputBytes} bytes of output`;
  const crashed = signal !== null || (code ?? 0) >= 128 || /LLVM ERROR/.test(messages);
  if (crashed || /out of memory|bad_alloc|std::bad_alloc/i.test(messages))
    return `${limits.memoryBytes / 2 ** 20} MiB of memory, or the compiler crashed`;
  return undefined;
}
