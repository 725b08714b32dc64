// Writes docs/iovctl.md from the definitions of iovctl's commands and from proto/. Needs `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/root.mjs';

const dist = join(root, 'coordinator/dist/cli');
const { makeProgram } = await import(join(dist, 'program.js'));
const { referenceText } = await import(join(dist, 'reference/reference.js'));
const sources = ['admin', 'report'].map((name) =>
  readFileSync(join(root, `proto/iovisor/v1/${name}.proto`), 'utf8'),
);
writeFileSync(join(root, 'docs/iovctl.md'), referenceText(makeProgram(), sources));
