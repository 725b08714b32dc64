import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { material, TestAuthority } from './testing.js';
import { type TlsChange, TlsFollower } from './tlsFollower.js';
import { readMaterial, TlsFileError, type TlsPaths } from './tlsMaterial.js';

const kinds = ['cert', 'key', 'ca'] as const;

async function authority(t: ExecutionContext): Promise<TestAuthority> {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-endpoint-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return TestAuthority.create(join(dir, 'authority'));
}

/** Copies of the files at fixed places, as a daemon has them. */
function installed(dir: string, from: TlsPaths): TlsPaths {
  mkdirSync(dir, { recursive: true });
  for (const kind of kinds) copyFileSync(from[kind], join(dir, kind));
  return { cert: join(dir, 'cert'), key: join(dir, 'key'), ca: join(dir, 'ca') };
}

function follow(t: ExecutionContext, paths: TlsPaths): TlsFollower {
  const follower = new TlsFollower(paths);
  // It does not keep the process alive.
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(() => {
    follower.stop();
    clearInterval(alive);
  });
  return follower;
}

test('files that are replaced by others are noticed: in place, by rename, by a link on the way to them', async (t) => {
  const from = await authority(t);
  const link = join(from.dir, 'link');
  const [one, two, three, four] = await Promise.all(
    ['one', 'two', 'three', 'four'].map((name) => from.sign(name)),
  );
  installed(join(from.dir, 'v1'), one!);
  installed(join(from.dir, 'v2'), two!);
  symlinkSync('v1', link);
  const follower = follow(t, {
    cert: join(link, 'cert'),
    key: join(link, 'key'),
    ca: join(link, 'ca'),
  }).start();
  const changed = async () => (await once(follower, 'changed')) as [unknown, TlsChange];

  symlinkSync('v2', `${link}.new`);
  renameSync(`${link}.new`, link);
  t.deepEqual((await changed())[1], { identity: true, ca: false });
  t.deepEqual(follower.material, material(two!));

  installed(link, three!);
  await follower.look();
  t.deepEqual(follower.material, material(three!));

  for (const kind of ['cert', 'key'] as const) {
    copyFileSync(four![kind], join(link, 'new'));
    renameSync(join(link, 'new'), join(link, kind));
  }
  await follower.look();
  t.deepEqual(follower.material, material(four!));
  t.is(follower.problem, undefined);
});

test('what cannot be used changes nothing, is said once, and heals', async (t) => {
  const from = await authority(t);
  const other = await TestAuthority.create(join(from.dir, 'other'));
  const [good, better, old] = await Promise.all([
    from.sign('good'),
    from.sign('better'),
    from.sign('old', { days: -1 }),
  ]);
  const paths = installed(join(from.dir, 'installed'), good!);
  const follower = follow(t, paths);
  const problems: (string | undefined)[] = [];
  let changes = 0;
  follower.on('problem', (problem) => problems.push(problem)).on('changed', () => changes++);
  const wrong = async (pattern: RegExp) => {
    await follower.reload();
    t.regex(follower.problem ?? '', pattern);
    t.deepEqual(follower.material, material(good!));
  };
  writeFileSync(paths.cert, material(good!).cert.subarray(0, 300));
  await wrong(/^--tls-cert: .*installed\/cert: is cut off.*stay in use/);
  writeFileSync(paths.cert, '');
  await wrong(/has no certificate in PEM format/);
  copyFileSync(better!.cert, paths.cert);
  await wrong(/^--tls-key: .*is not the private key of .*installed\/cert/);
  await follower.reload();
  installed(join(from.dir, 'installed'), old!);
  await wrong(/^--tls-cert: .*has expired/);
  installed(join(from.dir, 'installed'), good!);
  rmSync(paths.ca);
  await wrong(/^--tls-ca: .*ENOENT/);
  t.is(new Set(problems).size, problems.length);
  t.is(problems.length, 5);
  t.is(changes, 0);

  installed(join(from.dir, 'installed'), better!);
  copyFileSync(other.ca, paths.ca);
  await follower.reload();
  t.is(follower.problem, undefined);
  t.is(problems.at(-1), undefined);
  t.deepEqual(follower.material, { ...material(better!), ca: material({ ...good!, ca: other.ca }).ca });
  t.is(changes, 1);
});

test('a file that is being written is a problem only when it stays as it is', async (t) => {
  const from = await authority(t);
  const [one, two] = await Promise.all([from.sign('one'), from.sign('two')]);
  const paths = installed(join(from.dir, 'installed'), one!);
  const follower = follow(t, paths);
  // The certificate first, the key after it was seen without.
  copyFileSync(two!.cert, paths.cert);
  await follower.look();
  t.is(follower.problem, undefined);
  t.deepEqual(follower.material, material(one!));
  copyFileSync(two!.key, paths.key);
  await follower.look();
  t.deepEqual(follower.material, material(two!));
  copyFileSync(one!.cert, paths.cert);
  await follower.look();
  t.is(follower.problem, undefined);
  await follower.look();
  t.regex(follower.problem ?? '', /is not the private key/);
  copyFileSync(two!.cert, paths.cert);
  await follower.look();
  t.is(follower.problem, undefined);
});

test('what is wrong at the start names the file', async (t) => {
  const from = await authority(t);
  const [one, two] = await Promise.all([from.sign('one'), from.sign('two')]);
  const cases: [TlsPaths, which: string, RegExp][] = [
    [{ ...one!, key: two!.key }, 'key', /two\.key: is not the private key of .*one\.pem/],
    [{ ...one!, key: one!.cert }, 'key', /one\.pem: /],
    [{ ...one!, cert: one!.key }, 'cert', /one\.key: .*not only certificates/],
    [{ ...one!, ca: '/etc/hostname' }, 'ca', /\/etc\/hostname: has no certificate/],
    [{ ...one!, ca: '/none' }, 'ca', /\/none: ENOENT/],
  ];
  for (const [paths, which, message] of cases) {
    const error = t.throws(() => readMaterial(paths), { instanceOf: TlsFileError, message });
    t.is(error?.which, which as 'ca');
  }
});

test('a certificate that has expired is a problem, also from the start, until there is another one', async (t) => {
  const from = await authority(t);
  const [old, good] = await Promise.all([from.sign('old', { days: -1 }), from.sign('good')]);
  const paths = installed(join(from.dir, 'installed'), old!);
  const follower = follow(t, paths);
  await follower.look();
  await follower.look();
  t.regex(follower.problem ?? '', /^--tls-cert: .*has expired/);
  t.deepEqual(follower.material, material(old!));
  installed(join(from.dir, 'installed'), good!);
  await follower.look();
  t.is(follower.problem, undefined);
  t.deepEqual(follower.material, material(good!));
});
