import { type MachineState, type Model, WIRE } from '../model.js';
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

const machinesIn = (model: Model, name: string): MachineState[] =>
  model.machines.filter(({ network }) => network === name);

/** Without a tag, so there may be one at a time: two would be one network. */
const wired: Action = {
  weight: 2,
  plan(random, model) {
    if (model.wired !== undefined) return undefined;
    const candidates = [...model.networks.keys()].filter(
      (network) => !machinesIn(model, network).some(({ isProtected }) => isProtected),
    );
    if (candidates.length === 0) return undefined;
    const name = random.pick(candidates);
    const set = [`type=localnet`, 'options:network_name=phys', 'addresses=unknown'];
    return {
      kind: 'localnet port added',
      what: `localnet port in ${name}`,
      uses: [`switch ${name}`, `port ${WIRE}`],
      concerns: machinesIn(model, name).map((machine) => machine.name),
      change: (after) => {
        after.wired = name;
      },
      run: (site) => site.nbctl('lsp-add', name, WIRE, '--', 'set', 'Logical_Switch_Port', WIRE, ...set),
    };
  },
};

const unwired: Action = {
  weight: 2,
  plan(_random, model) {
    const { wired: name } = model;
    if (name === undefined) return undefined;
    return {
      kind: 'localnet port deleted',
      what: `localnet port of ${name} deleted`,
      uses: [`switch ${name}`, `port ${WIRE}`],
      concerns: machinesIn(model, name).map((machine) => machine.name),
      change: (after) => {
        delete after.wired;
      },
      run: (site) => site.nbctl('lsp-del', WIRE),
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
    const inside = machinesIn(model, name).map((machine) => machine.name);
    return {
      kind: 'switch deleted',
      what: `ls-del ${name}${inside.length > 0 ? `, with ${inside.join(' and ')}` : ''}`,
      uses: [
        `switch ${name}`,
        ...inside.map((machine) => `port ${machine}`),
        ...(model.wired === name ? [`port ${WIRE}`] : []),
      ],
      concerns: inside,
      change: (after) => {
        after.networks.delete(name);
        if (after.wired === name) delete after.wired;
        for (const machine of inside) after.resetPort(machine, undefined);
      },
      run: (site) => site.nbctl('ls-del', name),
    };
  },
};

export const switchActions: readonly Action[] = [added, deleted, wired, unwired];
