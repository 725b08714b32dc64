import { closeSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { isBpffs } from '../bpffs.js';
import { BpfError, check } from '../errors.js';
import { libbpf } from './libbpf.js';

const { EEXIST, EINVAL, ENOENT, EPERM } = constants.errno;
const length = new Uint32Array(1);

/**
 * BPF_OBJ_GET_INFO_BY_FD. `info` is what the kernel is handed (zeros, or pointers it should fill) and what it fills;
 * a kernel that knows a shorter struct leaves the rest as it was.
 */
export function objectInfo(fd: number, info: Buffer, target: string): Buffer {
  length[0] = info.length;
  check(libbpf().bpf_obj_get_info_by_fd(fd, info, length), 'read info of', target);
  return info;
}

/** A fixed-size, NUL-padded C string. */
export function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}

const KINDS = { map: 'bpf-map', program: 'bpf-prog', link: 'bpf[_-]link' } as const;

/** Opens a pin and makes sure it is of the kind asked for: the kernel itself would not tell the difference. */
export function openPin(path: string, kind: keyof typeof KINDS): number {
  const fd = check(libbpf().bpf_obj_get(path), 'open pinned', `${kind} ${path}`);
  const inode = readlinkSync(`/proc/self/fd/${fd}`);
  if (new RegExp(KINDS[kind]).test(inode)) return fd;
  closeSync(fd);
  const hint = `The pin holds ${inode.replace('anon_inode:', '')}, not a ${kind}`;
  throw new BpfError('open pinned', `${kind} ${path}`, EINVAL, { hint });
}

/** BPF_OBJ_PIN with the usual mistakes explained. */
export function pin(fd: number, path: string, target: string): void {
  const result = libbpf().bpf_obj_pin(fd, path);
  if (result >= 0) return;
  const hints: Record<number, string> = {
    [ENOENT]: 'Create its directory first',
    [EEXIST]: 'Something is pinned there already: unlink it or open it',
  };
  const foreign = -result === EPERM && !isBpffs(dirname(path));
  const hint = foreign ? 'The directory is not on a BPF file system: see mountBpffs()' : hints[-result];
  throw new BpfError('pin', `${target} to ${path}`, result, { hint });
}
