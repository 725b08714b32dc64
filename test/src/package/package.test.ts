import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ip4, network } from '../e2e/support/network.js';
import { checkout, tryCommand } from '../lab/index.js';

const names = ['agent', 'common', 'coordinator', 'iovctl'];
const out = mkdtempSync(join(tmpdir(), 'iovisor-packages-'));
const root = join(out, 'root');

test.before(async (t) => {
  t.timeout(240_000);
  const main = join(checkout, 'packaging/main.mjs');
  const made = await tryCommand([process.execPath, main, '--out', out, '--version', '7.1+test'], {
    timeoutMs: 200_000,
  });
  t.is(made.status, 0, `${made.stdout}${made.stderr}`);
  for (const name of names) {
    const deb = join(out, `iovisor-ovn-${name}_7.1+test_${await architecture()}.deb`);
    t.is((await tryCommand(['dpkg-deb', '-x', deb, root])).status, 0);
  }
});
test.after.always(() => rmSync(out, { recursive: true, force: true }));

async function architecture(): Promise<string> {
  return (await tryCommand(['dpkg', '--print-architecture'])).stdout.trim();
}

test('the packages and their sums', async (t) => {
  const debs = readdirSync(out).filter((name) => name.endsWith('.deb'));
  t.is(debs.length, names.length);
  const sums = debs.map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex')}  ${name}`,
  );
  t.deepEqual(readFileSync(join(out, 'SHA256SUMS'), 'utf8').trim().split('\n').sort(), sums.sort());
});

test('versions of later commits are greater, also on one day', async (t) => {
  const { packageVersion } = (await import(join(checkout, 'packaging/lib/version.mjs'))) as {
    packageVersion(wanted?: string): { version: string };
  };
  t.is(packageVersion('1.2.3+x').version, '1.2.3+x');
  for (const wrong of ['v1', '1:2', '1_2', '1 2', '']) t.throws(() => packageVersion(wrong));
  t.regex(packageVersion().version, /^\d+\.\d+\.\d+(\+git\d{8}\.\d{6}\.[0-9a-f]+(\.dirty)?)?$/);
});

test('they run where nothing else is: no network, no node_modules, no clang', async (t) => {
  for (const name of ['iovisor-agent', 'iovisor-coordinator', 'iovctl']) {
    const node = join(root, 'usr/lib/iovisor-ovn/bin/node');
    const command = ['/usr/bin/unshare', '-n', node, join(root, 'usr/bin', name), '--version'];
    const { status, stdout, stderr } = await tryCommand(command, { env: { PATH: '/nowhere' } });
    t.deepEqual({ status, stdout: stdout.trim(), stderr }, { status: 0, stdout: '7.1+test', stderr: '' });
  }
});

test('nothing names a path of the machine that built it', async (t) => {
  const { stdout } = await tryCommand(['grep', '-rlF', `${checkout}/`, root]);
  t.is(stdout, '');
});

test('every object that the data plane loads is there', (t) => {
  const objects = (path: string) => readdirSync(path).filter((name) => name.endsWith('.bpf.o'));
  const shipped = join(root, 'usr/lib/iovisor-ovn/node_modules/@iovisor-ovn/iomodules/dist/obj');
  t.deepEqual(objects(shipped).sort(), objects(join(checkout, 'iomodules/dist/obj')).sort());
});

test('configuration, units and manual are there, and the configuration is accepted', async (t) => {
  for (const path of [
    'lib/systemd/system/iovisor-agent.service',
    'lib/systemd/system/iovisor-coordinator.service',
    'lib/systemd/system/ovs-vswitchd.service.d/not-beside-iovisor-agent.conf',
    'usr/share/man/man8/iovisor-agent.8.gz',
    'usr/share/man/man8/iovisor-coordinator.8.gz',
    'usr/share/man/man1/iovctl.1.gz',
  ])
    t.true(existsSync(join(root, path)), path);
  const { parse } = (await import('yaml')) as { parse(text: string): unknown };
  for (const [name, least] of [
    ['agent', 10],
    ['coordinator', 10],
    ['iovctl', 5],
  ] as const) {
    const text = readFileSync(join(root, `etc/iovisor/${name}.yaml`), 'utf8');
    // All of it, as if somebody had removed the comment signs of the keys.
    const keys = parse(text.replaceAll(/^#([a-z-]+:)/gm, '$1')) as Record<string, unknown>;
    t.true(Object.keys(keys).length > least, name);
  }
});

test.serial('two hypervisors from the installed tree: pings pass', async (t) => {
  t.timeout(120_000);
  process.env.IOVISOR_INSTALLED = root;
  t.teardown(() => {
    delete process.env.IOVISOR_INSTALLED;
  });
  const lab = await network();
  t.teardown(() => lab.destroy());
  t.true(await lab.vm('vm1').reaches(ip4(2)));
  t.true(await lab.vm('vm1').reaches(ip4(3)));
  const nodes = JSON.parse(await lab.coordinator.iovctl('nodes', '--json')) as { softwareVersion: string }[];
  t.deepEqual([...new Set(nodes.map(({ softwareVersion }) => softwareVersion))], ['7.1+test']);
});
