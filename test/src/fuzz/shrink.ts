import type { Arena } from './arena.js';
import type { Case } from './fuzz.js';
import { type NetworkSpec, type PortSpec, portsOf, type SwitchSpec } from './network.js';
import type { Body, Packet } from './packet.js';
import type { Comparison } from './site.js';

/** Networks that are built to make one case smaller, at most. */
const ATTEMPTS = 150;

/** A case that is as small as it gets, and what it shows. */
export interface Least {
  least: Case;
  comparison: Comparison;
}

/**
 * Drops one thing after the other as long as the two sides still disagree. Undefined when they agree as soon as the network
 * stands anew: then it depended on what was before.
 */
export async function shrink(arena: Arena, found: Case): Promise<Least | undefined> {
  const first = await arena.build(found.network);
  const comparison = await first.compare(found.packet);
  if (comparison.agree) return undefined;
  let least: Least = { least: found, comparison };
  for (let attempts = 0, smaller = true; smaller && attempts < ATTEMPTS; ) {
    smaller = false;
    // Packets cost nothing: they go through the network that stands.
    const site = await arena.build(least.least.network);
    for (const packet of simplerPackets(least.least.packet)) {
      const comparison = await site.compare(packet).catch(() => undefined);
      if (comparison === undefined || comparison.agree) continue;
      least = { least: { ...least.least, packet }, comparison };
      smaller = true;
      break;
    }
    if (smaller) continue;
    for (const network of simplerNetworks(least.least)) {
      if (++attempts > ATTEMPTS) break;
      const comparison = await disagreement(arena, { network, packet: least.least.packet });
      if (comparison === undefined) continue;
      least = { least: { ...least.least, network }, comparison };
      smaller = true;
      break;
    }
  }
  return least;
}

async function disagreement(arena: Arena, { network, packet }: Case): Promise<Comparison | undefined> {
  try {
    const comparison = await (await arena.build(network)).compare(packet);
    return comparison.agree ? undefined : comparison;
  } catch {
    return undefined;
  }
}

/** The large pieces first. */
function* simplerNetworks({ network, packet }: Case): Generator<NetworkSpec> {
  const with_ = (switches: SwitchSpec[]): NetworkSpec => ({ ...network, switches });
  for (const made of network.switches)
    if (!made.ports.some(({ name }) => name === packet.from))
      yield with_(network.switches.filter((other) => other !== made));
  for (const port of portsOf(network)) if (port.name !== packet.from) yield changed(network, port, undefined);
  if (network.ignoreLspDown !== undefined) yield { switches: network.switches };
  for (const made of network.switches)
    for (const key of Object.keys(made.otherConfig)) {
      const { [key]: _, ...otherConfig } = made.otherConfig;
      yield with_(network.switches.map((other) => (other === made ? { ...made, otherConfig } : other)));
    }
  for (const port of portsOf(network))
    for (const simpler of simplerPorts(port)) yield changed(network, port, simpler);
}

function changed(network: NetworkSpec, port: PortSpec, to: PortSpec | undefined): NetworkSpec {
  const switches = network.switches.map((made) => ({
    ...made,
    ports: made.ports.flatMap((other) => (other === port ? (to ?? []) : other)),
  }));
  return { ...network, switches };
}

function* simplerPorts(port: PortSpec): Generator<PortSpec> {
  const { enabled, ...rest } = port;
  if (enabled !== undefined) yield rest;
  if (port.hv === 2 && port.type === undefined) yield { ...port, hv: 1 };
  for (const column of ['portSecurity', 'addresses'] as const) {
    const list = port[column];
    for (const element of list) yield { ...port, [column]: list.filter((other) => other !== element) };
    for (const element of list)
      for (const shorter of shorterElements(element))
        yield { ...port, [column]: list.map((other) => (other === element ? shorter : other)) };
  }
}

function shorterElements(element: string): string[] {
  const words = element.trim().split(/\s+/);
  const tidy = words.join(' ');
  return [
    ...words.map((_, index) => words.filter((_, other) => other !== index).join(' ')),
    ...(tidy.toLowerCase() === element ? [] : [tidy.toLowerCase()]),
  ].filter((text) => text !== '' && text !== element);
}

function* simplerPackets(packet: Packet): Generator<Packet> {
  const { vlan, body } = packet;
  if (vlan !== undefined) {
    const { vlan: _, ...untagged } = packet;
    yield untagged;
    if (vlan.tpid !== 0x8100 || vlan.tci !== 5) yield { ...packet, vlan: { tci: 5, tpid: 0x8100 } };
  }
  if (body.kind !== 'other') yield { ...packet, body: { kind: 'other', type: 0x88b5 } };
  for (const simpler of simplerBodies(body)) yield { ...packet, body: simpler };
}

function* simplerBodies(body: Body): Generator<Body> {
  if (body.kind === 'ip4' && (body.options || body.ttl !== 64)) yield { ...body, options: false, ttl: 64 };
  if (body.kind === 'ip6' && body.extensions.length > 0) yield { ...body, extensions: [] };
  if (body.kind !== 'ip4' && body.kind !== 'ip6') return;
  const { fragment, ...whole } = body;
  if (fragment !== undefined) yield whole;
  const { lie, ...honest } = body;
  if (lie !== undefined) yield honest;
  if (body.l4.kind === 'nd') {
    const { l4 } = body;
    for (const option of l4.options)
      yield { ...body, l4: { ...l4, options: l4.options.filter((other) => other !== option) } };
  } else if (body.l4.kind !== 'protocol') yield { ...body, l4: { kind: 'protocol', number: 253 } };
}
