// Generates this room's sources: the row types of the local Open_vSwitch database, from the schema that is installed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const generator = path('../packages/ovsdb-client/dist/schema/cli.js');
const schema = '/usr/share/openvswitch/vswitch.ovsschema';

const types = execFileSync(process.execPath, [generator, schema], { encoding: 'utf8' });
mkdirSync(path('src/gen'), { recursive: true });
writeFileSync(path('src/gen/vswitch.ts'), types);
