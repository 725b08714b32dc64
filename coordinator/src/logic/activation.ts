import type { ChassisRow, PortBindingRow } from '../monitor/rows.js';
import { bindingOf, type PortState } from './southbound.js';

/** Port_Binding.options key with the names of the additional chassis that were activated; northd drops it with them. */
export const activatedKey = 'additional-chassis-activated';

/** The only strategy that OVN of this release has. */
const rarp = 'rarp';

/**
 * True when the port must neither send nor receive on this additional chassis before its machine has sent a RARP there
 * (options:activation-strategy, live migration).
 */
export function awaitsRarp(port: PortState, chassis: ChassisRow | undefined): boolean {
  if (!chassis || port.row.options.get('activation-strategy') !== rarp) return false;
  return bindingOf(port).additional.includes(chassis._uuid) && !activated(port.row).includes(chassis.name);
}

/** Names of the chassis that were activated. */
export function activated(row: PortBindingRow): string[] {
  return (row.options.get(activatedKey) ?? '').split(',').filter(Boolean);
}

/** What is wrong with options:activation-strategy; empty when nothing is. */
export function strategyProblem(row: { options?: ReadonlyMap<string, string> }): string {
  const strategy = row.options?.get('activation-strategy') ?? rarp;
  return strategy === rarp
    ? ''
    : `activation-strategy "${strategy}" is unknown: the port works on additional chassis at once`;
}
