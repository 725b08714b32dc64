import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Of a daemon of ours: what nobody foresaw. */
const OURS = [/unhandled/i, /\\n {4}at /, /^ {4}at /, /"level":60\b/, /^(?!\{)./];
/** Of OVS and OVN. */
const THEIRS = [/\|EMER\|/, /assertion .* failed/i];

interface Position {
  bytes: number;
  lines: number;
  /** The last line as far as it is written. */
  rest: string;
}

/** All logs below a directory, read as they grow. */
export class Logs {
  readonly #positions = new Map<string, Position>();

  constructor(private readonly directory: string) {}

  /** "hv1/agent.log:120-180" for each log that grew since the last call, and what in it must not be. */
  read(): { where: string; faults: string[] } {
    const grown: string[] = [];
    const faults: string[] = [];
    for (const file of logsBelow(this.directory)) {
      const name = relative(this.directory, file);
      const position = this.#positions.get(name) ?? { bytes: 0, lines: 0, rest: '' };
      this.#positions.set(name, position);
      const first = position.lines + 1;
      const rules = /agent|coordinator|standby/.test(name) ? OURS : THEIRS;
      for (const line of newLines(file, position)) {
        position.lines++;
        if (line !== '' && rules.some((rule) => rule.test(line)))
          faults.push(`${name}:${position.lines}: ${line.slice(0, 500)}`);
      }
      if (position.lines >= first) grown.push(`${name}:${first}-${position.lines}`);
    }
    return { where: grown.join(' '), faults };
  }
}

function newLines(file: string, position: Position): string[] {
  const fd = openSync(file, 'r');
  try {
    const more = Buffer.alloc(Math.max(0, fstatSync(fd).size - position.bytes));
    position.bytes += readSync(fd, more, 0, more.length, position.bytes);
    const lines = (position.rest + more.toString('utf8')).split('\n');
    position.rest = lines.pop()!;
    return lines;
  } finally {
    closeSync(fd);
  }
}

function logsBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return logsBelow(path);
    return entry.name.endsWith('.log') ? [path] : [];
  });
}
