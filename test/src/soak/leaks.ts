import { daemons, type Holdings, holdingsOf, pinsOf } from './checks/resources.js';
import type { Model } from './model.js';
import { settled } from './settle.js';
import type { Site } from './site.js';

/** Descriptors of connections that come and go. */
const SLACK = 4;

/** What the daemons still have after all of it, and newly started ones have not: a line each. */
export async function leftovers(site: Site, model: Model): Promise<string[]> {
  const before = look(site);
  for (let n = 1; n <= model.hypervisors; n++) await site.endAgent(n, 'SIGTERM');
  for (const which of [0, 1]) await site.coordinators.end(which, 'SIGTERM');
  for (const which of [0, 1]) site.coordinators.spawn(which);
  for (let n = 1; n <= model.hypervisors; n++) site.spawnAgent(n);
  await settled(site, model, false);
  const after = look(site);
  const found: string[] = [];
  for (const [name, had] of before.holdings) {
    const has = after.holdings.get(name);
    for (const what of ['maps', 'programs', 'links', 'descriptors'] as const)
      if (has === undefined || had[what] > has[what] + (what === 'descriptors' ? SLACK : 0))
        found.push(`${name} held ${had[what]} ${what}, a new one holds ${has?.[what]}`);
  }
  for (const [i, pins] of before.pins.entries()) {
    const more = pins.filter((pin) => !after.pins[i]!.includes(pin));
    const less = after.pins[i]!.filter((pin) => !pins.includes(pin));
    if (more.length > 0) found.push(`hv${i + 1} had pins that a new agent has not: ${more.join(' ')}`);
    if (less.length > 0) found.push(`hv${i + 1} had not the pins of a new agent: ${less.join(' ')}`);
  }
  return found;
}

function look(site: Site): { holdings: Map<string, Holdings>; pins: string[][] } {
  return {
    holdings: new Map([...daemons(site)].map(([name, pid]) => [name, holdingsOf(pid)])),
    pins: site.lab.hypervisors.map(({ bpffs }) => pinsOf(bpffs)),
  };
}
