// From a stage to a .deb, with dpkg-deb only.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../../setup/lib/progress.mjs';

export const debianArchitecture = () =>
  execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();

/**
 * @param {Stage} stage
 * @param {{ name: string, version: string, architecture: string, description: string, fields: Record<string, string | undefined>, scripts: Record<string, string> }} control
 * @returns {Promise<string>} the path of the package
 */
export async function buildDeb(stage, control, out) {
  const { name, version, architecture } = control;
  writeControl(stage, control);
  stage.setTimes();
  const path = join(out, `${name}_${version}_${architecture}.deb`);
  const args = ['--root-owner-group', '-Zzstd', '-z9', '--build', stage.directory, path];
  const child = spawn('dpkg-deb', args, {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(stage.seconds) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (status !== 0) throw new SetupError(`dpkg-deb made no ${name}: ${said}`);
  return path;
}

function writeControl(stage, { name, version, architecture, description, fields, scripts }) {
  const payload = stage.files;
  const size = payload.reduce(
    (sum, path) => sum + Math.ceil(lstatSync(join(stage.directory, path)).size / 1024),
    0,
  );
  const lines = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: 'IOVisor-OVN developers <iovisor-ovn@localhost>',
    'Installed-Size': String(size),
    ...fields,
    Section: 'net',
    Priority: 'optional',
    Description: description.trim().replaceAll('\n', '\n '),
  };
  const text = Object.entries(lines).flatMap(([key, value]) => (value ? [`${key}: ${value}\n`] : []));
  const regular = payload.filter((path) => lstatSync(join(stage.directory, path)).isFile());
  const sums = regular.map((path) => `${digest('md5', join(stage.directory, path))}  ${path}\n`);
  const configuration = regular.filter((path) => path.startsWith('etc/'));
  stage.write('DEBIAN/control', text.join(''));
  stage.write('DEBIAN/md5sums', sums.join(''));
  if (configuration.length > 0) stage.write('DEBIAN/conffiles', configuration.map((p) => `/${p}\n`).join(''));
  for (const [script, content] of Object.entries(scripts)) stage.write(`DEBIAN/${script}`, content, 0o755);
}

export const digest = (algorithm, path) => createHash(algorithm).update(readFileSync(path)).digest('hex');
