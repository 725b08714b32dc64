import { status } from '@grpc/grpc-js';
import type { NameList, NamesRequest } from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import { AdminError } from './admin-error.js';

const most = 1000;
/** Looked at in one turn of the event loop. */
const turn = 2000;

/** Names that begin with a text, for shell completion. @throws AdminError INVALID_ARGUMENT */
export async function listNames(
  coordinator: Coordinator,
  { kind, prefix, limit }: NamesRequest,
): Promise<NameList> {
  const wanted = limit === 0 ? most : Math.min(limit, most);
  const found = new Set<string>();
  let looked = 0;
  for (const name of namesOf(coordinator, kind)) {
    if (++looked % turn === 0) await new Promise((resolve) => setImmediate(resolve));
    if (name === undefined || !name.startsWith(prefix) || found.has(name)) continue;
    if (found.size === wanted) return { names: [...found].sort(), more: true };
    found.add(name);
  }
  return { names: [...found].sort(), more: false };
}

function* namesOf(coordinator: Coordinator, kind: string): Generator<string | undefined> {
  const { northbound, southbound } = coordinator.compiler;
  if (kind === 'node') yield* southbound.chassis.keys();
  else if (kind === 'port')
    for (const state of southbound.ports.values())
      yield southbound.isSwitch(state.switch) ? state.row.logical_port : undefined;
  else if (kind === 'switch') for (const { name } of northbound.switches.values()) yield name;
  else if (kind === 'router')
    for (const { name } of coordinator.northbound.replica.table('Logical_Router')) yield name;
  else
    throw new AdminError(
      status.INVALID_ARGUMENT,
      `there are no names of kind "${kind}"; there are node, port, switch, router`,
    );
}
