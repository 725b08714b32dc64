import type { PortBindingRow } from '../monitor/rows.js';

/** A chassis with a live session that has an interface with the port's name plugged. */
export interface Candidate {
  /** Chassis row uuid. */
  chassis: string;
  name: string;
  hostname: string;
  /** external_ids:iface-id-ver of the interface; empty when not set. */
  ifaceIdVersion: string;
  /** Whether the port forwards; undefined while its agent has not told yet what does. */
  forwarding: boolean | undefined;
  /** When it was plugged, as a sequence number: the first one wins. */
  order: number;
}

/** What the policy knows of a chassis that a port is bound to, or may be. */
export interface Owner {
  /** Chassis row uuid. */
  chassis: string;
  name: string;
  hostname: string;
  /** It has a session and has told its interfaces, so that one which is no candidate has let go of the port. */
  live: boolean;
  /** A stock ovn-controller's. */
  foreign: boolean;
  /** It has no session, but had one a moment ago: its agent restarts, and its data plane forwards meanwhile. */
  leaving?: boolean;
}

export interface Decision {
  chassis: string | undefined;
  additional: readonly string[];
  /** undefined: leave as it is. */
  up: boolean | undefined;
  virtualParent: string | undefined;
  /** Why candidates did not get the port. */
  losers: readonly Loser[];
}

export interface Loser {
  /** Chassis name. */
  name: string;
  message: string;
  /** Another one has it; nothing is wrong with this one. */
  taken?: boolean;
}

/** The kinds of Port_Binding that are bound in different ways (get_lport_type of ovn-controller). */
export type PortKind =
  | 'vif'
  | 'nested'
  | 'virtual'
  | 'localport'
  | 'localnet'
  | 'l2gateway'
  | 'external'
  | 'other';

const namedKinds: ReadonlySet<string> = new Set([
  'virtual',
  'localport',
  'localnet',
  'l2gateway',
  'external',
]);

export function kindOf(row: PortBindingRow): PortKind {
  if (row.type === '') return (row.parent_port ?? '') === '' ? 'vif' : 'nested';
  return namedKinds.has(row.type) ? (row.type as PortKind) : 'other';
}

/**
 * Decides who has a port (binding.c of ovn-controller, seen from above): options:requested-chassis by name or
 * hostname, the first for the port itself, further ones beside it (live migration); options:iface-id-ver must match;
 * whoever has it keeps it while it is there; of several who have it plugged the first one wins.
 */
export function decideClaim(
  row: PortBindingRow,
  candidates: readonly Candidate[],
  owners: ReadonlyMap<string, Owner>,
): Decision {
  const losers: Loser[] = [];
  const lose = (name: string, message: string) => losers.push({ name, message });
  const able: Candidate[] = [];
  const beside: Candidate[] = [];
  for (const candidate of [...candidates].sort((a, b) => a.order - b.order)) {
    const wanted = row.options.get('iface-id-ver');
    if (wanted !== undefined && wanted !== candidate.ifaceIdVersion) {
      const has = candidate.ifaceIdVersion || 'not set';
      lose(
        candidate.name,
        `iface-id-ver of the interface is ${has}, the port wants ${wanted}; it is not bound`,
      );
      continue;
    }
    const place = requestedPlace(row, candidate);
    if (place === 'main') able.push(candidate);
    else if (place === 'additional') beside.push(candidate);
    else losers.push(notRequested(row, candidate.name));
  }
  const current = row.chassis === undefined ? undefined : owners.get(row.chassis);
  const winner =
    able.find((candidate) => candidate.chassis === row.chassis) ?? challenger(row, able, current);
  for (const candidate of able) {
    if (candidate === winner) continue;
    const holder = winner?.name ?? current?.name;
    const message = `the port is plugged on ${holder} too, which keeps it; unplug one of them`;
    losers.push({ name: candidate.name, message, taken: true });
  }
  const additional = additionalChassis(row, winner, beside, owners);
  const virtualParent = undefined;
  if (winner) return { chassis: winner.chassis, additional, up: upOf(row, winner), virtualParent, losers };
  if (current && !current.live)
    return { chassis: row.chassis, additional, up: undefined, virtualParent: row.virtual_parent, losers };
  return { chassis: undefined, additional, up: down(row), virtualParent, losers };
}

/**
 * Decides over a port that no interface brings to a hypervisor: `wanted` must have it (l2gateway, external), or nobody
 * (localnet, localport, kinds that are not ours to bind). It is up as soon as it is bound: there is no tap to wait for.
 */
export function decideDesignated(
  row: PortBindingRow,
  wanted: Owner | undefined,
  owners: ReadonlyMap<string, Owner>,
): Decision {
  const current = row.chassis === undefined ? undefined : owners.get(row.chassis);
  const place = wanted && requestedPlace(row, wanted);
  const losers = wanted && !place ? [notRequested(row, wanted.name)] : [];
  const rest = { additional: keptBeside(row, owners), losers, virtualParent: undefined };
  if (wanted?.live && place === 'main')
    return { ...rest, chassis: wanted.chassis, up: row.up === undefined ? undefined : true };
  if (current && !current.live)
    return { ...rest, chassis: row.chassis, up: undefined, virtualParent: row.virtual_parent };
  return { ...rest, chassis: undefined, up: current ? down(row) : undefined };
}

/** The parent of a virtual port, as far as it decides where the port is. */
export interface VirtualParent {
  name: string;
  /** The chassis that have it, the main one first. */
  hosts: readonly Owner[];
  up: boolean;
}

/**
 * Decides over a virtual port: it is where the parent is that claimed it last, up when that one is up, and free again
 * when that one is gone.
 */
export function decideVirtual(
  row: PortBindingRow,
  parent: VirtualParent | undefined,
  owners: ReadonlyMap<string, Owner>,
): Decision {
  const current = row.chassis === undefined ? undefined : owners.get(row.chassis);
  const able = (parent?.hosts ?? []).filter((host) => requestedPlace(row, host) === 'main');
  const host = able.find((one) => one.chassis === row.chassis) ?? able.find((one) => one.live);
  const rest = { additional: keptBeside(row, owners), losers: [], virtualParent: parent?.name };
  if (parent && host?.live)
    return { ...rest, chassis: host.chassis, up: row.up === undefined ? undefined : parent.up };
  // Another one's: a stock ovn-controller's, or that of an agent which is away.
  if (host ?? (current && !current.live))
    return { ...rest, chassis: row.chassis, up: undefined, virtualParent: row.virtual_parent };
  if (parent && parent.hosts.length === 0 && current)
    return { ...rest, chassis: undefined, up: down(row), virtualParent: undefined };
  return { ...rest, chassis: undefined, up: current ? down(row) : undefined };
}

function down(row: PortBindingRow): boolean | undefined {
  return row.up === undefined ? undefined : false;
}

function notRequested(row: PortBindingRow, name: string): Loser {
  const requested = row.options.get('requested-chassis');
  return { name, message: `requested-chassis is ${requested}, not ${name}; it is not bound here` };
}

/** The candidate that takes over from `current`, if any does. */
function challenger(row: PortBindingRow, able: readonly Candidate[], current?: Owner): Candidate | undefined {
  const asked = row.options.get('requested-chassis') ?? '';
  // A stock ovn-controller would take the port back at once; only an order from above ends that.
  if (current?.foreign && !current.live && asked === '') return undefined;
  // Nobody gets a port by having its name plugged when the agent of its hypervisor restarts.
  if (current?.leaving && asked === '') return undefined;
  return able[0];
}

/** `up` belongs to the chassis that has the port: it is true when that one forwards. */
function upOf(row: PortBindingRow, winner: Candidate): boolean | undefined {
  if (row.up === undefined) return undefined;
  // Still bound to it, and its agent has not told yet what it forwards: a restart loses nothing.
  if (winner.forwarding === undefined && row.chassis === winner.chassis) return undefined;
  return winner.forwarding === true;
}

/** What northd found for the option counts first: when its first name is unknown, the next one is the main one. */
function requestedPlace(
  row: PortBindingRow,
  chassis: { chassis: string; name: string; hostname: string },
): 'main' | 'additional' | undefined {
  if (row.requested_chassis === chassis.chassis) return 'main';
  if (row.requested_additional_chassis?.includes(chassis.chassis)) return 'additional';
  const option = row.options.get('requested-chassis') ?? '';
  if (option === '') return 'main';
  const requested = option.split(',').filter(Boolean);
  const index = requested.findIndex((name) => name === chassis.name || name === chassis.hostname);
  return index < 0 ? undefined : index === 0 ? 'main' : 'additional';
}

/** Those beside that are not ours to remove. */
function keptBeside(row: PortBindingRow, owners: ReadonlyMap<string, Owner>): string[] {
  return (row.additional_chassis ?? []).filter((uuid) => owners.get(uuid)?.live === false);
}

/** Those beside: candidates requested as such, and whoever is there already and is not ours to remove. */
function additionalChassis(
  row: PortBindingRow,
  winner: Candidate | undefined,
  beside: readonly Candidate[],
  owners: ReadonlyMap<string, Owner>,
): string[] {
  const all = new Set([...keptBeside(row, owners), ...beside.map((candidate) => candidate.chassis)]);
  if (winner) all.delete(winner.chassis);
  return [...all].sort();
}
