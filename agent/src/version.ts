import { readFileSync } from 'node:fs';

interface Manifest {
  version: string;
}

/** Of this package. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest
).version;
