import { hears, type MachineState, type Model, reaches } from '../model.js';
import type { Probe } from '../probe.js';

/** What arrived where: what the model says, and what was seen. */
const MOST_MS = 2000;

const bit = (machine: MachineState): number => 1 << machine.number;
const mask = (machines: readonly MachineState[]): number => machines.reduce((sum, one) => sum | bit(one), 0);

let nonce = 0;

/** What is not as the model says, a line each: every pair of each tenant, by ARP broadcast, by IPv4 and by IPv6 there and back. */
export async function reachFaults(model: Model, probes: ReadonlyMap<string, Probe>): Promise<string[]> {
  nonce++;
  const all = model.machines.map(async (machine) => {
    const fellows = model.machines.filter(({ tenant }) => tenant === machine.tenant);
    const wanted = mask(fellows.filter((other) => reaches(machine, other)));
    const audible = mask(fellows.filter((other) => hears(machine, other)));
    const seen = await probes.get(machine.name)!.ask(nonce, wanted, audible, MOST_MS);
    return fellows.flatMap((other) =>
      other === machine
        ? []
        : [
            fault(`${machine.name} → ${other.name} by IPv4`, wanted & bit(other), seen.answers4 & bit(other)),
            fault(`${machine.name} → ${other.name} by IPv6`, wanted & bit(other), seen.answers6 & bit(other)),
            fault(
              `broadcast of ${other.name} at ${machine.name}`,
              audible & bit(other),
              seen.heard & bit(other),
            ),
          ].flat(),
    );
  });
  return (await Promise.all(all)).flat();
}

function fault(what: string, wanted: number, seen: number): string[] {
  if (wanted === seen) return [];
  return [wanted ? `${what}: does not arrive` : `${what}: arrives, and must not`];
}

/** Pairs where one must not hear the other: "vm4 vm6". */
export function silences(model: Model, except: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const to of model.machines)
    for (const from of model.machines)
      if (to.tenant === from.tenant && to !== from && !except.has(to.name) && !except.has(from.name))
        if (!hears(to, from)) found.add(`${to.name} ${from.name}`);
  return found;
}

/** Who was heard since this was asked last, of those pairs. */
export async function brokenSilences(
  model: Model,
  probes: ReadonlyMap<string, Probe>,
  pairs: ReadonlySet<string>,
): Promise<string[]> {
  const all = model.machines.map(async (to) => {
    const heard = await probes.get(to.name)!.heard();
    return model.machines.flatMap((from) =>
      from.tenant === to.tenant && pairs.has(`${to.name} ${from.name}`) && heard & bit(from)
        ? [`${to.name} heard ${from.name} meanwhile, and never should`]
        : [],
    );
  });
  return (await Promise.all(all)).flat();
}
