import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The checkout. */
export const checkout = resolve(import.meta.dirname, '..', '..', '..');

/**
 * Command line of one of our executables, as package.json `bin` of its room says. With IOVISOR_INSTALLED=DIR that of the Debian packages that are
 * unpacked there (`/`: installed), so that any test can be run with them.
 */
export function program(room: 'coordinator' | 'agent', name: string): string[] {
  const installed = process.env.IOVISOR_INSTALLED;
  if (installed) return [join(installed, 'usr/lib/iovisor-ovn/bin/node'), join(installed, 'usr/bin', name)];
  const file = join(checkout, room, 'package.json');
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin?: Record<string, string> };
  const script = bin?.[name];
  if (!script) throw new Error(`${file} has no bin ${name}`);
  return [process.execPath, join(checkout, room, script)];
}
