import { type Action, between, machinesAt, numbersTo, pause } from './action.js';

/** The third hypervisor's: nothing protected runs there. */
const cable: Action = {
  weight: 2,
  plan(random, model) {
    const n = model.hypervisors;
    const ms = between(random, 100, 3000);
    return {
      kind: 'cable pulled',
      what: `cable of hv${n}: pulled for ${ms} ms`,
      uses: [`cable hv${n}`],
      concerns: machinesAt(model, n),
      run: async (site) => {
        await site.lab.underlay.setCable(`hv${n}`, false);
        await pause(ms);
        await site.lab.underlay.setCable(`hv${n}`, true);
      },
    };
  },
};

const cut: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const times = 1 + random.int(4);
    const gap = between(random, 0, 400);
    return {
      kind: 'session cut',
      what: `session of hv${n}: cut ${times} times, ${gap} ms apart`,
      uses: [`session hv${n}`],
      concerns: [],
      run: async (site) => {
        for (let i = 0; i < times; i++) {
          for (const wire of site.wires(n)) wire.cut();
          await pause(gap);
        }
      },
    };
  },
};

const silent: Action = {
  weight: 1,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    // Some longer than its keepalive, 8 s.
    const ms = random.chance(0.25) ? between(random, 8500, 11_000) : between(random, 200, 4000);
    return {
      kind: 'session half open',
      what: `session of hv${n}: nothing passes for ${ms} ms`,
      uses: [`session hv${n}`],
      concerns: [],
      run: async (site) => {
        for (const wire of site.wires(n)) wire.hold(true);
        await pause(ms);
        for (const wire of site.wires(n)) wire.hold(false);
      },
    };
  },
};

const refused: Action = {
  weight: 1,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const ms = between(random, 200, 4000);
    return {
      kind: 'session refused',
      what: `session of hv${n}: cut, and every new one for ${ms} ms`,
      uses: [`session hv${n}`],
      concerns: [],
      run: async (site) => {
        for (const wire of site.wires(n)) wire.refuse(true);
        await pause(ms);
        for (const wire of site.wires(n)) wire.refuse(false);
      },
    };
  },
};

const slow: Action = {
  weight: 1,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const delay = between(random, 20, 500);
    const ms = between(random, 500, 4000);
    return {
      kind: 'session slow',
      what: `session of hv${n}: ${delay} ms each way, for ${ms} ms`,
      uses: [`session hv${n}`],
      concerns: [],
      run: async (site) => {
        for (const wire of site.wires(n)) wire.delayMs = delay;
        await pause(ms);
        for (const wire of site.wires(n)) wire.delayMs = 0;
      },
    };
  },
};

export const networkActions: readonly Action[] = [cable, cut, silent, refused, slow];
