import { CompileError, EntryError, LoadError } from '../engine/hoverEngine.js';
import { HoverError } from '../graph/index.js';
import { encodeGo } from './goJson.js';

/** What goes back to a client. */
export interface Reply {
  readonly status: number;
  readonly type?: 'application/json' | 'text/plain; charset=utf-8';
  /** Large ones in pieces: to put them together would hold others up. */
  readonly body: string | readonly Buffer[];
}

/** 200, with a JSON value or without a body. */
export function ok(value?: unknown): Reply & { body: string } {
  if (value === undefined) return { status: 200, body: '' };
  return { status: 200, type: 'application/json', body: encodeGo(value) };
}

/** As Go's http.Error. */
export function failure(status: number, text: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

export const NOT_FOUND = failure(404, '404 page not found');

/** What an error means to a client; undefined when it is ours, and tells a client nothing. */
export function explained(error: unknown): Reply | undefined {
  if (error instanceof HoverError) return failure(error.status, error.message);
  if (error instanceof CompileError || error instanceof LoadError || error instanceof EntryError)
    return failure(400, error.message);
  return undefined;
}
