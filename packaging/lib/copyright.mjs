// /usr/share/doc/PACKAGE/copyright, in Debian's machine-readable format.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const header = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: iovisor-ovn

Files: *
Copyright: the authors of IOVisor-OVN
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
`;

const programs = `Files: *.bpf.o
Copyright: the authors of IOVisor-OVN
License: BSD-3-Clause or GPL-2
 The programs for the kernel are under both: /usr/share/common-licenses/BSD, /usr/share/common-licenses/GPL-2.
`;

/**
 * @param {{ bpf?: boolean, node?: { licence: string }, modules?: Map<string, { directory: string, manifest: object }> }} contents
 */
export function copyright({ bpf = false, node, modules = new Map() }) {
  const parts = [header];
  if (bpf) parts.push(programs);
  if (node?.licence !== undefined)
    parts.push(paragraph('usr/lib/iovisor-ovn/bin/node', 'Node.js contributors', 'Node.js', node.licence));
  for (const [path, { directory, manifest }] of modules) {
    const { name, version, license = 'see below', author } = manifest;
    const holder = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`);
    const text = licenceText(directory) ?? `As ${name} ${version} says of itself: ${license}.`;
    parts.push(paragraph(`usr/lib/iovisor-ovn/node_modules/${path}/*`, holder, String(license), text));
  }
  return parts.join('\n');
}

function paragraph(files, holder, licence, text) {
  const lines = text
    .trim()
    .split(/\r?\n/)
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`));
  return `Files: ${files}\nCopyright: ${holder}\nLicense: ${licence}\n${lines.join('\n')}\n`;
}

function licenceText(directory) {
  const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)/i.test(name));
  return file && readFileSync(join(directory, file), 'utf8');
}
