import type { EventEmitter } from 'node:events';

/**
 * Emits an event such that an exception of a listener, which is a mistake of the application, surfaces as an uncaught
 * exception of its own and neither tears down the connection nor leaves a replica half-updated.
 */
export function emitSafely<T extends Record<keyof T, unknown[]>, K extends keyof T & string>(
  emitter: EventEmitter<T>,
  event: K,
  ...args: T[K]
): void {
  try {
    (emitter as unknown as EventEmitter).emit(event, ...args);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
