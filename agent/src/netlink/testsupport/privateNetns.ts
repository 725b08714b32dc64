import { execFileSync } from 'node:child_process';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;

/**
 * Puts this thread, and every child process it starts, into a network namespace of its own. It is gone with the process, so
 * that a test leaves nothing behind however it ends. Needs root. Other threads stay where they were: what is done on one, such as
 * attaching by TCX, is done there.
 */
export function enterPrivateNetns(): void {
  const unshare = koffi.load(null).func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error(`unshare: errno ${koffi.errno()}; tests need root`);
  ip('link set lo up');
}

/** Runs ip(8), words separated by blanks; throws with what it said on standard error. */
export function ip(words: string): string {
  return execFileSync('ip', words.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs many commands in one ip(8). */
export function ipBatch(commands: readonly string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n'), stdio: ['pipe', 'pipe', 'pipe'] });
}
