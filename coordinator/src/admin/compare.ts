/** Order of code units: the same in every locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders by what `key` gives. */
export function by<T>(key: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => compare(key(a), key(b));
}
