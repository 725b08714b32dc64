import { createHash } from 'node:crypto';
import { Resource, type ResourceRef, ResourceType } from '@iovisor-ovn/proto';

/** Type and id of a resource in one string: "switch/<uuid>", "port/<uuid>", "chassis/<name>". */
export type ResourceKey = string & { readonly __resource: unique symbol };

/** A resource ready to be sent. */
export interface CompiledResource {
  resource: Resource;
  /** Bytes on the wire, about. */
  size: number;
}

const prefixes = {
  [ResourceType.LOGICAL_SWITCH]: 'switch/',
  [ResourceType.LOGICAL_PORT]: 'port/',
  [ResourceType.REMOTE_CHASSIS]: 'chassis/',
  [ResourceType.LEARNED_MAC]: 'mac/',
} as const;

export type KnownResourceType = keyof typeof prefixes;

export function resourceKey(type: KnownResourceType, id: string): ResourceKey {
  return (prefixes[type] + id) as ResourceKey;
}

/** The key of a reference that came from an agent; undefined when its type is unknown. */
export function refKey(ref: { type: ResourceType; id: string }): ResourceKey | undefined {
  return ref.type in prefixes ? resourceKey(ref.type as KnownResourceType, ref.id) : undefined;
}

export function resourceRef(key: ResourceKey): ResourceRef {
  const slash = key.indexOf('/') + 1;
  const prefix = key.slice(0, slash);
  const type = Number(Object.entries(prefixes).find(([, value]) => value === prefix)?.[0]);
  return { type, id: key.slice(slash) };
}

/** Makes a resource and its version: the first 8 bytes, big-endian, of the SHA-256 of the resource encoded without one. */
export function compileResource(id: string, body: NonNullable<Resource['body']>): CompiledResource {
  const resource: Resource = { id, version: 0n, body };
  const bytes = Resource.encode(resource).finish();
  resource.version = createHash('sha256').update(bytes).digest().readBigUInt64BE();
  return { resource, size: bytes.length + 9 };
}
