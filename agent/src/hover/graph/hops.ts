import type { Hop } from '../engine/hoverEngine.js';
import { MAX_HOPS } from '../engine/hoverEngine.js';
import { HoverError } from './hoverError.js';
import type { End, ModuleNode } from './node.js';

/** What a policy sees as md->in_ifc. */
const ENTERING = 1;
const LEAVING = 2;

/** A node as policies see it: what its path is, and which policies are around it. */
export interface Grouped {
  readonly path: string;
  readonly groups: ReadonlySet<ModuleNode>;
}

/** The policies whose tags name the path, in the order of their numbers. */
export function groupsOf(path: string, policies: Iterable<ModuleNode>): Grouped {
  const around = [...policies].filter(
    (policy) => policy.tags?.includes(path) === true && policy.path !== path,
  );
  return { path, groups: new Set(around.sort((a, b) => a.number - b.number)) };
}

/**
 * Policies that a packet passes on its way: first those that guard what it enters, then those that guard what it leaves. A
 * policy that has both inside sees nothing.
 * @throws HoverError when they are more than a packet can pass
 */
export function policyHops(from: Grouped, to: Grouped): Hop[] {
  const entered = [...to.groups].filter((policy) => !from.groups.has(policy));
  const left = [...from.groups].filter((policy) => !to.groups.has(policy));
  if (entered.length + left.length > MAX_HOPS - 1)
    throw new HoverError(`More than ${MAX_HOPS - 1} policies between "${from.path}" and "${to.path}"`);
  return [
    ...entered.map(({ number }) => ({ kind: 'module', module: number, port: ENTERING }) as const),
    ...left.map(({ number }) => ({ kind: 'module', module: number, port: LEAVING }) as const),
  ];
}

/** Where a packet that passed the policies arrives. */
export function arrival({ node, port }: End): Hop {
  return node.kind === 'module'
    ? { kind: 'module', module: node.number, port }
    : { kind: 'interface', ifindex: node.ifindex };
}

export function sameHops(a: readonly Hop[], b: readonly Hop[]): boolean {
  return a.length === b.length && a.every((hop, index) => sameHop(hop, b[index]!));
}

function sameHop(a: Hop, b: Hop): boolean {
  if (a.kind === 'module') return b.kind === 'module' && a.module === b.module && a.port === b.port;
  if (a.kind === 'interface') return b.kind === 'interface' && a.ifindex === b.ifindex;
  return a.kind === b.kind;
}
