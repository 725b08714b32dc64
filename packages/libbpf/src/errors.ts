import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** errno values Node does not name: ENOTSUPP is the kernel's own, 4000 and up are libbpf's (libbpf.h). */
const EXTRA: ReadonlyMap<number, [code: string, meaning: string]> = new Map([
  [524, ['ENOTSUPP', 'not supported by this kernel']],
  [4000, ['LIBBPF_ELIBELF', 'libelf failed']],
  [4001, ['LIBBPF_EFORMAT', 'not a BPF object file']],
  [4003, ['LIBBPF_EENDIAN', 'object compiled for another byte order']],
  [4004, ['LIBBPF_EINTERNAL', 'internal error in libbpf']],
  [4005, ['LIBBPF_ERELOC', 'relocation failed']],
  [4007, ['LIBBPF_EVERIFY', 'the verifier refused the program']],
  [4008, ['LIBBPF_EPROG2BIG', 'program too big']],
  [4010, ['LIBBPF_EPROGTYPE', 'program type not supported by this kernel']],
  [4013, ['LIBBPF_ENLPARSE', 'netlink message could not be parsed']],
]);

// Two names share a number on Linux (EAGAIN/EWOULDBLOCK, EOPNOTSUPP/ENOTSUP); the kernel's spelling wins.
const CODES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, value]) => [value, name] as const),
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
]);

/** The symbolic name of a positive errno: `EPERM`, `ENOTSUPP`, …; `errno 9999` if nobody named it. */
export function errnoName(errno: number): string {
  return CODES.get(errno) ?? EXTRA.get(errno)?.[0] ?? `errno ${errno}`;
}

function errnoMeaning(errno: number): string {
  const known = EXTRA.get(errno)?.[1] ?? getSystemErrorMap().get(-errno)?.[1];
  if (errno === constants.errno.EPERM) return `${known}: BPF needs root, or CAP_BPF with CAP_NET_ADMIN`;
  return known ?? 'unknown error';
}

/** What may be added to a {@link BpfError} beside the errno. */
export interface BpfErrorDetails {
  /** What the reader should do about it. */
  hint?: string | undefined;
  /** What libbpf or the kernel printed meanwhile (netlink extended acks, ELF complaints, verifier log). */
  log?: string;
}

/** An operation the kernel or libbpf refused. */
export class BpfError extends Error {
  override readonly name: string = 'BpfError';
  /** Positive errno (errno(3)); 4000 and up are libbpf's own. */
  readonly errno: number;
  /** The errno's name, e.g. `EPERM`. */
  readonly code: string;
  /** What was tried, e.g. `update`. */
  readonly operation: string;
  /** What it was tried on, e.g. `map flows`. */
  readonly target: string;
  /** All that libbpf printed during the operation; empty if nothing. */
  readonly log: string;

  /** @param errno of either sign: libbpf returns it negated. */
  constructor(operation: string, target: string, errno: number, details: BpfErrorDetails = {}) {
    const positive = Math.abs(errno);
    const code = errnoName(positive);
    const hint = details.hint ? `. ${details.hint}` : '';
    const log = details.log?.trim() ?? '';
    super(`${operation} ${target}: ${code} (${errnoMeaning(positive)})${hint}${log ? `\n${log}` : ''}`);
    this.errno = positive;
    this.code = code;
    this.operation = operation;
    this.target = target;
    this.log = log;
  }
}

/** Turns the negative return value of a libbpf function into a {@link BpfError}; passes the others through. */
export function check(result: number, operation: string, target: string, hint?: string): number {
  if (result < 0) throw new BpfError(operation, target, result, { hint });
  return result;
}
