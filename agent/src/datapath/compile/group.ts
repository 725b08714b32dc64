import { iov_constant, iov_group_key_layout, iov_group_keyCodec, iov_groupCodec } from '../abi.js';
import type { Entry } from '../entry.js';

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
  const { generation, chunk } = iov_group_key_layout.offsets;
  // Generation (two bytes) and chunk are both 0.
  return key.charCodeAt(generation) + key.charCodeAt(generation + 1) + key.charCodeAt(chunk) === 0;
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
    const head = chunk === 0 ? { generation: chunks > 1 ? generation : 0, chunks } : {};
    entries.push({
      map: 'iov_groups',
      key: iov_group_keyCodec.encode({ ...id, generation: chunk === 0 ? 0 : generation, chunk }),
      value: iov_groupCodec.encode({ ...head, count: part.length, members: part }),
    });
  }
  return entries;
}

interface Tail {
  generation: number;
  /** Those behind the head. */
  members: readonly number[];
}

/** Remembers under which generation a group's tail lies, and takes the next when the tail changes. */
export class Generations {
  readonly #tails = new Map<string, Tail>();

  /** Notes what the pinned maps hold. */
  recover(id: GroupId, generation: number, members: readonly number[]): void {
    this.#tails.set(text(id), { generation, members: members.slice(GROUP_CHUNK) });
  }

  /** What another one remembers. */
  adopt(other: Generations): void {
    for (const [id, tail] of other.#tails) this.#tails.set(id, tail);
  }

  generationOf(id: GroupId, members: readonly number[]): number {
    const before = this.#tails.get(text(id));
    if (before !== undefined && isTail(before.members, members)) return before.generation;
    const generation = ((before?.generation ?? 0) % 0xffff) + 1;
    this.#tails.set(text(id), { generation, members: members.slice(GROUP_CHUNK) });
    return generation;
  }
}

function isTail(tail: readonly number[], members: readonly number[]): boolean {
  if (tail.length !== Math.max(0, members.length - GROUP_CHUNK)) return false;
  return tail.every((member, i) => member === members[GROUP_CHUNK + i]);
}

function text({ datapath, group, scope }: GroupId): string {
  return `${datapath}/${group}/${scope}`;
}
