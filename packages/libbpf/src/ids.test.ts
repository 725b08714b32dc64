import { readdirSync } from 'node:fs';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { listMaps, listPrograms, mapIds, programIds } from './ids.js';
import { BpfObject } from './object.js';

kernelTest('programs and maps are listed while they exist', (t) => {
  const object = BpfObject.open(compile('basic'));
  object.load();
  const program = object.program('echo').info();
  const { id } = object.map('flows');
  t.deepEqual(
    [...listPrograms()].find((one) => one.id === program.id),
    program,
  );
  const listed = [...listMaps()].find((one) => one.id === id);
  t.deepEqual(listed, { id, name: 'flows', type: 1, keySize: 8, valueSize: 160, maxEntries: 16, flags: 0 });
  t.true([...programIds()].includes(program.id));
  t.true([...mapIds()].includes(id));
  object.close();
});

kernelTest('a walk that is broken off closes what it opened', (t) => {
  const object = BpfObject.open(compile('basic'));
  t.teardown(() => object.close());
  object.load();
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  const walk = listPrograms();
  t.false(walk.next().done);
  t.is(open(), before + 1);
  walk.return(undefined);
  t.is(open(), before);
});
