// What of node_modules is needed at run time, and where it is.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../setup/lib/root.mjs';

const modules = join(root, 'node_modules');

/**
 * Production dependencies of packages of this repository and theirs, as Node would resolve them. Optional ones (native modules of other
 * platforms) only if npm installed them here.
 * @param {string[]} workspaces folders in the repository
 * @returns {Map<string, { directory: string, manifest: object }>} by path below node_modules: `ms`, `a/node_modules/ms`
 */
export function thirdParty(workspaces) {
  const found = new Map();
  for (const workspace of workspaces) collect(join(root, workspace), found);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function collect(directory, found) {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifestOf(directory);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    if (name.startsWith('@iovisor-ovn/')) continue;
    const place = resolve(directory, name);
    if (place === undefined) {
      if (dependencies[name] !== undefined && optionalDependencies[name] === undefined)
        throw new Error(`${name}, which ${directory} needs, is not installed: npm ci`);
      continue;
    }
    const key = place.slice(modules.length + 1);
    if (found.has(key)) continue;
    found.set(key, { directory: place, manifest: manifestOf(place) });
    collect(place, found);
  }
}

/** As Node looks for it: in node_modules of the package, then of each folder above. */
function resolve(from, name) {
  for (let at = from; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return place;
    if (at === root) return undefined;
  }
}

export const manifestOf = (directory) => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
