import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { AstNode } from './ast.js';
import { rewriteCursors } from './rewrite.js';

/** Ten megabytes of JSON for a module of a hundred lines: not to be read on the thread that answers others. */
const { ast, source } = workerData as { ast: string; source: string };
try {
  const text = rewriteCursors(JSON.parse(readFileSync(ast, 'utf8')) as AstNode, source);
  parentPort!.postMessage({ text });
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
