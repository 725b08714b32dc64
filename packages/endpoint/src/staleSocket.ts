import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/**
 * Makes room for a unix socket: its directory is made, and a socket that nobody listens on, left from a crash, goes. Resolves
 * with false, and leaves it, when somebody does listen. What is no socket is left alone, too: binding to it then fails.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  mkdirSync(dirname(path), { recursive: true });
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    }).on('error', resolve);
  });
  // Any other error, such as EAGAIN of one that is too busy to accept, does not say that nobody is there.
  const stale = error?.code === 'ECONNREFUSED' && isSocket(path);
  if (stale) rmSync(path, { force: true });
  return stale || error?.code === 'ENOENT';
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
