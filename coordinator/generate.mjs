// Row types of the OVN schemas installed here. rows.ts is checked against them when it is compiled; nothing runs on them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const generator = join(here, '../packages/ovsdb-client/dist/schema/cli.js');

mkdirSync(join(here, 'src/gen'), { recursive: true });
for (const database of ['nb', 'sb']) {
  const types = execFileSync(process.execPath, [generator, `/usr/share/ovn/ovn-${database}.ovsschema`]);
  writeFileSync(join(here, `src/gen/${database}.ts`), types);
}
