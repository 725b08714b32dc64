import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { removeStaleSocket } from './staleSocket.js';

function directory(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-endpoint-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('what a killed process left goes', async (t) => {
  const path = join(directory(t), 'socket');
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('ready'))`;
  const child = spawn(process.execPath, ['-e', code]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.true(existsSync(path));
  t.true(await removeStaleSocket(path));
  t.false(existsSync(path));
});

test('a socket that somebody listens on stays', async (t) => {
  const path = join(directory(t), 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.false(await removeStaleSocket(path));
  t.true(existsSync(path));
});

test('a file that is no socket stays', async (t) => {
  const path = join(directory(t), 'file');
  writeFileSync(path, 'precious');
  t.false(await removeStaleSocket(path));
  t.is(readFileSync(path, 'utf8'), 'precious');
});

test('nothing there is fine, and the directory is made', async (t) => {
  const path = join(directory(t), 'a/b/socket');
  t.true(await removeStaleSocket(path));
  t.true(existsSync(join(path, '..')));
});
