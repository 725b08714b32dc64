import { fileURLToPath } from 'node:url';

// Compiled, this file lies in dist/hover; the headers are not compiled and stay beside the sources.
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What user modules need: see README.md in this folder. */
export const hoverFiles = {
  /** The compiled hover.bpf.c: ways in, flooding, the way to the controller. */
  object: path('../obj/hover.bpf.o'),
  /** Directories of headers for user modules, the dialect's first. */
  headers: [path('../../hover/include'), path('../../include')],
} as const;
