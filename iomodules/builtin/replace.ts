import type { BpfMap } from '@iovisor-ovn/libbpf';

/**
 * Makes `wanted` all that is in the map: first what is new or different, then what is superfluous goes; what stays is never
 * absent. @throws BpfError when the map has no room
 */
export function replaceEntries(
  map: BpfMap,
  wanted: readonly (readonly [key: Buffer, value: Buffer])[],
): void {
  const keep = new Set(wanted.map(([key]) => key.toString('hex')));
  for (const [key, value] of wanted) {
    const now = map.lookup(key);
    if (now === undefined || !now.equals(value)) map.update(key, value);
  }
  for (const key of [...map.keys()]) if (!keep.has(key.toString('hex'))) map.delete(key);
}
