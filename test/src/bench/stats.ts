/** The value below which a fraction `q` (0 to 1) of the numbers lies (nearest rank). Throws when there are none. */
export function quantile(numbers: readonly number[], q: number): number {
  if (numbers.length === 0) throw new Error('no measurements');
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

/** Median; the mean of the two in the middle when their number is even. */
export function median(numbers: readonly number[]): number {
  const half = numbers.length % 2 ? 0.5 : 0.5 + 1 / numbers.length;
  return (quantile(numbers, 0.5) + quantile(numbers, half)) / 2;
}
