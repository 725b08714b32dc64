import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { generateTypes } from './generateTypes.js';
import { parseSchema } from './parseSchema.js';

const USAGE = `Usage: ovsdb-generate SCHEMA.ovsschema [--tables A,B] > out.ts
Writes TypeScript types for the rows of an OVSDB database, from its schema file, to standard output.`;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { tables: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Error(`one schema file is needed\n${USAGE}`);
  try {
    const schema = parseSchema(JSON.parse(readFileSync(file, 'utf8')));
    process.stdout.write(
      generateTypes(
        schema,
        values.tables?.split(',').map((name) => name.trim()),
      ),
    );
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`ovsdb-generate: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
