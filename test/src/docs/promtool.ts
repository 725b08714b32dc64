import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const isThere = (process.env.PATH ?? '').split(':').some((folder) => {
  try {
    accessSync(join(folder, 'promtool'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** A test that needs promtool (Debian package prometheus), which is large and not installed by the set-up; skipped without it. */
export function testWithPromtool(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (isThere) test(title, run);
  else test.skip(`${title} (promtool is not installed)`, run);
}

export const hasPromtool = isThere;
