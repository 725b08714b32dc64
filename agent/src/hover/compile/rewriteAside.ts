import { Worker } from 'node:worker_threads';
import { CompileError } from '../engine/hoverEngine.js';

/**
 * rewriteCursors() on another thread.
 * @param ast path of clang's JSON
 * @throws CompileError what cannot be rewritten
 */
export function rewriteAside(ast: string, source: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./rewriteWorker.js', import.meta.url), {
      workerData: { ast, source },
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    worker.once('message', ({ text, error }: { text?: string; error?: string }) => {
      if (text !== undefined) resolve(text);
      else reject(new CompileError(error));
    });
    worker.once('error', (error) => reject(new CompileError(`cannot rewrite cursors: ${error.message}`)));
    worker.once('exit', () => reject(new CompileError('cannot rewrite cursors: the thread ended')));
  });
}
