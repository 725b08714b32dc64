import { readFileSync } from 'node:fs';
import type { Lab, Netns } from '../lab/index.js';

/** Counters of frames that the kernel lost, by a name for people: "softnet cpu0 dropped", "hv1 tap3 tx_dropped". */
export type Losses = ReadonlyMap<string, number>;

const fields = ['rx_dropped', 'tx_dropped', 'rx_errors', 'tx_errors'] as const;
type Link = {
  ifname: string;
  operstate: string;
  flags: string[];
  stats64: Record<'rx' | 'tx', { dropped: number; errors: number }>;
};

/** Whatever counts a lost frame between the machines, outside of the IOModules. */
export async function losses(lab: Lab, machines: Netns): Promise<Losses> {
  const found = new Map<string, number>();
  readFileSync('/proc/net/softnet_stat', 'utf8')
    .trim()
    .split('\n')
    .forEach((line, cpu) => {
      const [, dropped = '0'] = line.split(' ');
      found.set(`softnet cpu${cpu} dropped`, Number.parseInt(dropped, 16));
    });
  const namespaces = [...lab.hypervisors.map(({ netns }) => netns), lab.underlay.netns, machines];
  for (const netns of namespaces) {
    const links = JSON.parse(await netns.exec('ip', '-s', '-j', 'link')) as Link[];
    for (const { ifname, stats64, flags } of links) {
      for (const field of fields) {
        const [way, what] = field.split('_') as ['rx' | 'tx', 'dropped' | 'errors'];
        const count = stats64[way][what];
        if (count > 0) found.set(`${netns.name} ${ifname} ${field}`, count);
      }
      if (flags.includes('UP') && !flags.includes('LOWER_UP'))
        found.set(`${netns.name} ${ifname} has no carrier`, 1);
    }
  }
  return found;
}

/** What grew, for people. */
export function grownLosses(before: Losses, after: Losses): string {
  const grown = [...after].flatMap(([name, n]) => {
    const more = n - (before.get(name) ?? 0);
    return more > 0 ? `${name} +${more}` : [];
  });
  return grown.join(', ') || 'no counter of the kernel';
}
