import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { iovctlBin } from './process.js';

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one of our executables to its end. */
export async function run(bin: string, ...args: string[]): Promise<Result> {
  return promisify(execFile)(process.execPath, [bin, ...args], {
    timeout: 40_000,
    killSignal: 'SIGKILL',
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Result) => error,
  );
}

/** Runs iovctl against a coordinator. */
export function iovctl(address: string, ...args: string[]): Promise<Result> {
  return run(iovctlBin, '--coordinator', address, ...args);
}
