#!/usr/bin/env node
// Tries published Hover modules: node try-published.mjs DIR…, where each DIR is a checkout of a repository that has modules in Go
// files (iovisor/iomodules, mvbpolito/iomodules, netgroup-polito/iovisor-ovn). Extracts the C, compiles it, loads it into the
// kernel and says what came of it. Nothing is attached, nothing is kept. Needs root and a build.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Compiler } from '../../agent/dist/hover/compile/compiler.js';
import { asLoadError, declaredMaps, openModule } from '../../agent/dist/hover/engine/moduleObject.js';
import { PublicTables } from '../../agent/dist/hover/engine/publicTables.js';

/** Raw strings that are assigned to a name, and define handle_rx(). */
const RAW_STRING = /(\w+)(?:\s+string)?\s*=\s*`([^`]*)`/g;
const MODULE = /\bint\s+handle_rx\s*\([^)]*\)\s*\{/;

function* goFiles(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && !['vendor', '.git'].includes(entry.name)) yield* goFiles(path);
    else if (entry.name.endsWith('.go')) yield path;
  }
}

/** Objects with public tables stay open for those that come after them. */
const publicTables = new PublicTables();
const open = [];

async function attempt(source) {
  const { path } = await compiler.compile(source);
  const { tables } = declaredMaps(path);
  const object = openModule(path, publicTables.mapsFor(tables));
  open.push(object);
  try {
    object.load();
  } catch (error) {
    throw asLoadError(error);
  }
  publicTables.add(0, tables, ({ map }) => object.map(map));
  return `loaded   ${tables.map(({ name, sharing }) => (sharing === 'own' ? name : `${name} (${sharing})`)).join(', ')}`;
}

const compiler = new Compiler();
try {
  for (const dir of process.argv.slice(2)) {
    for (const file of goFiles(dir)) {
      // Public tables are declared after those that use them.
      const sources = [...readFileSync(file, 'utf8').matchAll(RAW_STRING)].reverse();
      for (const [, name, source] of sources) {
        if (!MODULE.test(source)) continue;
        const started = performance.now();
        const outcome = await attempt(source).catch(
          (error) => `REFUSED  ${error.message.split('\n').slice(0, 4).join('\n')}`,
        );
        const ms = `${Math.round(performance.now() - started)}`.padStart(5);
        console.log(`${ms} ms  ${relative(dir, file)} ${name}: ${outcome}`);
      }
    }
  }
} finally {
  for (const object of open) object.close();
  compiler.close();
}
