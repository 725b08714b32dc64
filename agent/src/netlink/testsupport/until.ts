import type { EventEmitter } from 'node:events';

/**
 * Resolves as soon as `condition` holds: looked at now and after each of the named events. A test that waits for what never
 * comes ends by the test runner's time limit.
 */
// biome-ignore lint/suspicious/noExplicitAny: an emitter of whatever events; the test looks at state, not at arguments.
export async function until(emitter: EventEmitter<any>, events: readonly string[], condition: () => boolean) {
  if (condition()) return;
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      try {
        if (!condition()) return;
        resolve();
      } catch (error) {
        reject(error);
      }
      for (const event of events) emitter.off(event, look);
    };
    for (const event of events) emitter.on(event, look);
  });
}
