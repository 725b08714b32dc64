/** What iovctl's exit status says, for scripts. */
export const exit = {
  ok: 0,
  /** It did not succeed: not found, refused, not serving, something to do (`topology diff`). */
  failed: 1,
  /** Wrong command, flag or argument. */
  usage: 2,
  /** No coordinator (or, of `topology apply` and the like, no agent) answers. */
  unreachable: 3,
  /** The answer was printed, but hypervisors that should have had a part in it did not answer. */
  incomplete: 4,
  /** The coordinator does not let this client do it. */
  notPermitted: 5,
} as const;

/** For --help and the reference. */
export const exitTexts: readonly [code: number, meaning: string][] = [
  [exit.ok, 'done'],
  [exit.failed, 'failed: not found, refused, not serving; of topology diff: there is a difference'],
  [exit.usage, 'wrong command, flag or argument'],
  [exit.unreachable, 'no coordinator answers'],
  [exit.incomplete, 'printed, but some hypervisors did not answer (they are named on stderr)'],
  [exit.notPermitted, 'this client may not do that'],
];
