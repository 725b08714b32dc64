import { iov_constant, iov_group_keyCodec, iov_group_scope, iov_groupCodec } from '../gen/abi.js';

/** The rows of iov_groups for a multicast group, chunk by chunk, the head last as an agent must write it. */
export function groupRows(
  datapath: number,
  group: number,
  members: { local?: number[]; remote?: number[] },
  generation = 1,
): [key: Buffer, value: Buffer][] {
  const { IOV_GROUP_LOCAL, IOV_GROUP_REMOTE } = iov_group_scope;
  const rows = (scope: number, numbers: number[] = []): [Buffer, Buffer][] => {
    const size = iov_constant.IOV_GROUP_CHUNK;
    const chunks = Math.max(1, Math.ceil(numbers.length / size));
    return Array.from({ length: chunks }, (_, chunk): [Buffer, Buffer] => {
      const part = numbers.slice(chunk * size, (chunk + 1) * size);
      const key = { datapath, group, generation: chunk ? generation : 0, chunk, scope };
      const padded = [...part, ...Array<number>(size - part.length).fill(0)];
      const value = { generation, chunks, count: part.length, members: padded };
      return [iov_group_keyCodec.encode(key), iov_groupCodec.encode(value)];
    }).reverse();
  };
  return [...rows(IOV_GROUP_LOCAL, members.local), ...rows(IOV_GROUP_REMOTE, members.remote)];
}
