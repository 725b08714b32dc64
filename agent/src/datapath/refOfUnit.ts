import { type ResourceRef, ResourceType } from '@iovisor-ovn/proto';

const TYPES: Readonly<Record<string, ResourceType>> = {
  port: ResourceType.LOGICAL_PORT,
  copies: ResourceType.LOGICAL_PORT,
  switch: ResourceType.LOGICAL_SWITCH,
  group: ResourceType.LOGICAL_SWITCH,
  tunnel: ResourceType.REMOTE_CHASSIS,
  learned: ResourceType.LEARNED_MAC,
};

/** group:<switch>:<key>:<scope>, copies:<port>:<scope>; ids may contain colons themselves. */
const BEHIND_THE_ID: Readonly<Record<string, number>> = { group: 2, copies: 1 };

/** The resource that a unit of claims belongs to; undefined for units made of local facts alone. */
export function refOfUnit(unit: string): ResourceRef | undefined {
  const [kind, ...rest] = unit.split(':');
  const type = TYPES[kind ?? ''];
  if (type === undefined) return undefined;
  return { type, id: rest.slice(0, rest.length - (BEHIND_THE_ID[kind!] ?? 0)).join(':') };
}
