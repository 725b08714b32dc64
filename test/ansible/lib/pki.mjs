import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';

/** Certificates of `names` as ovs-pki makes them, in `pki` of the site's directory. */
export async function makePki(site, names) {
  const directory = join(site.directory, 'pki');
  mkdirSync(directory, { recursive: true });
  const authority = join(site.directory, 'authority');
  const pki = (...words) =>
    command(['ovs-pki', `--dir=${authority}`, '--force', '--batch', ...words], { cwd: directory });
  await pki('init');
  for (const name of names) await pki('req+sign', name, 'switch');
  copyFileSync(join(authority, 'switchca/cacert.pem'), join(directory, 'cacert.pem'));
}
