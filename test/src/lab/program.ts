import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The checkout. */
export const checkout = resolve(import.meta.dirname, '..', '..', '..');

/** Command line of one of our executables, as package.json `bin` of its room says. */
export function program(room: 'coordinator' | 'agent', name: string): string[] {
  const file = join(checkout, room, 'package.json');
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin?: Record<string, string> };
  const script = bin?.[name];
  if (!script) throw new Error(`${file} has no bin ${name}`);
  return [process.execPath, join(checkout, room, script)];
}
