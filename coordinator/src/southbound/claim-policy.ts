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

/** What the policy knows of the chassis a port is bound to now. */
export interface Owner {
  chassis: string;
  name: string;
  /** It has a session and has told its interfaces, so that one which is no candidate has let go of the port. */
  live: boolean;
  /** A stock ovn-controller's. */
  foreign: boolean;
}

export interface Decision {
  chassis: string | undefined;
  additional: readonly string[];
  /** undefined: leave as it is. */
  up: boolean | undefined;
  /** Why candidates did not get the port: name of the chassis and the reason. */
  losers: readonly { name: string; message: string }[];
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
  const losers: { name: string; message: string }[] = [];
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
    else {
      const requested = row.options.get('requested-chassis');
      lose(candidate.name, `requested-chassis is ${requested}, not ${candidate.name}; it is not bound here`);
    }
  }
  const current = row.chassis === undefined ? undefined : owners.get(row.chassis);
  const winner =
    able.find((candidate) => candidate.chassis === row.chassis) ?? challenger(row, able, current);
  for (const candidate of able) {
    if (candidate === winner) continue;
    const holder = winner?.name ?? current?.name;
    lose(candidate.name, `the port is plugged on ${holder} too, which keeps it; unplug one of them`);
  }
  const additional = additionalChassis(row, winner, beside, owners);
  if (winner) return { chassis: winner.chassis, additional, up: upOf(row, winner), losers };
  if (current && !current.live) return { chassis: row.chassis, additional, up: undefined, losers };
  return { chassis: undefined, additional, up: row.up === undefined ? undefined : false, losers };
}

/** The candidate that takes over from `current`, if any does. */
function challenger(row: PortBindingRow, able: readonly Candidate[], current?: Owner): Candidate | undefined {
  const asked = row.options.get('requested-chassis') ?? '';
  // A stock ovn-controller would take the port back at once; only an order from above ends that.
  if (current?.foreign && !current.live && asked === '') return undefined;
  return able[0];
}

/** `up` belongs to the chassis that has the port: it is true when that one forwards. */
function upOf(row: PortBindingRow, winner: Candidate): boolean | undefined {
  if (row.up === undefined) return undefined;
  // Still bound to it, and its agent has not told yet what it forwards: a restart loses nothing.
  if (winner.forwarding === undefined && row.chassis === winner.chassis) return undefined;
  return winner.forwarding === true;
}

function requestedPlace(row: PortBindingRow, candidate: Candidate): 'main' | 'additional' | undefined {
  const requested = (row.options.get('requested-chassis') ?? '').split(',').filter(Boolean);
  if (requested.length === 0) return 'main';
  const index = requested.findIndex((name) => name === candidate.name || name === candidate.hostname);
  return index < 0 ? undefined : index === 0 ? 'main' : 'additional';
}

/** Those beside: candidates requested as such, and whoever is there already and is not ours to remove. */
function additionalChassis(
  row: PortBindingRow,
  winner: Candidate | undefined,
  beside: readonly Candidate[],
  owners: ReadonlyMap<string, Owner>,
): string[] {
  const kept = (row.additional_chassis ?? []).filter((uuid) => owners.get(uuid)?.live === false);
  const all = new Set([...kept, ...beside.map((candidate) => candidate.chassis)]);
  if (winner) all.delete(winner.chassis);
  return [...all].sort();
}
