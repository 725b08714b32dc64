import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/**
 * Makes room for a unix socket: its directory is made, and a socket that nobody listens on, left from a crash, goes. Resolves
 * with false, and leaves it, when somebody does listen.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  mkdirSync(dirname(path), { recursive: true });
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
  if (!alive) rmSync(path, { force: true });
  return !alive;
}
