// One ava run: a workspace's tests, read as TAP while they run.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';
import { TapReader } from './tap.mjs';

const skipped = new Set(['node_modules', 'dist', 'gen']);
const cli = join(root, 'node_modules/ava/entrypoints/cli.mjs');

/** Has this workspace test sources? What is in dist/ does not count: a build that failed leaves none. */
export function hasTests(workspace) {
  const isTest = (entry) => entry.name.endsWith('.test.ts');
  const inside = (directory) =>
    readdirSync(directory, { withFileTypes: true }).some((entry) =>
      entry.isDirectory() ? !skipped.has(entry.name) && inside(join(directory, entry.name)) : isTest(entry),
    );
  return inside(join(root, workspace));
}

/**
 * Runs a workspace's tests. `report` gets each test as it ends. Resolves with {passed, failed, skipped}; a run that
 * crashed, or that failed without naming a test, counts as one failure.
 */
export async function runAva(workspace, report, args = []) {
  const tap = new TapReader(report);
  const child = spawn(process.execPath, [cli, '--tap', ...args], {
    cwd: join(root, workspace),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'test' },
  });
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => tap.write(text));
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-4000);
  });
  const stop = (signal) => child.kill(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const status = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  tap.end();
  const { passed, skipped } = tap;
  let { failed } = tap;
  if ((status !== 0 && failed === 0) || !tap.complete) {
    failed++;
    // ava 7's TAP reporter cannot report a timeout: it crashes instead.
    const timedOut = stderr.includes('writeTimeout');
    const what = timedOut
      ? 'a test did not end in time (ava.timeout in package.json)'
      : 'the test run crashed';
    const details = [...stderr.trimEnd().split('\n'), `ava ended with ${status}`];
    report({ ok: false, title: `${workspace}: ${what}`, skipped: false, details });
  }
  return { passed, failed, skipped };
}
