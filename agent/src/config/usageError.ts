/** A mistake in flags, environment or files: the process ends with status 2 and this one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
