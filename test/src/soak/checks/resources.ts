import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { residentBytes } from '../../lab/proc.js';
import type { Site } from '../site.js';

/** What a process has at a moment. */
export interface Holdings {
  residentMiB: number;
  descriptors: number;
  maps: number;
  programs: number;
  links: number;
}

/** BPF objects that a process has open, by id. */
export interface BpfIds {
  maps: Set<number>;
  programs: Set<number>;
  links: Set<number>;
}

const kinds = { map_id: 'maps', prog_id: 'programs', link_id: 'links' } as const;

export function bpfIdsOf(pid: number): BpfIds {
  const ids: BpfIds = { maps: new Set(), programs: new Set(), links: new Set() };
  const directory = `/proc/${pid}/fdinfo`;
  for (const fd of readdirSync(directory)) {
    const text = readQuietly(join(directory, fd));
    // That of a link says its program's id, too.
    const found = /^link_id:/m.test(text) ? ['link_id' as const] : (['map_id', 'prog_id'] as const);
    for (const key of found) {
      const id = new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1];
      if (id !== undefined) ids[kinds[key]].add(Number(id));
    }
  }
  return ids;
}

export function holdingsOf(pid: number): Holdings {
  const { maps, programs, links } = bpfIdsOf(pid);
  return {
    residentMiB: Math.round(residentBytes(pid) / 2 ** 20),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    maps: maps.size,
    programs: programs.size,
    links: links.size,
  };
}

/** Our daemons that run, by name. */
export function daemons(site: Site): Map<string, number> {
  const processes = [
    ...site.lab.hypervisors.map(({ agent }) => agent),
    ...site.coordinators.all.map((coordinator) => coordinator.process),
  ];
  return new Map(processes.flatMap((one) => (one?.running ? [[one.name, one.pid]] : [])));
}

/** Names of all pins of a hypervisor, without the number of the load. */
export function pinsOf(bpffs: string): string[] {
  const found: string[] = [];
  const walk = (path: string, below: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const name = join(below, entry.name);
      if (entry.isDirectory()) walk(join(path, entry.name), name);
      else found.push(name.replace(/iov_programs_\d+$/, 'iov_programs_N'));
    }
  };
  walk(bpffs, '');
  return found.sort();
}

/** It may go while it is read. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
