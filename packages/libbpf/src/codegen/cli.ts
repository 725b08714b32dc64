import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Btf } from '../btf/btf.js';
import { generateTypes } from './generate-types.js';

const USAGE = 'usage: bpf-codegen OBJ.o [--structs a,b] [--enums c,d] [--out FILE.ts]';

const list = (names: string | undefined): string[] => names?.split(',').filter((name) => name !== '') ?? [];

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { structs: { type: 'string' }, enums: { type: 'string' }, out: { type: 'string' } },
  });
  const [object, ...rest] = positionals;
  const wanted = { structs: list(values.structs), enums: list(values.enums) };
  if (object === undefined || rest.length > 0) throw new Error(`one object file is wanted\n${USAGE}`);
  if (wanted.structs.length + wanted.enums.length === 0) throw new Error(`nothing to generate\n${USAGE}`);
  const text = generateTypes(Btf.fromObjectFile(object), wanted);
  if (values.out === undefined) process.stdout.write(text);
  else writeFileSync(values.out, text);
} catch (error) {
  process.stderr.write(`bpf-codegen: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
