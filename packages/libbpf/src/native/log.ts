import koffi, { type LibraryHandle } from 'koffi';

const DEBUG = 2;

let sink: string[] | undefined;
let asyncSink: string[] | undefined;

/**
 * Takes over libbpf's printing for good: nothing reaches stderr, what is said during an operation goes into its
 * error. The callback gets a va_list, passed on untouched to vasprintf: it is a pointer on x86-64 and arm64.
 */
export function installLog(library: LibraryHandle): void {
  const libc = koffi.load('libc.so.6');
  const vasprintf = libc.func('int vasprintf(void *out, void *format, void *args)');
  const callback = koffi.proto('int (int level, void *format, void *args)');
  const print = (level: number, format: bigint, args: bigint): number => {
    const into = sink ?? asyncSink;
    if (level >= DEBUG || into === undefined) return 0;
    const text = new BigUint64Array(1);
    const length: number = vasprintf(text, format, args);
    if (length < 0) return 0;
    into.push(koffi.decode.string(text[0], length));
    koffi.free(text[0]);
    return length;
  };
  const setPrint = library.func('libbpf_set_print', 'void *', [koffi.pointer(callback)]);
  setPrint(koffi.register(print, koffi.pointer(callback)));
}

/** Runs `operation` and hands over what libbpf printed meanwhile, without its `libbpf: ` prefix. */
export function withLog<T>(operation: () => T): { result: T; log: string } {
  const outer = sink;
  const lines: string[] = [];
  sink = lines;
  try {
    const result = operation();
    return { result, log: lines.join('').replaceAll(/^libbpf: /gm, '') };
  } finally {
    sink = outer;
  }
}

let last: Promise<unknown> = Promise.resolve();

/** Like {@link withLog} for a call on a worker thread; one at a time, else two logs would mingle. */
export function withLogAsync<T>(operation: () => Promise<T>): Promise<{ result: T; log: string }> {
  const run = last.then(async () => {
    const lines: string[] = [];
    asyncSink = lines;
    try {
      const result = await operation();
      return { result, log: lines.join('').replaceAll(/^libbpf: /gm, '') };
    } finally {
      asyncSink = undefined;
    }
  });
  last = run.catch(() => undefined);
  return run;
}
