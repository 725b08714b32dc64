import { resolve } from 'node:path';
import { MAIN, MODULE } from './rewrite.js';

const HEADER = /^(.+?):(\d+):(?:(\d+):)? (?:fatal )?(?:error|warning|note|remark): /;
const INCLUDED = /^In file included from (.+?):\d+:$/;

/**
 * clang's messages as the user may see them: those about the module, and about headers that modules are meant to include. A source
 * can include any file that the compiler can read, and messages quote its lines.
 * @param cwd where clang ran
 * @param headers directories whose files may be quoted
 */
export function publicMessages(messages: string, cwd: string, headers: readonly string[]): string {
  const lines: string[] = [];
  let shown = true;
  let hidden = false;
  for (const line of messages.split('\n')) {
    const file = (HEADER.exec(line) ?? INCLUDED.exec(line))?.[1];
    if (file !== undefined) {
      const path = resolve(cwd, file);
      shown = path === resolve(cwd, MODULE) || headers.some((dir) => path.startsWith(`${resolve(dir)}/`));
      if (path === resolve(cwd, MAIN)) shown = false;
      else hidden ||= !shown;
    } else if (/^\d+ (warning|error)s?( and \d+ errors?)? generated\.$/.test(line)) shown = true;
    if (shown)
      lines.push(headers.reduce((text, dir) => text.replaceAll(`${dir}/`, ''), line.replace(/^\.\//, '')));
  }
  if (hidden)
    lines.unshift(
      `${MODULE}: error: it includes a file that is no header for modules, which is not shown here`,
    );
  return lines.join('\n').trim();
}
