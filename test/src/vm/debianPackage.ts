import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../lab/index.js';

/** What tests took from Debian's packages without installing them; may be deleted at any time. */
export const packageCache = '/var/cache/iovisor-ovn/packages';

/**
 * The files of a Debian package in a directory of their own, as its newest known version has them. Downloads it the first
 * time; nothing is installed.
 * @throws CommandError when the package lists do not have it or it cannot be downloaded
 */
export async function debianPackage(name: string): Promise<string> {
  const version = await candidate(name);
  const directory = join(packageCache, `${name}_${version.replaceAll(':', '%3a')}`);
  if (existsSync(directory)) return directory;
  mkdirSync(packageCache, { recursive: true });
  // Others may do the same at the same time: each in its own directory, the first wins.
  const work = mkdtempSync(join(packageCache, '.new-'));
  try {
    await command(
      ['sh', '-c', 'cd "$1" && apt-get -o APT::Sandbox::User=root download "$2"', 'sh', work, name],
      {
        timeoutMs: 60_000,
      },
    );
    const file = readdirSync(work).find((entry) => entry.endsWith('.deb'));
    await command(['dpkg-deb', '-x', join(work, file!), join(work, 'files')], { timeoutMs: 60_000 });
    renameSync(join(work, 'files'), directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return directory;
}

async function candidate(name: string): Promise<string> {
  const policy = await command(['apt-cache', 'policy', name], { env: { ...process.env, LC_ALL: 'C' } });
  const version = /^ {2}Candidate: (\S+)$/m.exec(policy)?.[1];
  if (!version || version === '(none)')
    throw new Error(`the package lists have no ${name}; apt-get update may help`);
  return version;
}

/** What a package depends on whose name begins with `prefix`: a meta-package's real package. */
export async function dependency(name: string, prefix: string): Promise<string> {
  const listed = await command(['apt-cache', 'depends', '--important', name]);
  const found = new RegExp(`Depends: (${prefix}\\S+)`).exec(listed)?.[1];
  if (!found) throw new Error(`package ${name} depends on no ${prefix}…: ${listed}`);
  return found;
}
