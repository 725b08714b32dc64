import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './progress.mjs';
import { root } from './root.mjs';

const shown = 25;

let directory;
const begun = new Set();

/** A file for the whole output of a step, emptied at its first use in this process. Not in node_modules: `npm ci` empties that. */
function logStream(name) {
  directory ??=
    process.getuid() === 0 ? '/var/log/iovisor-setup' : mkdtempSync(join(tmpdir(), 'iovisor-setup-'));
  mkdirSync(directory, { recursive: true });
  const stream = createWriteStream(join(directory, `${name}.log`), { flags: begun.has(name) ? 'a' : 'w' });
  begun.add(name);
  return stream;
}

/**
 * Runs a program without stdin, its output in a log file. Resolves with its output; rejects with the last lines of it.
 * `log` names the file, `advice` says what a person can do when it fails, `first` shows the first lines instead.
 */
export async function run(argv, { cwd = root, env = {}, log, advice, first = false }) {
  const output = logStream(log);
  output.write(`$ ${argv.join(' ')}\n`);
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      text += data;
      output.write(data);
    });
  const ended = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  await new Promise((resolve) => output.end(resolve));
  if (ended === 0) return text;
  const lines = text.trimEnd().split('\n');
  const excerpt = (first ? lines.slice(0, shown) : lines.slice(-shown))
    .map((line) => `    ${line}`)
    .join('\n');
  throw new SetupError(
    `${argv.join(' ')} ended with ${ended}:\n${excerpt}\n\nAll of it: ${output.path}`,
    advice,
  );
}
