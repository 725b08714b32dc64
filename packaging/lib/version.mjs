// Which version the packages have, and of which moment their files are.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../../setup/lib/progress.mjs';
import { root } from '../../setup/lib/root.mjs';

const { version: base } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Debian's rules (deb-version(7)), without an epoch and a Debian revision, which the names of files and directories would not bear. */
const valid = /^\d[0-9A-Za-z.+~]*$/;

/**
 * `0.1.0+git20261127.042048.29daa6b`: later commits have greater versions, also those of one day.
 * `.dirty` follows when files differ from the commit. Outside of git just what package.json says.
 * @returns {{ version: string, seconds: number }} with the time of the commit, in seconds since 1970
 */
export function packageVersion(wanted) {
  if (wanted !== undefined && !valid.test(wanted))
    throw new SetupError(`--version ${wanted}: no version of a Debian package`, 'write 1.2.3 or 1.2.3+text.');
  const commit = lastCommit();
  const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? commit?.seconds ?? 0);
  return { version: wanted ?? `${base}${commit ? revision(commit) : ''}`, seconds };
}

function revision({ seconds, hash, dirty }) {
  const [date, time] = new Date(seconds * 1000).toISOString().split(/[T.]/);
  const parts = [`+git${date.replaceAll('-', '')}`, time.replaceAll(':', ''), hash];
  return [...parts, ...(dirty ? ['dirty'] : [])].join('.');
}

function lastCommit() {
  const git = (...args) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const [seconds, hash] = git('log', '-1', '--format=%ct %h', '--abbrev=7').split(' ');
    return { seconds: Number(seconds), hash, dirty: git('status', '--porcelain') !== '' };
  } catch {
    return undefined;
  }
}
