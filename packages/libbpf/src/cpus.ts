import { check } from './errors.js';
import { libbpf } from './native/libbpf.js';

let count: number | undefined;

/** How many CPUs the machine could ever have: a per-CPU map has one value for each, online or not. */
export function possibleCpus(): number {
  count ??= check(libbpf().libbpf_num_possible_cpus(), 'count', 'possible CPUs');
  return count;
}
