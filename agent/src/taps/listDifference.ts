export interface ListDifference {
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

/**
 * What distinguishes two lists of uuids without repetitions. A set column comes in order, so what is equal at both ends is
 * skipped without a hash: one port more in a bridge of thousands costs next to nothing.
 */
export function listDifference(before: readonly string[], now: readonly string[]): ListDifference {
  let start = 0;
  let endBefore = before.length;
  let endNow = now.length;
  while (start < endBefore && start < endNow && before[start] === now[start]) start++;
  while (endBefore > start && endNow > start && before[endBefore - 1] === now[endNow - 1]) {
    endBefore--;
    endNow--;
  }
  const gone = before.slice(start, endBefore);
  const come = now.slice(start, endNow);
  if (gone.length === 0 || come.length === 0) return { gone, come };
  const had = new Set(gone);
  const has = new Set(come);
  return { gone: gone.filter((uuid) => !has.has(uuid)), come: come.filter((uuid) => !had.has(uuid)) };
}
