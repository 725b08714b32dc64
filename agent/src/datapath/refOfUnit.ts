import { type ResourceRef, ResourceType } from '@iovisor-ovn/proto';

const TYPES: Readonly<Record<string, ResourceType>> = {
  port: ResourceType.LOGICAL_PORT,
  switch: ResourceType.LOGICAL_SWITCH,
  group: ResourceType.LOGICAL_SWITCH,
  tunnel: ResourceType.REMOTE_CHASSIS,
};

/** The resource that a unit of claims belongs to; undefined for units made of local facts alone. */
export function refOfUnit(unit: string): ResourceRef | undefined {
  const [kind, ...rest] = unit.split(':');
  const type = TYPES[kind ?? ''];
  if (type === undefined) return undefined;
  // group:<switch>:<key>:<scope>; other ids may contain colons themselves.
  return { type, id: kind === 'group' ? rest.slice(0, -2).join(':') : rest.join(':') };
}
