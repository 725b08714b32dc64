import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeWorkspace } from './workspace.js';

test('what a killed agent has left goes; what a living one has, and what is not ours, stays', (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'hover-workspaces-'));
  t.teardown(() => rmSync(parent, { recursive: true }));
  const { pid } = spawnSync('true');
  const make = (name: string) => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  };
  const [dead, living, other] = [
    make(`iovisor-hover-${pid}-a`),
    make('iovisor-hover-1-b'),
    make('iovisor-hover-x'),
  ];
  const link = join(parent, `iovisor-hover-${pid}-c`);
  symlinkSync(other!, link);
  const own = makeWorkspace(parent);
  t.false(existsSync(dead!));
  for (const path of [living!, other!, link, own]) t.true(existsSync(path), path);
});
