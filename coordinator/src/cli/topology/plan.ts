import { isDeepStrictEqual } from 'node:util';
import type { HoverLink, HoverModule } from './hover-client.js';
import type { Topology, WantedLink, WantedModule } from './topology-file.js';

/** What there is on a host. */
export interface Present {
  modules: HoverModule[];
  links: HoverLink[];
}

/** What has to be done, in this order, so that there is what the file wants. */
export interface Plan {
  create: WantedModule[];
  unlink: HoverLink[];
  link: WantedLink[];
  /** Modules that stay, with another configuration. */
  configure: { module: HoverModule; config: Record<string, unknown> }[];
  /** Modules that the file does not have (any more), or has otherwise. */
  remove: HoverModule[];
  /** Modules that stay, by name. */
  kept: Map<string, HoverModule>;
}

/** By this tag the modules of a topology are known. */
export function tagOf(name: string): string {
  return `topology:${name}`;
}

/** The modules of a topology on a host. */
export function ownModules(name: string, { modules }: Present): HoverModule[] {
  return modules.filter(({ tags }) => tags?.includes(tagOf(name)) === true);
}

/** Compares. Modules are found by tag and name, links by their ends in either direction. */
export function planTopology(topology: Topology, present: Present): Plan {
  const own = ownModules(topology.name, present);
  const kept = new Map<string, HoverModule>();
  for (const wanted of topology.modules) {
    const found = own.find((module) => module.display_name === wanted.name && isSame(wanted, module));
    if (found !== undefined) kept.set(wanted.name, found);
  }
  const pathOf = (end: string) => (end.startsWith('i:') ? end : (kept.get(end)?.id ?? `new:${end}`));
  const wantedLinks = topology.links.map((link) => ({ link, ends: key(pathOf(link.from), pathOf(link.to)) }));
  const wantedEnds = new Set(wantedLinks.map(({ ends }) => ends));
  const ids = new Set(own.map(({ id }) => id));
  const ownLinks = present.links.filter(({ from, to }) => ids.has(from) || ids.has(to));
  const there = new Set(ownLinks.map(({ from, to }) => key(from, to)));
  return {
    create: topology.modules.filter(({ name }) => !kept.has(name)),
    unlink: ownLinks.filter(({ from, to }) => !wantedEnds.has(key(from, to))),
    link: wantedLinks.filter(({ ends }) => !there.has(ends)).map(({ link }) => link),
    configure: topology.modules.flatMap(({ name, config = {} }) => {
      const module = kept.get(name);
      return module === undefined || isDeepStrictEqual(module.config, config) ? [] : [{ module, config }];
    }),
    remove: own.filter((module) => kept.get(module.display_name) !== module),
    kept,
  };
}

/** Whether the module can become what is wanted: its type stays, and so does source code. */
function isSame(wanted: WantedModule, module: HoverModule): boolean {
  return module.module_type === wanted.type && module.config.code === wanted.config?.code;
}

function key(from: string, to: string): string {
  return [from, to].sort().join('\n');
}

/** One line for each thing that has to be done; none when all is as wanted. */
export function describe({ create, unlink, link, configure, remove }: Plan): string[] {
  return [
    ...create.map(({ name, type }) => `+ module ${name} (${type})`),
    ...unlink.map(({ from, to }) => `- link ${from} ${to}`),
    ...link.map(({ from, to }) => `+ link ${from} ${to}`),
    ...configure.map(({ module }) => `~ config of ${module.display_name} (${module.id})`),
    ...remove.map(({ display_name, id, module_type }) => `- module ${display_name} (${id}, ${module_type})`),
  ];
}
