import type { Coordinator } from '../coordinator.js';
import type { PortState } from '../logic/southbound.js';
import type { PortBindingRow } from '../monitor/rows.js';
import type { AgentSession } from '../session/agent-session.js';
import { isOurs } from '../southbound/claims.js';

/** Ports of these types are on every hypervisor that takes part in their switch. */
const everywhere: ReadonlySet<string> = new Set(['localnet', 'localport']);

/** Where to look at a port, or why it cannot be looked at. */
export type Place =
  | { node: string; session: AgentSession; others: readonly string[] }
  | { node: string; session?: undefined; reason: string };

/** @param node only there; empty: wherever it is, rather where its agent is connected */
export function placeOf(
  coordinator: Coordinator,
  { row, switch: state, bound }: PortState,
  node: string,
): Place {
  const name = row.logical_port;
  const all = everywhere.has(row.type) ? [...state.members.keys()].sort() : bound;
  const session = (chassis: string) => coordinator.sessions.get(chassis);
  if (all.length === 0) return { node: '', reason: unbound(row) };
  if (node !== '' && !all.includes(node))
    return { node: '', reason: `port ${name} is not on hypervisor ${node}; it is on ${all.join(', ')}` };
  const chosen = node || (all.find((one) => session(one)) ?? all[0]!);
  const connected = session(chosen);
  if (connected) return { node: chosen, session: connected, others: all.filter((one) => one !== chosen) };
  return { node: chosen, reason: away(coordinator, chosen) };
}

function unbound({ logical_port: name, type, parent_port: parent }: PortBindingRow): string {
  if (everywhere.has(type)) return `port ${name} is nowhere: no hypervisor takes part in its logical switch`;
  if (type === 'patch') return `port ${name} leads to another logical datapath: it is on no hypervisor`;
  const nowhere = `port ${name} is bound to no hypervisor`;
  if (parent !== undefined && parent !== '') return `${nowhere}: it is nested behind port ${parent}`;
  if (type !== '') return `${nowhere}; it is of type ${type}`;
  return `${nowhere}: none has an interface with external_ids:iface-id=${name} that may have it`;
}

/** Why the agent of a hypervisor cannot be asked. */
export function away(coordinator: Coordinator, chassis: string): string {
  const state = coordinator.compiler.southbound.chassis.get(chassis);
  if (!state) return `hypervisor ${chassis} is not registered in Southbound`;
  if (!isOurs(state.row.other_config))
    return `hypervisor ${chassis} runs a stock ovn-controller: ask Open vSwitch there (ovs-appctl ofproto/trace)`;
  if (!coordinator.leadership.held)
    return `this coordinator is a standby: the agent of ${chassis} talks to the leader`;
  return `the agent of hypervisor ${chassis} is not connected; the port goes on there as it was`;
}
