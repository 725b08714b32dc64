import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { BpfError, check } from './errors.js';
import type { HasFd } from './map.js';
import { cString, objectInfo, openPin, pin } from './native/info.js';
import { libbpf } from './native/libbpf.js';
import { Scratch } from './native/scratch.js';
import { type TestRun, type TestRunResult, testRun } from './test-run.js';

/** What the kernel tells of a program. */
export interface ProgramInfo {
  /** Kernel-wide id, as bpftool shows it. */
  id: number;
  /** At most 15 characters. */
  name: string;
  /** Hash of the instructions, 16 hex digits: the same program has the same tag. */
  tag: string;
  /** libbpf's name of the type, e.g. `sched_cls`. */
  type: string;
  /** Nanoseconds and runs; they count only while sysctl kernel.bpf_stats_enabled is on. */
  runTimeNs: bigint;
  runCount: bigint;
  /** Bytes of machine code. */
  jitedLen: number;
  /** Bytes of BPF instructions after verification. */
  xlatedLen: number;
  /** Instructions that the verifier went through, of a million it allows; 0 on kernels before 5.16, which do not tell. */
  verifiedInstructions: number;
  /** Ids of the maps it uses. */
  mapIds: number[];
}

const SCHED_CLS = 3;
const SCHED_ACT = 4;
/** The kernel allows a program 64 maps (MAX_USED_MAPS). */
const MAX_MAPS = 64;
let mapIds: Scratch | undefined;

/** libbpf's name of a numeric program type. */
function programTypeName(type: number): string {
  return libbpf().libbpf_bpf_prog_type_str(type) ?? 'unknown';
}

/** A BPF program: of an object, or opened from a pin. */
export class BpfProgram implements HasFd {
  /** The C function's name; for a program opened from a pin what the kernel kept of it (15 characters). */
  readonly name: string;
  /** libbpf's name of the type, e.g. `sched_cls`. */
  readonly type: string;
  readonly #type: number;
  #fd = -1;
  #owned = true;

  /** @internal use openPinned() or BpfObject.program(). */
  constructor(name: string, type: number) {
    this.name = name;
    this.#type = type;
    this.type = programTypeName(type);
  }

  /** Opens a pinned program. @throws BpfError ENOENT, or EINVAL if the pin is no program */
  static openPinned(path: string): BpfProgram {
    return BpfProgram.fromFd(openPin(path, 'program'));
  }

  /** Opens a program by its kernel-wide id. */
  static openId(id: number): BpfProgram {
    return BpfProgram.fromFd(check(libbpf().bpf_prog_get_fd_by_id(id), 'open', `program with id ${id}`));
  }

  /** @internal takes the descriptor over. */
  static fromFd(fd: number): BpfProgram {
    const info = objectInfo(fd, Buffer.alloc(INFO_SIZE), `program with descriptor ${fd}`);
    const program = new BpfProgram(cString(info.subarray(64, 80)), info.readUInt32LE(0));
    program.#fd = fd;
    return program;
  }

  /** @internal the object's program got its descriptor (load), or lost it (close: -1). The object closes it. */
  lend(fd: number): void {
    this.#fd = fd;
    this.#owned = false;
  }

  /** @throws BpfError EBADF before the object is loaded and after close(). */
  get fd(): number {
    if (this.#fd < 0) {
      const hint = 'It is closed, or its object is not loaded yet';
      throw new BpfError('use', `program ${this.name}`, constants.errno.EBADF, { hint });
    }
    return this.#fd;
  }

  /** Kernel-wide id, as bpftool shows it. */
  get id(): number {
    return this.info().id;
  }

  /** Runs the program on a packet, in the kernel, without a device sending it (BPF_PROG_TEST_RUN). */
  testRun(run: TestRun): TestRunResult {
    return testRun(this.fd, this.name, this.#type === SCHED_CLS || this.#type === SCHED_ACT, run);
  }

  /** Pins the program: it outlives this process. The directory must exist, on a BPF file system. */
  pin(path: string): void {
    pin(this.fd, path, `program ${this.name}`);
  }

  info(): ProgramInfo {
    return readProgramInfo(this.fd);
  }

  /** Closes the descriptor. A program of a BpfObject is closed with its object instead; then this does nothing. */
  close(): void {
    if (!this.#owned || this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** sizeof(struct bpf_prog_info) up to verified_insns; older kernels leave what they do not know as it is. */
const INFO_SIZE = 224;

/** @internal */
export function readProgramInfo(fd: number): ProgramInfo {
  mapIds ??= new Scratch(4 * MAX_MAPS);
  const info = Buffer.alloc(INFO_SIZE);
  info.writeUInt32LE(MAX_MAPS, 52);
  info.writeBigUInt64LE(mapIds.address, 56);
  objectInfo(fd, info, `program with descriptor ${fd}`);
  const maps = Math.min(info.readUInt32LE(52), MAX_MAPS);
  const ids = mapIds.bytes;
  return {
    id: info.readUInt32LE(4),
    name: cString(info.subarray(64, 80)),
    tag: info.toString('hex', 8, 16),
    type: programTypeName(info.readUInt32LE(0)),
    runTimeNs: info.readBigUInt64LE(192),
    runCount: info.readBigUInt64LE(200),
    jitedLen: info.readUInt32LE(16),
    xlatedLen: info.readUInt32LE(20),
    verifiedInstructions: info.readUInt32LE(216),
    mapIds: Array.from({ length: maps }, (_, i) => ids.readUInt32LE(4 * i)),
  };
}
