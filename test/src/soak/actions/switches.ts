import type { Action } from './action.js';

const MOST = 8;

const added: Action = {
  weight: 2,
  plan(random, model) {
    if (model.networks.size >= MOST) return undefined;
    const tenant = random.pick(['a', 'b'] as const);
    let number = 0;
    while (model.networks.has(`${tenant}${number}`)) number++;
    const name = `${tenant}${number}`;
    return {
      kind: 'switch added',
      what: `ls-add ${name}`,
      uses: [`switch ${name}`],
      concerns: [],
      change: (after) => after.networks.set(name, tenant),
      run: (site) => site.nbctl('ls-add', name),
    };
  },
};

/** With all its ports. */
const deleted: Action = {
  weight: 1,
  plan(random, model) {
    const candidates = [...model.networks.keys()].filter(
      (network) => !model.machines.some((machine) => machine.isProtected && machine.network === network),
    );
    if (candidates.length === 0) return undefined;
    const name = random.pick(candidates);
    const tenant = model.networks.get(name);
    // A port must have somewhere to go.
    if ([...model.networks.values()].filter((owner) => owner === tenant).length === 1) return undefined;
    const inside = model.machines.filter(({ network }) => network === name).map((machine) => machine.name);
    return {
      kind: 'switch deleted',
      what: `ls-del ${name}${inside.length > 0 ? `, with ${inside.join(' and ')}` : ''}`,
      uses: [`switch ${name}`, ...inside.map((machine) => `port ${machine}`)],
      concerns: inside,
      change: (after) => {
        after.networks.delete(name);
        for (const machine of inside) after.resetPort(machine, undefined);
      },
      run: (site) => site.nbctl('ls-del', name),
    };
  },
};

export const switchActions: readonly Action[] = [added, deleted];
