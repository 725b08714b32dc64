import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { BpfError } from './errors.js';
import { type LinkInfo, readLinkInfo } from './link.js';
import { type MapInfo, readMapInfo } from './map.js';
import { libbpf } from './native/libbpf.js';
import { type ProgramInfo, readProgramInfo } from './program.js';

/** Every program the kernel has, in the order of ids. One that goes away meanwhile is passed over. */
export function* listPrograms(): Generator<ProgramInfo> {
  const { bpf_prog_get_next_id, bpf_prog_get_fd_by_id } = libbpf();
  yield* list('programs', bpf_prog_get_next_id, bpf_prog_get_fd_by_id, readProgramInfo);
}

/** Every map the kernel has, in the order of ids. */
export function* listMaps(): Generator<MapInfo> {
  const { bpf_map_get_next_id, bpf_map_get_fd_by_id } = libbpf();
  yield* list('maps', bpf_map_get_next_id, bpf_map_get_fd_by_id, readMapInfo);
}

/** Every link the kernel has, in the order of ids. */
export function* listLinks(): Generator<LinkInfo> {
  const { bpf_link_get_next_id, bpf_link_get_fd_by_id } = libbpf();
  yield* list('links', bpf_link_get_next_id, bpf_link_get_fd_by_id, readLinkInfo);
}

/** Ids of what the kernel has, in their order. Nothing is opened: that holds, for a moment, what somebody else is removing. */
export const programIds = (): Generator<number> => ids('programs', libbpf().bpf_prog_get_next_id);
export const mapIds = (): Generator<number> => ids('maps', libbpf().bpf_map_get_next_id);
export const linkIds = (): Generator<number> => ids('links', libbpf().bpf_link_get_next_id);

type NextId = (start: number, next: Uint32Array) => number;

function* ids(what: string, nextId: NextId): Generator<number> {
  const next = new Uint32Array(1);
  for (let id = 0; ; yield id) {
    const result = nextId(id, next);
    if (-result === constants.errno.ENOENT) return;
    if (result < 0) throw new BpfError('list', what, result);
    id = next[0]!;
  }
}

function* list<T>(
  what: string,
  nextId: NextId,
  open: (id: number) => number,
  read: (fd: number) => T,
): Generator<T> {
  for (const id of ids(what, nextId)) {
    const fd = open(id);
    // It has gone, or is still being made.
    if ([constants.errno.ENOENT, constants.errno.EAGAIN].includes(-fd)) continue;
    if (fd < 0) throw new BpfError('open', `one of the ${what}, id ${id}`, fd);
    try {
      yield read(fd);
    } finally {
      closeSync(fd);
    }
  }
}
