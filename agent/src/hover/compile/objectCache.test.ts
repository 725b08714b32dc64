import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ObjectCache } from './objectCache.js';

const SOMEBODY = 65534;

function place(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'object-cache-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a directory that others may write is refused: what is in it gets loaded into the kernel', (t) => {
  const own = join(place(t), 'own');
  t.notThrows(() => new ObjectCache(own));
  t.notThrows(() => new ObjectCache(own), 'again');

  for (const mode of [0o770, 0o707]) {
    chmodSync(own, mode);
    t.throws(() => new ObjectCache(own), { message: /own: others may write it/ });
  }
  chmodSync(own, 0o755);
  t.notThrows(() => new ObjectCache(own));
  chownSync(own, SOMEBODY, SOMEBODY);
  t.throws(() => new ObjectCache(own), { message: /own: it belongs to user 65534/ });
});

test('a link to a directory is refused, and so is a file', (t) => {
  const dir = place(t);
  mkdirSync(join(dir, 'there'));
  symlinkSync(join(dir, 'there'), join(dir, 'link'));
  t.throws(() => new ObjectCache(join(dir, 'link')), { message: /link: it is no directory/ });
  writeFileSync(join(dir, 'file'), '');
  t.throws(() => new ObjectCache(join(dir, 'file')));
});

test('an object that is a link, or of another user, is as good as none, and makes room for ours', async (t) => {
  const dir = place(t);
  const cache = new ObjectCache(dir);
  const object = join(dir, 'source');
  writeFileSync(object, 'object');
  symlinkSync(object, join(dir, 'aa.o'));
  writeFileSync(join(dir, 'bb.o'), '');
  chownSync(join(dir, 'bb.o'), SOMEBODY, SOMEBODY);
  writeFileSync(join(dir, 'cc.o'), '');
  chmodSync(join(dir, 'cc.o'), 0o666);
  for (const digest of ['aa', 'bb', 'cc']) {
    t.is(await cache.find(digest), undefined, digest);
    await cache.keep(digest, object);
    t.is(await cache.find(digest), join(dir, `${digest}.o`), digest);
  }
});
