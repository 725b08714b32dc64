// Nothing may be missing on the machine it is installed on: every import that is written out must lead somewhere.
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';

const specifier = /(?:\bfrom|\bimport|\bimport\(|\brequire\(|new URL\()\s*(['"])([\w@./:-]+)\1/g;

/**
 * @param {string[]} roots directories that become `/`, of packages which are installed together
 * @param {{ directory: string, files: string[] }} stage whose own JavaScript is looked at
 * @returns {string[]} what is missing, in words
 */
export function missingImports(stage, roots) {
  const there = (path) => roots.some((root) => existsSync(join(root, path)));
  const own = stage.files.filter((path) =>
    /node_modules\/@iovisor-ovn\/[^/]+\/(dist|bin)\/.*\.js$/.test(path),
  );
  return own.flatMap((path) =>
    [...readFileSync(join(stage.directory, path), 'utf8').matchAll(specifier)].flatMap(([, , wanted]) => {
      const found = wanted.startsWith('.')
        ? there(join(dirname(path), wanted))
        : isBuiltin(wanted) || /^[a-z]+:/.test(wanted) || there(packageOf(wanted));
      return found ? [] : [`${path}: ${wanted}`];
    }),
  );
}

const isBuiltin = (name) => name.startsWith('node:') || builtinModules.includes(name);

function packageOf(name) {
  const parts = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
  return join('usr/lib/iovisor-ovn/node_modules', ...parts);
}
