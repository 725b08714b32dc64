import { status } from '@grpc/grpc-js';

/** How an attempt at a session ended, and what to do about it. */
export interface Failure {
  /** For people. */
  message: string;
  /** Waiting a little will not help: somebody has to change something. */
  lasting: boolean;
  /** It is not there, or leads no more: another one is asked first. */
  away: boolean;
}

const LASTING: ReadonlySet<number> = new Set([
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
]);

export function failureOf(error: unknown): Failure {
  const { code, details, message } = error as { code?: number; details?: string; message?: string };
  if (code === undefined) return { message: message ?? String(error), lasting: false, away: false };
  const text = `${status[code] ?? code}: ${details || message}`;
  return { message: text, lasting: LASTING.has(code), away: code === status.UNAVAILABLE };
}
