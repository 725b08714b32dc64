import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BpfLink, BpfMap } from '@iovisor-ovn/libbpf';
import { deviations } from '../../faults/verify.js';
import { Random } from '../../fuzz/random.js';
import { until } from '../../lab/index.js';
import { macOf } from '../addresses.js';
import { isBound } from '../model.js';
import type { Site } from '../site.js';
import { type Action, numbersTo } from './action.js';

/** The directory of one kind of pins of a hypervisor. That of another build goes when the new one has taken over. */
async function pinsOf(site: Site, hypervisor: number, kind: 'maps' | 'links' | 'progs'): Promise<string> {
  const { bpffs } = site.lab.hv(hypervisor);
  const version = await until(`${bpffs} has one directory`, async () => {
    const versions = readdirSync(bpffs).filter((name) => /^v\d+$/.test(name));
    return versions.length === 1 && versions[0];
  });
  return join(bpffs, version, kind);
}

function removePins(directory: string, seed: number, spared?: RegExp): void {
  const chance = new Random(seed);
  for (const name of readdirSync(directory).sort())
    if (chance.chance(0.5) && !spared?.test(name)) rmSync(join(directory, name));
}

const unpinned: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const kind = random.pick(['maps', 'links', 'progs'] as const);
    const seed = random.int(2 ** 31);
    return {
      kind: 'pins removed',
      what: `hv${n}: every second pin in ${kind} removed`,
      // Who holds nothing but the pin would lose it.
      uses: [`agent hv${n}`],
      concerns: [],
      isFoundLate: true,
      run: async (site) => {
        removePins(await pinsOf(site, n, kind), seed);
      },
    };
  },
};

/** Its successor makes new maps, and the programs go on with the old ones until those are filled. */
const unpinnedMeanwhile: Action = {
  weight: 1,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    // A link lives by its pin alone then.
    const kind = random.pick(['maps', 'progs'] as const);
    const seed = random.int(2 ** 31);
    return {
      kind: 'pins removed while no agent runs',
      what: `hv${n}: agent killed, every second pin in ${kind} removed (not the program array's), agent started`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        const directory = await pinsOf(site, n, kind);
        await site.endAgent(n, 'SIGKILL');
        // The kernel empties a program array that no process and no pin holds: then every tail call fails.
        removePins(directory, seed, /^iov_programs_/);
        site.spawnAgent(n);
      },
    };
  },
};

const detached: Action = {
  weight: 2,
  plan(random, model) {
    const candidates = model.unprotected.filter(isBound);
    if (candidates.length === 0) return undefined;
    const { name, hypervisor } = random.pick(candidates);
    return {
      kind: 'program taken off a tap',
      what: `${name}: what is attached to its tap is taken off by hand`,
      uses: [`agent hv${hypervisor}`, `device ${name}`, `port ${name}`],
      concerns: [name],
      isFoundLate: true,
      run: async (site) => {
        const { netns } = site.lab.hv(hypervisor);
        const { tap } = site.lab.vm(name);
        if (site.hooks.get(hypervisor) === 'clsact') {
          await netns.exec('tc', 'qdisc', 'del', 'dev', tap, 'clsact');
          return;
        }
        const ifindex = /^(\d+):/.exec(await netns.exec('ip', '-o', 'link', 'show', tap))![1]!;
        const directory = await pinsOf(site, hypervisor, 'links');
        const pin = readdirSync(directory).find((file) => file.endsWith(`-${ifindex}`));
        if (pin === undefined) throw new Error(`no link of ${tap} (ifindex ${ifindex}) is pinned`);
        const link = BpfLink.openPinned(join(directory, pin));
        link.detach();
        link.close();
      },
    };
  },
};

/** Somebody deletes an entry of a machine's by hand, or writes another; `iovctl verify` tells, and `--repair` puts it right. */
const corrupted: Action = {
  weight: 2,
  plan(random, model) {
    const candidates = model.unprotected.filter(
      (machine) => isBound(machine) && machine.enabled && machine.addresses === 'all',
    );
    if (candidates.length === 0) return undefined;
    const machine = random.pick(candidates);
    const { name, hypervisor } = machine;
    const way = random.pick(['deleted', 'changed'] as const);
    return {
      kind: 'map entry changed by hand',
      what: `hv${hypervisor}: entry of ${name} in iov_fdb ${way}, then verify --repair`,
      uses: ['everything'],
      concerns: [name],
      run: async (site) => {
        const fdb = BpfMap.openPinned(join(await pinsOf(site, hypervisor, 'maps'), 'iov_fdb'));
        let found: string[];
        let isRepaired: boolean;
        const coordinator = await site.leader();
        try {
          const mac = Buffer.from(macOf(machine).replaceAll(':', ''), 'hex');
          const entry = [...fdb.entries()].find(([key]) => key.subarray(2).equals(mac));
          if (!entry) {
            site.violation(`iov_fdb of hv${hypervisor} has no entry for ${macOf(machine)} of ${name}`);
            return;
          }
          const [key, value] = entry;
          if (way === 'deleted') fdb.delete(key);
          // egress_key: no such port.
          else
            fdb.update(
              key,
              Buffer.concat([value.subarray(0, 2), Buffer.from('7777', 'hex'), value.subarray(4)]),
            );
          found = await deviations({ coordinator });
          isRepaired = fdb.lookup(key)?.equals(value) === true;
        } finally {
          fdb.close();
        }
        // The agent looks at everything now and then, and may have been first.
        if (found.length !== 1 && !(found.length === 0 && isRepaired))
          site.violation(`verify should find 1 difference: ${found.join('; ') || 'none'}`);
        const { status, stdout, stderr } = await coordinator.tryIovctl('verify', '--repair');
        if (status !== 0) site.violation(`verify --repair ended with ${status}: ${stdout}${stderr}`);
      },
    };
  },
};

export const kernelActions: readonly Action[] = [unpinned, unpinnedMeanwhile, detached, corrupted];
