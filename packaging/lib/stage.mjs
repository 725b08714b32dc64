// Files for a package, in a directory of their own, as they shall be on the machine.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Of a package of npm's, what runs: no sources, declarations, maps, documents; nothing for browsers or another C library. */
const runs = /\.(js|cjs|mjs|json|proto|wasm|node)$/;
const licenceFile = /^(licen[cs]e|copying|notice|copyright)/i;
const unneeded =
  /^(tests?|__tests__|docs?|examples?|benchmarks?|bench|browser|musl_[^/]*|\.[^/]*)\/|(^|\/)node_modules\/|\.test\.js$/;
/** Of our own, what only tests import. */
const forTests = /(^|\/)(testing|testsupport|fixtures|integration|bench)(\/|$)|\.test\.js$|^testing\.js$/;

export class Stage {
  /** @param {string} directory that becomes `/` @param {number} seconds since 1970, for every file */
  constructor(directory, seconds) {
    this.directory = directory;
    this.seconds = seconds;
  }

  path(target) {
    const path = join(this.directory, target);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return path;
  }

  makeDirectory(target) {
    mkdirSync(join(this.directory, target), { recursive: true, mode: 0o755 });
  }

  write(target, content, mode = 0o644) {
    writeFileSync(this.path(target), content);
    chmodSync(this.path(target), mode);
  }

  writeCompressed(target, text) {
    this.write(`${target}.gz`, gzipSync(text, { level: 9 }));
  }

  copy(source, target, mode = 0o644) {
    copyFileSync(source, this.path(target));
    chmodSync(this.path(target), mode);
  }

  link(target, to) {
    symlinkSync(to, this.path(target));
  }

  copyTree(source, target, keep) {
    for (const path of files(source).filter(keep)) this.copy(join(source, path), join(target, path));
  }

  /** A package of npm's. */
  copyThirdParty(source, target) {
    this.copyTree(
      source,
      target,
      (path) => !unneeded.test(path) && (runs.test(path) || licenceFile.test(path.split('/').at(-1))),
    );
  }

  /** One of ours: what the build made of it, and package.json with the version of the Debian package. */
  copyOwn(source, target, version, without = []) {
    const dist = join(source, 'dist');
    const left = (path) => without.some((folder) => join('dist', path).startsWith(`${folder}/`));
    const wanted = (path) => /\.(js|json|o)$/.test(path) && !forTests.test(path) && !left(path);
    this.copyTree(dist, join(target, 'dist'), wanted);
    const { name, license, type, main, exports, dependencies } = JSON.parse(
      readFileSync(join(source, 'package.json'), 'utf8'),
    );
    const manifest = {
      name,
      version,
      license,
      type,
      main,
      exports: Object.fromEntries(
        Object.entries(exports)
          .filter(([path]) => path !== './testing')
          .map(([path, one]) => [path, one.default]),
      ),
      dependencies,
    };
    this.write(join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }

  get files() {
    return files(this.directory);
  }

  /** The same content makes the same package, whenever it is built. */
  setTimes() {
    const all = [this.directory];
    for (const entry of readdirSync(this.directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      all.push(path);
      if (entry.isDirectory()) chmodSync(path, 0o755);
    }
    for (const path of all) lutimesSync(path, this.seconds, this.seconds);
  }
}

/** Paths of files and links relative to a directory, sorted. */
export function files(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
