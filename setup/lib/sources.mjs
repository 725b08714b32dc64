// Is the build up to date? By content, so that a checkout, a rebase or a touch does not start it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, workspaces } from './root.mjs';

const stamp = join(root, 'node_modules', '.cache', 'iovisor', 'build');
const generated = new Set(['node_modules', 'dist', 'gen', '.git']);
/** Inputs of the build that are not ours: schemas that types are generated from, the compiler, its headers. */
const outside = [
  ...[
    '/usr/share/ovn/ovn-nb.ovsschema',
    '/usr/share/ovn/ovn-sb.ovsschema',
    '/usr/share/openvswitch/vswitch.ovsschema',
  ],
  ...['/usr/bin/clang', '/usr/include/bpf/bpf_helpers.h', '/usr/include/linux/bpf.h'],
];

/** Digest of everything the build reads. */
export function sourceDigest() {
  const hash = createHash('sha256').update(process.version);
  const single = ['package-lock.json', 'tsconfig.json', 'tsconfig.base.json', 'setup/build.mjs'];
  for (const file of single.filter((f) => existsSync(join(root, f)))) add(hash, file);
  for (const workspace of workspaces) for (const file of files(workspace)) add(hash, file);
  for (const file of outside) {
    const { size = 0, mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex');
}

/** Was this digest built, and is the result still there? */
export function isBuilt(digest) {
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) return false;
  return workspaces.every(
    (w) => !existsSync(join(root, w, 'tsconfig.json')) || existsSync(join(root, w, 'dist')),
  );
}

export function markBuilt(digest) {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

function add(hash, file) {
  hash
    .update(`${file}\0`)
    .update(readFileSync(join(root, file)))
    .update('\0');
}

/** Paths relative to the checkout, sorted. */
function files(directory) {
  const here = join(root, directory);
  if (!existsSync(here)) return [];
  return readdirSync(here, { withFileTypes: true })
    .filter((entry) => !generated.has(entry.name) && !entry.name.endsWith('.o'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? files(path) : entry.isFile() ? [path] : [];
    });
}
