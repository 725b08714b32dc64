/** Milliseconds; that of OVN. */
const unset = 5000;
const shortest = 1000;

/**
 * How long a database may be silent until it is asked whether it lives, and as long again until it is given up, in milliseconds: 0 is never. As ovn-northd
 * reads NB_Global.options:northd_probe_interval, which is about the same connections.
 */
export function probeInterval(options: ReadonlyMap<string, string> | undefined): number {
  const value = /^\s*[+-]?\d+/.exec(options?.get('northd_probe_interval') ?? '')?.[0];
  if (value === undefined) return unset;
  const milliseconds = Number(value);
  return milliseconds === 0 ? 0 : Math.max(shortest, milliseconds);
}
