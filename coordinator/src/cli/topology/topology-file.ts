import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { Failure } from '../failure.js';

/** A module as the file has it. */
export interface WantedModule {
  name: string;
  /** Hover's module_type. */
  type: string;
  /** Undefined: the file says nothing of it. For source code: `{ code }`. */
  config?: Record<string, unknown>;
}

/** Two ends as the file has them: modules by name, interfaces as `i:NAME`. */
export interface WantedLink {
  from: string;
  to: string;
}

/** What the file wants there to be. */
export interface Topology {
  /** Tells its modules from those of others. */
  name: string;
  modules: WantedModule[];
  /** In the order of the file, which is that of the ports of each module: `links` before `external_interfaces`. */
  links: WantedLink[];
}

type Mapping = Record<string, unknown>;

/** Reads a file. Throws Failure with what is wrong in it. */
export function readTopology(path: string): Topology {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'), { logLevel: 'error' });
  } catch (error) {
    throw new Failure(`${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  return parseTopology(content, path);
}

/** As `readTopology`, of what YAML made of it. */
export function parseTopology(content: unknown, path: string): Topology {
  if (!isMapping(content)) throw new Failure(`${path}: modules, links and external_interfaces are wanted`);
  for (const key of Object.keys(content))
    if (!['name', 'modules', 'links', 'external_interfaces'].includes(key))
      throw new Failure(`${path}: unknown key "${key}"`);
  const modules = list(content, 'modules', path).map((one) => moduleOf(one, path));
  if (modules.length === 0) throw new Failure('No modules present on topology file');
  const names = new Set<string>();
  for (const { name } of modules) {
    if (names.has(name)) throw new Failure(`Module '${name}' is there twice`);
    names.add(name);
  }
  const known = (name: string) => {
    if (!names.has(name)) throw new Failure(`Module '${name}' does not exist`);
    return name;
  };
  const links = list(content, 'links', path).map((one) => ({
    to: known(text(one, 'to', 'to is not present on link request')),
    from: known(text(one, 'from', 'from is not present on link request')),
  }));
  const interfaces = list(content, 'external_interfaces', path).map((one) => ({
    from: known(text(one, 'module', "'module' is missing in link to interface")),
    to: `i:${text(one, 'iface', "'iface' is missing in link to interface")}`,
  }));
  checkLinks([...links, ...interfaces]);
  const name = content.name ?? basename(path).replace(/\.[^.]*$/, '');
  return { name: String(name), modules, links: [...links, ...interfaces] };
}

function moduleOf(module: Mapping, path: string): WantedModule {
  const name = text(module, 'name', 'name is missing in module');
  const type = text(module, 'type', `type is missing in module '${name}'`);
  const { config, code } = module;
  if (config !== undefined && config !== null && !isMapping(config))
    throw new Failure(`config of module '${name}' is a mapping`);
  const known = { name, type };
  if (code === undefined) return { ...known, config: config ?? undefined };
  try {
    return { ...known, config: { code: readFileSync(resolve(dirname(path), String(code)), 'utf8') } };
  } catch (error) {
    throw new Failure(`code of module '${name}': ${(error as Error).message}`);
  }
}

/** Hover has one link between two modules, and one at an interface. */
function checkLinks(links: readonly WantedLink[]): void {
  const seen = new Set<string>();
  for (const { from, to } of links) {
    const key = to.startsWith('i:') ? to : [from, to].sort().join('\n');
    const what = to.startsWith('i:') ? `Interface '${to.slice(2)}'` : `The link '${from}' -> '${to}'`;
    if (seen.has(key)) throw new Failure(`${what} is there twice`);
    if (from === to) throw new Failure(`Module '${from}' is linked to itself`);
    seen.add(key);
  }
}

function list(content: Mapping, key: string, path: string): Mapping[] {
  const value = content[key] ?? [];
  if (!Array.isArray(value) || !value.every(isMapping))
    throw new Failure(`${path}: ${key} is a list of mappings`);
  return value;
}

function text(mapping: Mapping, key: string, missing: string): string {
  const value = mapping[key];
  if (value === undefined || value === null || value === '' || typeof value === 'object')
    throw new Failure(missing);
  return String(value);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
