// The Node that goes into the packages: the one that runs this. Debian 12's own is too old.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from '../../setup/lib/progress.mjs';
import { elfNeeds } from './elf.mjs';

/** Debian packages of the libraries that an official build of Node needs. */
const packages = {
  'libc.so.6': 'libc6',
  'libm.so.6': 'libc6',
  'libdl.so.2': 'libc6',
  'librt.so.1': 'libc6',
  'libpthread.so.0': 'libc6',
  'ld-linux-x86-64.so.2': 'libc6',
  'ld-linux-aarch64.so.1': 'libc6',
  'libstdc++.so.6': 'libstdc++6',
  'libgcc_s.so.1': 'libgcc-s1',
  'libatomic.so.1': 'libatomic1',
};

const advice =
  'run it with Node from nodejs.org or NodeSource, or with --node system: the packages then want Debian’s nodejs (>= 20.10).';

/**
 * @param {'bundle' | 'system'} choice
 * @returns {{ binary?: string, licence?: string, path: string, depends: string[] }} `path`: where it is once installed
 */
export function nodeRuntime(choice) {
  if (choice === 'system') return { path: '/usr/bin/node', depends: ['nodejs (>= 20.10)'] };
  const binary = process.execPath;
  const { libraries, versions } = elfNeeds(binary);
  const foreign = libraries.filter((library) => packages[library] === undefined);
  if (foreign.length > 0)
    throw new SetupError(`${binary} needs ${foreign.join(', ')} and cannot be taken along.`, advice);
  const names = new Set(libraries.map((library) => packages[library]));
  const glibc = newest(versions.filter((v) => /^GLIBC_\d/.test(v)).map((v) => v.slice('GLIBC_'.length)));
  const depends = [...names].sort().map((name) => (name === 'libc6' ? `libc6 (>= ${glibc})` : name));
  return { binary, licence: licence(binary), path: '/usr/lib/iovisor-ovn/bin/node', depends };
}

function newest(versions) {
  const numbers = (version) => version.split('.').map(Number);
  return versions
    .sort((a, b) => {
      const [left, right] = [numbers(a), numbers(b)];
      const at = left.findIndex((number, index) => number !== right[index]);
      return at < 0 ? 0 : left[at] - (right[at] ?? 0);
    })
    .at(-1);
}

function licence(binary) {
  const prefix = dirname(dirname(binary));
  const places = ['LICENSE', 'share/doc/node/LICENSE', 'share/doc/nodejs/LICENSE'].map((p) =>
    join(prefix, p),
  );
  const found = places.find(existsSync);
  if (found === undefined)
    throw new SetupError(
      `the licence of ${binary} is not to be found in ${places.join(', ')}`,
      `Node may be passed on with its licence only. ${advice}`,
    );
  return readFileSync(found, 'utf8');
}
