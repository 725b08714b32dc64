// Brings a machine that has only Node 20, npm, git and root to a built checkout. Plain Node: node_modules may not exist
// yet. A second run finds nothing to do and is done in a moment.
import { build } from './build.mjs';
import { installDebianPackages } from './lib/debian.mjs';
import { installNpmPackages } from './lib/npm.mjs';
import { fail, SetupError, step } from './lib/progress.mjs';
import { isBuilt, markBuilt, sourceDigest } from './lib/sources.mjs';

function checkMachine() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new SetupError(`Node ${process.versions.node} is too old: install Node 20.19 or later.`);
  if (process.platform !== 'linux') throw new SetupError(`Linux is needed, this is ${process.platform}.`);
  if (process.getuid() !== 0)
    throw new SetupError('Root is needed for packages, BPF programs and namespaces: run it again with sudo.');
}

async function setup() {
  checkMachine();
  console.log('Set-up');
  await step('Debian packages', installDebianPackages);
  await step('npm packages', installNpmPackages);
  const digest = sourceDigest();
  if (isBuilt(digest)) return step('build', async () => 'up to date');
  await build();
  markBuilt(digest);
}

await setup().catch(fail);
