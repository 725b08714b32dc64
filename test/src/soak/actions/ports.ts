import type { Random } from '../../fuzz/random.js';
import { addressesOf, portArguments, securityOf } from '../addresses.js';
import type { Addresses, MachineState, Model, Security } from '../model.js';
import { type Action, between, pause } from './action.js';

const withPort = (random: Random, model: Model): MachineState | undefined => {
  const candidates = model.unprotected.filter(({ network }) => network !== undefined);
  return candidates.length === 0 ? undefined : random.pick(candidates);
};

const networksOf = (model: Model, { tenant }: MachineState): string[] =>
  [...model.networks].flatMap(([network, owner]) => (owner === tenant ? [network] : []));

const uses = (machine: MachineState, ...networks: (string | undefined)[]): string[] => [
  `port ${machine.name}`,
  ...networks.flatMap((network) => (network === undefined ? [] : [`switch ${network}`])),
];

const added: Action = {
  weight: 5,
  plan(random, model) {
    const candidates = model.unprotected.filter(({ network }) => network === undefined);
    if (candidates.length === 0) return undefined;
    const machine = random.pick(candidates);
    const { name } = machine;
    const network = random.pick(networksOf(model, machine));
    return {
      kind: 'port added',
      what: `lsp-add ${network} ${name}`,
      uses: uses(machine, network),
      concerns: [name],
      change: (after) => after.resetPort(name, network),
      run: (site) => site.nbctl(...portArguments(machine, network).slice(1)),
    };
  },
};

const deleted: Action = {
  weight: 2,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    return {
      kind: 'port deleted',
      what: `lsp-del ${name}`,
      uses: uses(machine),
      concerns: [name],
      change: (after) => after.resetPort(name, undefined),
      run: (site) => site.nbctl('lsp-del', name),
    };
  },
};

/** In one transaction, as nobody but a fuzzer does. */
const otherSwitch: Action = {
  weight: 3,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    // ovn-nbctl takes the addresses for duplicates in the same one.
    const others = networksOf(model, machine).filter((network) => network !== machine.network);
    if (others.length === 0) return undefined;
    const network = random.pick(others);
    return {
      kind: 'port moved to another switch',
      what: `lsp-del ${name}, lsp-add ${network} ${name}`,
      uses: uses(machine, network),
      concerns: [name],
      change: (after) => after.resetPort(name, network),
      run: (site) => site.nbctl('lsp-del', name, ...portArguments(machine, network)),
    };
  },
};

const readdressed: Action = {
  weight: 4,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    const kinds: Addresses[] = ['all', 'mac', 'unknown', 'all and unknown'];
    // A MAC that Southbound FDB has would be found by it.
    if (!machine.learned) kinds.push('another MAC');
    const kind = random.pick(kinds);
    return {
      kind: 'addresses changed',
      what: `lsp-set-addresses ${name}: ${kind}`,
      uses: uses(machine),
      concerns: [name],
      change: (after) => {
        const changed = after.machine(name);
        changed.addresses = kind;
        changed.learned ||= kind.includes('unknown');
      },
      run: (site) => site.nbctl('lsp-set-addresses', name, ...addressesOf(machine, kind)),
    };
  },
};

const secured: Action = {
  weight: 4,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    const kind = random.weighted<Security>([
      [2, 'none'],
      [2, 'all'],
      [1, 'mac'],
      [1, 'another IP'],
      [1, 'another MAC'],
    ]);
    return {
      kind: 'port security changed',
      what: `lsp-set-port-security ${name}: ${kind}`,
      uses: uses(machine),
      concerns: [name],
      change: (after) => {
        after.machine(name).security = kind;
      },
      run: (site) => site.nbctl('lsp-set-port-security', name, ...securityOf(machine, kind)),
    };
  },
};

const enabling = (enabled: boolean): string => (enabled ? 'enabled' : 'disabled');

const enabled: Action = {
  weight: 3,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    const becomes = !machine.enabled;
    return {
      kind: becomes ? 'port enabled' : 'port disabled',
      what: `lsp-set-enabled ${name} ${enabling(becomes)}`,
      uses: uses(machine),
      concerns: [name],
      change: (after) => {
        after.machine(name).enabled = becomes;
      },
      run: (site) => site.nbctl('lsp-set-enabled', name, enabling(becomes)),
    };
  },
};

/** Changes that overtake each other on their way: only the last counts. */
const flapping: Action = {
  weight: 2,
  plan(random, model) {
    const machine = withPort(random, model);
    if (!machine) return undefined;
    const { name } = machine;
    const times = 4 + random.int(12);
    const gap = between(random, 0, 60);
    const network = random.pick(networksOf(model, machine));
    const way = random.pick(['enabled', 'port'] as const);
    const last = random.chance(0.7);
    return {
      kind: 'port flapping',
      what: `${name}: ${way === 'enabled' ? 'enabled and disabled' : 'added and deleted'} ${times} times, ${gap} ms apart, ends ${last ? 'on' : 'off'}`,
      uses: uses(machine, network),
      concerns: [name],
      change: (after) => {
        if (way === 'enabled') after.machine(name).enabled = last;
        else after.resetPort(name, last ? network : undefined);
      },
      run: async (site) => {
        for (let i = times; i >= 0; i--) {
          const on = i % 2 === 0 ? last : !last;
          if (way === 'enabled') await site.nbctl('lsp-set-enabled', name, enabling(on));
          else {
            // One after the other: ovn-nbctl takes the addresses for duplicates in one transaction.
            await site.nbctl('--if-exists', 'lsp-del', name);
            if (on) await site.nbctl(...portArguments(machine, network).slice(1));
          }
          await pause(gap);
        }
      },
    };
  },
};

export const portActions: readonly Action[] = [
  added,
  deleted,
  otherSwitch,
  readdressed,
  secured,
  enabled,
  flapping,
];
