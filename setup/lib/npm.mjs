// npm packages: `npm ci`, but only when what is installed is not what package-lock.json says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';
import { run } from './run.mjs';

const advice = 'check that `npm ping` works (network, proxy, registry), then run the same command again.';

/** Brings node_modules to what package-lock.json says. */
export async function installNpmPackages(doing) {
  const wanted = packages('package-lock.json');
  const why = difference(wanted, packages('node_modules/.package-lock.json'));
  const count = `${Object.keys(wanted).length - 1}`;
  if (!why) return `${count} present`;
  doing(`npm ci (${why})`);
  await run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    log: 'npm',
    advice,
    first: true,
  });
  return `${count} installed`;
}

/** The lock file's packages by path; npm keeps a copy of what it installed in node_modules. */
function packages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** The first difference in words, or undefined. */
function difference(wanted, installed) {
  if (!installed) return 'nothing is installed yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || (entry.link ?? false) || isWorkspace(path)) continue;
    const present = installed[path];
    if (!present && entry.optional && !isForThisMachine(entry)) continue;
    if (!present) return `${name(path)} is missing`;
    if (present.version !== entry.version || present.integrity !== entry.integrity)
      return `${name(path)} changed`;
  }
  return undefined;
}

const isWorkspace = (path) => !path.includes('node_modules/');
const name = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

function isForThisMachine({ os, cpu, libc }) {
  const fits = (list, value) => !list || list.includes(value);
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, 'glibc');
}
