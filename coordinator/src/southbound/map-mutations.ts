/**
 * The mutations that bring a map column to `wanted` without touching other keys: changed and unwanted keys are
 * deleted, then missing and changed ones inserted. `unwanted` says which keys that are not in `wanted` must go.
 */
export function mapMutations(
  column: string,
  current: ReadonlyMap<string, string> | undefined,
  wanted: ReadonlyMap<string, string>,
  unwanted: (key: string) => boolean,
): [column: string, mutator: 'insert' | 'delete', value: unknown][] {
  // The server's release does not have the column, or it was not asked for.
  if (current === undefined) return [];
  const remove = [...current.keys()].filter((key) =>
    wanted.has(key) ? current.get(key) !== wanted.get(key) : unwanted(key),
  );
  const insert = [...wanted].filter(([key, value]) => current.get(key) !== value);
  const mutations: [string, 'insert' | 'delete', unknown][] = [];
  if (remove.length > 0)
    mutations.push([column, 'delete', new Map(remove.map((key) => [key, current.get(key) ?? '']))]);
  if (insert.length > 0) mutations.push([column, 'insert', new Map(insert)]);
  return mutations;
}
