type Truthy<T> = Exclude<T, false | '' | 0 | null | undefined>;

/**
 * Asks again until `probe` gives something true, for what no event tells (a command's output, a counter). Throws after
 * `timeoutMs` with the last answer.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T>,
  timeoutMs = 30_000,
): Promise<Truthy<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await probe();
      if (value) return value as Truthy<T>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) throw new Error(`not in ${timeoutMs} ms: ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
