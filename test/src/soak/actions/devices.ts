import { isBound } from '../model.js';
import type { Site } from '../site.js';
import { type Action, between, numbersTo, pause } from './action.js';

const deviceOf = (name: string, hypervisor: number): string[] => [`device ${name}`, `ovsdb hv${hypervisor}`];

/** The tap of a machine is away for some time. `how` says it in the report. */
function tapAway(
  weight: number,
  kind: string,
  how: (ms: number) => string,
  run: (
    site: Site,
    machine: { name: string; hypervisor: number },
    gone: () => Promise<void>,
  ) => Promise<void>,
): Action {
  return {
    weight,
    plan(random, model) {
      const { name, hypervisor } = random.pick(model.unprotected);
      const ms = between(random, 0, 1500);
      return {
        kind,
        what: `tap of ${name}: ${how(ms)}`,
        uses: [`device ${name}`],
        concerns: [name],
        run: (site) => run(site, { name, hypervisor }, () => pause(ms)),
      };
    },
  };
}

const remade = tapAway(
  3,
  'tap deleted and made again',
  (ms) => `deleted, made again after ${ms} ms`,
  async (site, { name }, gone) => {
    await site.lab.vm(name).detach();
    await gone();
    await site.lab.vm(name).attach();
  },
);

const renamed = tapAway(
  2,
  'tap renamed and back',
  (ms) => `another name for ${ms} ms`,
  async (site, { name, hypervisor }, gone) => {
    const { netns } = site.lab.hv(hypervisor);
    const { tap } = site.lab.vm(name);
    const rename = (from: string, to: string) =>
      netns.ip(`link set ${from} down`, `link set ${from} name ${to}`, `link set ${to} up`);
    await rename(tap, `x-${tap}`);
    await gone();
    await rename(`x-${tap}`, tap);
  },
);

const elsewhere = tapAway(
  1,
  'tap moved to another namespace and back',
  (ms) => `in another namespace for ${ms} ms`,
  async (site, { name, hypervisor }, gone) => {
    const [here, there] = [site.lab.hv(hypervisor).netns, site.lab.underlay.netns];
    const { tap } = site.lab.vm(name);
    await here.ip(`link set ${tap} netns ${there.name}`);
    await gone();
    await there.ip(`link set ${tap} netns ${here.name}`);
    await here.ip(`link set ${tap} up`);
  },
);

const unplugged: Action = {
  weight: 3,
  plan(random, model) {
    const candidates = model.unprotected.filter((machine) => machine.plugged);
    if (candidates.length === 0) return undefined;
    const { name, hypervisor } = random.pick(candidates);
    const again = random.chance(0.6) ? between(random, 0, 800) : undefined;
    return {
      kind: again === undefined ? 'machine unplugged' : 'machine unplugged and plugged',
      what: `${name}: unplugged${again === undefined ? '' : `, plugged again after ${again} ms`}`,
      uses: deviceOf(name, hypervisor),
      concerns: [name],
      ...(again === undefined
        ? {
            change: (after) => {
              after.machine(name).plugged = false;
            },
          }
        : {}),
      run: async (site) => {
        await site.unplug(hypervisor, name);
        if (again === undefined) return;
        await pause(again);
        await site.plug(hypervisor, name);
      },
    };
  },
};

const plugged: Action = {
  weight: 3,
  plan(random, model) {
    const waiting = model.unprotected.filter((machine) => !machine.plugged);
    if (waiting.length === 0) return undefined;
    const { name, hypervisor } = random.pick(waiting);
    return {
      kind: 'machine plugged',
      what: `${name}: plugged at hv${hypervisor}`,
      uses: deviceOf(name, hypervisor),
      concerns: [name],
      change: (after) => {
        after.machine(name).plugged = true;
      },
      run: (site) => site.plug(hypervisor, name),
    };
  },
};

/** Its machine goes on somewhere else, with its addresses. */
const moved: Action = {
  weight: 3,
  plan(random, model) {
    const candidates = model.unprotected.filter(isBound);
    if (candidates.length === 0) return undefined;
    const { name, hypervisor: from } = random.pick(candidates);
    const to = random.pick(numbersTo(model.hypervisors).filter((n) => n !== from));
    // Nova takes it off where it was before or after it is there.
    const unplugFirst = random.chance(0.7);
    return {
      kind: 'machine moved',
      what: `${name}: from hv${from} to hv${to}${unplugFirst ? '' : ', unplugged late'}`,
      uses: [...deviceOf(name, from), ...deviceOf(name, to)],
      concerns: [name],
      change: (after) => {
        after.machine(name).hypervisor = to;
      },
      run: async (site) => {
        const machine = site.lab.vm(name);
        if (unplugFirst) await site.unplug(from, name);
        await machine.detach();
        await machine.attach(site.lab.hv(to).netns);
        await site.plug(to, name);
        if (!unplugFirst) await site.unplug(from, name);
      },
    };
  },
};

const forgetful: Action = {
  weight: 1,
  plan(random, model) {
    const { name } = random.pick(model.unprotected);
    return {
      kind: 'machine forgets its neighbours',
      what: `${name}: forgets its neighbours`,
      uses: [`device ${name}`],
      concerns: [],
      run: (site) => site.lab.vm(name).flushNeighbours(),
    };
  },
};

export const deviceActions: readonly Action[] = [
  remade,
  renamed,
  elsewhere,
  unplugged,
  plugged,
  moved,
  forgetful,
];
