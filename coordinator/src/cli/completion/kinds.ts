import type { Argument, Option } from 'commander';

/** Whose names the coordinator knows (NamesRequest.kind), and what else a shell may complete. */
export type NameKind = 'node' | 'port' | 'switch' | 'router';
export type Completes = NameKind | 'file';

const kinds = new WeakMap<Argument | Option, { kind: Completes; also: readonly string[] }>();

/** Notes what a shell completes an argument or an option's value with. @param also further words that fit */
export function completes<T extends Argument | Option>(
  kind: Completes,
  of: T,
  also: readonly string[] = [],
): T {
  kinds.set(of, { kind, also });
  return of;
}

export function completionOf(
  of: Argument | Option,
): { kind: Completes; also: readonly string[] } | undefined {
  return kinds.get(of);
}
