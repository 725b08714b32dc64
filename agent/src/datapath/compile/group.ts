import { iov_constant, iov_group_key_layout, iov_group_keyCodec, iov_groupCodec } from '../abi.js';
import { type Entry, keyBuffer } from '../entry.js';

/** Members a struct iov_group holds. */
export const GROUP_CHUNK = iov_constant.IOV_GROUP_CHUNK;
/** Chunks a key can count, hence members a group can have on one side. */
export const GROUP_MAX_MEMBERS = GROUP_CHUNK * 256;

/** Which group; `scope` is enum iov_group_scope. */
export interface GroupId {
  datapath: number;
  group: number;
  scope: number;
}

/** Whether a key of iov_groups (as text) is that of a head chunk. */
export function isGroupHead(key: string): boolean {
  const bytes = keyBuffer(key);
  const { generation, chunk } = iov_group_key_layout.offsets;
  return bytes.readUInt16LE(generation) === 0 && bytes[chunk] === 0;
}

/**
 * The chunks of a group. The head holds the first members, so a group of up to 62 changes by one store; the others
 * lie under a generation that the head names. No members: no entries.
 * @param members sorted, each once
 */
export function compileGroup(id: GroupId, members: readonly number[], generation: number): Entry[] {
  const chunks = Math.ceil(members.length / GROUP_CHUNK);
  const entries: Entry[] = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const part = members.slice(chunk * GROUP_CHUNK, (chunk + 1) * GROUP_CHUNK);
    const filled = [...part, ...new Array<number>(GROUP_CHUNK - part.length).fill(0)];
    const head = chunk === 0 ? { generation: chunks > 1 ? generation : 0, chunks } : {};
    entries.push({
      map: 'iov_groups',
      key: iov_group_keyCodec.encode({ ...id, generation: chunk === 0 ? 0 : generation, chunk }),
      value: iov_groupCodec.encode({ ...head, count: part.length, members: filled }),
    });
  }
  return entries;
}

/** What tells two tails (the chunks behind the head) apart. */
function tailOf(members: readonly number[]): string {
  return members.slice(GROUP_CHUNK).join();
}

interface Tail {
  generation: number;
  members: string;
}

/** Remembers under which generation a group's tail lies, and takes the next when the tail changes. */
export class Generations {
  readonly #tails = new Map<string, Tail>();

  /** Notes what the pinned maps hold. */
  recover(id: GroupId, generation: number, members: readonly number[]): void {
    this.#tails.set(text(id), { generation, members: tailOf(members) });
  }

  generationOf(id: GroupId, members: readonly number[]): number {
    const tail = tailOf(members);
    const before = this.#tails.get(text(id));
    if (before?.members === tail) return before.generation;
    const generation = ((before?.generation ?? 0) % 0xffff) + 1;
    this.#tails.set(text(id), { generation, members: tail });
    return generation;
  }
}

function text({ datapath, group, scope }: GroupId): string {
  return `${datapath}/${group}/${scope}`;
}
