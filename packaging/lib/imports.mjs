// Nothing may be missing on the machine it is installed on: every import that is written out must lead somewhere.
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';

const specifier = /(?:\bfrom|\bimport|\bimport\(|\brequire\(|new URL\()\s*(['"])([\w@./:-]+)\1/g;
/** As CommonJS looks for a file. */
const endings = ['', '.js', '.json', '.node', '/index.js', '/index.cjs', '/package.json'];

/**
 * Of our own modules every import, of npm's those of files of the same package: what they can do without they try to import, too.
 * @param {{ directory: string, files: string[] }} stage whose JavaScript is looked at
 * @param {string[]} roots directories that become `/`, of packages which are installed together
 * @returns {string[]} what is missing, in words
 */
export function missingImports(stage, roots) {
  const there = (path) =>
    roots.some((root) => endings.some((ending) => existsSync(join(root, path + ending))));
  return stage.files
    .filter((path) => path.includes('/node_modules/') && /\.[cm]?js$/.test(path))
    .flatMap((path) => {
      const ours = path.includes('/node_modules/@iovisor-ovn/');
      const text = readFileSync(join(stage.directory, path), 'utf8').replaceAll(/^\s*(\/\/|\*).*$/gm, '');
      return [...text.matchAll(specifier)].flatMap(([, , wanted]) => {
        const found = wanted.startsWith('.')
          ? there(join(dirname(path), wanted))
          : !ours || isBuiltin(wanted) || /^[a-z]+:/.test(wanted) || there(packageOf(wanted));
        return found ? [] : [`${path}: ${wanted}`];
      });
    });
}

const isBuiltin = (name) => name.startsWith('node:') || builtinModules.includes(name);

function packageOf(name) {
  const parts = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
  return join('usr/lib/iovisor-ovn/node_modules', ...parts);
}
