import { spawn } from 'node:child_process';

/** What a program printed and how it ended. */
export class CommandError extends Error {
  constructor(argv, status, output) {
    super(`${argv.join(' ')} ended with ${status}:\n${output.split('\n').slice(-40).join('\n')}`);
    this.status = status;
    this.output = output;
  }
}

/**
 * Runs a program without stdin; resolves with what it printed on stdout.
 * `seen` gets every line as it comes, of stderr too. Rejects with CommandError unless it ended with 0.
 */
export function command(argv, { env = {}, cwd, input, seen } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.end(input);
    let stdout = '';
    let all = '';
    let line = '';
    const read = (data) => {
      all += data;
      if (!seen) return;
      const lines = (line + data).split('\n');
      line = lines.pop();
      for (const one of lines) seen(one);
    };
    child.stdout.setEncoding('utf8').on('data', (data) => {
      stdout += data;
      read(data);
    });
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', (error) => reject(new CommandError(argv, error.message, all)));
    child.once('close', (code, signal) =>
      code === 0 ? resolve(stdout) : reject(new CommandError(argv, signal ?? code, all)),
    );
  });
}

/** Asks again until `ask` resolves with something true; rejects with its last error after `seconds`. */
export async function until(what, ask, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let last;
    const answer = await ask().catch((error) => {
      last = error;
    });
    if (answer) return answer;
    if (Date.now() > end)
      throw new Error(`${what}: not within ${seconds} s${last ? `: ${last.message}` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
