import { setTimeout } from 'node:timers/promises';
import { streamAdmin } from './call.js';
import type { CliOptions } from './options.js';

/** Kinds of events that the coordinator tells of (WatchEvent.kind). */
export const watchKinds = ['coordinator', 'database', 'node', 'port', 'problem', 'commit'] as const;
export type WatchKind = (typeof watchKinds)[number];

/** After a lost connection. */
const againMs = 2000;

/** Calls `onChange` with each change of these kinds, as long as the coordinator tells. Returns what ends it. */
export function changes(options: CliOptions, kinds: readonly WatchKind[], onChange: () => void): () => void {
  const over = new AbortController();
  const { signal } = over;
  const listen = async () => {
    while (!signal.aborted) {
      const request = { kinds: [...kinds], node: '', name: '' };
      try {
        for await (const _event of streamAdmin(options, (client) => client.watch, request, { signal }))
          onChange();
      } catch {
        // Whoever draws says what is wrong.
      }
      await setTimeout(againMs, undefined, { signal }).catch(() => undefined);
    }
  };
  void listen();
  return () => over.abort();
}
