import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compileModule, ether, ip4, ip4Bytes, ipv4, ModuleLab } from '../testing/index.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const script = path('../../new.mjs');

test('iomodule:new makes a folder of its own name, whose program loads and forwards', (t) => {
  const into = mkdtempSync(join(tmpdir(), 'iomodule-new-'));
  t.teardown(() => rmSync(into, { recursive: true }));
  t.regex(
    execFileSync(process.execPath, [script, 'my_filter', into], { encoding: 'utf8' }),
    /my_filter\.bpf\.c/,
  );
  const folder = join(into, 'my_filter');
  t.deepEqual(readdirSync(folder).sort(), [
    'README.md',
    'my_filter.bpf.c',
    'my_filter.test.ts',
    'my_filter.ts',
  ]);
  for (const file of readdirSync(folder))
    t.notRegex(readFileSync(join(folder, file), 'utf8'), /template/, file);
  const { object, remove } = compileModule(readFileSync(join(folder, 'my_filter.bpf.c'), 'utf8'));
  t.teardown(remove);
  const lab = ModuleLab.open(t, object);
  const frame = ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x0800 });
  t.like(lab.run(frame, 1), { action: 'forward', port: 2 });
  t.deepEqual(lab.tables, ['config']);
});

for (const name of ['', 'router', 'Router', 'a-b', '../x', 'template', 'switch', '1a', 'class'])
  test(`iomodule:new refuses "${name}"`, (t) => {
    const { status, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    t.is(status, 1);
    t.regex(stderr, /^iomodule:new: .*\nusage: /);
  });

test('the example of docs/writing-an-iomodule.md does what it says there', (t) => {
  const text = readFileSync(path('../../../docs/writing-an-iomodule.md'), 'utf8');
  const [, source] = /```c\n(.*?)```/s.exec(text)!;
  t.true(source!.trim().split('\n').length <= 45);
  const { object, remove } = compileModule(source!);
  t.teardown(remove);
  const lab = ModuleLab.open(t, object);
  t.deepEqual(lab.tables, ['blocked']);
  const from = (src: string) =>
    ether(
      { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x0800 },
      ipv4({ src, dst: '10.0.0.2', proto: 17 }, Buffer.alloc(26)),
    );
  const key = ip4Bytes(ip4('10.0.0.1'));
  lab.map('blocked').update(key, Buffer.alloc(8));
  t.like(lab.run(from('10.0.0.1'), 1), { action: 'drop', reason: 'POLICY' });
  t.is(lab.map('blocked').lookup(key)!.readBigUInt64LE(), 1n);
  t.like(lab.run(from('10.0.0.3'), 1), { action: 'forward', port: 2 });
  t.like(lab.run(from('10.0.0.1'), 2), { action: 'forward', port: 1 }, 'only what comes in by port 1');
  t.like(lab.run(ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x0806 }), 1), {
    action: 'forward',
  });
});
