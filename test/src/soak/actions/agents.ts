import { buildNames } from '../builds.js';
import { type Action, between, numbersTo, pause } from './action.js';

/** An agent ends and is started again; the data plane forwards meanwhile. */
const ended = (signal: 'SIGKILL' | 'SIGTERM', kind: string): Action => ({
  weight: 4,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const away = between(random, 0, 2000);
    return {
      kind,
      what: `agent of hv${n}: ${signal}, away for ${away} ms`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        await site.endAgent(n, signal);
        await pause(away);
        site.spawnAgent(n);
      },
    };
  },
});

/** Killed while it starts, at any instruction. */
const stuttering: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const lives = Array.from({ length: 1 + random.int(3) }, () => between(random, 200, 2500));
    return {
      kind: 'agent killed while it starts',
      what: `agent of hv${n}: kill -9, and again after ${lives.join(' and ')} ms of life`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        await site.endAgent(n, 'SIGKILL');
        for (const life of lives) {
          site.spawnAgent(n);
          await pause(life);
          await site.endAgent(n, 'SIGKILL');
        }
        site.spawnAgent(n);
      },
    };
  },
};

const paused: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    // Some longer than the keepalive of a session, 8 s.
    const ms = random.chance(0.2) ? between(random, 8500, 10_000) : between(random, 100, 3000);
    return {
      kind: 'agent paused',
      what: `agent of hv${n}: stopped for ${ms} ms`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        site.signalAgent(n, 'SIGSTOP');
        await pause(ms);
        site.signalAgent(n, 'SIGCONT');
      },
    };
  },
};

/**
 * Of the third, where nothing protected runs: a kernel that puts clsact on a device deactivates its transmit queues meanwhile, and what is
 * sent to it is dropped.
 */
const otherHook: Action = {
  weight: 1,
  plan(random, model) {
    const n = model.hypervisors;
    const hook = random.pick(['tcx', 'clsact'] as const);
    return {
      kind: 'agent started with another hook',
      what: `agent of hv${n}: TERM, started with --hook ${hook}`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        await site.endAgent(n, 'SIGTERM');
        site.hooks.set(n, hook);
        site.spawnAgent(n);
      },
    };
  },
};

/** Killed and started as another build, and back at another time. */
const upgraded: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const build = random.pick(buildNames);
    const signal = random.pick(['SIGKILL', 'SIGTERM'] as const);
    return {
      kind: 'agent started as another build',
      what: `agent of hv${n}: ${signal}, started as the build with ${build}`,
      uses: [`agent hv${n}`],
      concerns: [],
      run: async (site) => {
        await site.endAgent(n, signal);
        site.setBuild(n, build);
        site.spawnAgent(n);
      },
    };
  },
};

export const agentActions: readonly Action[] = [
  ended('SIGKILL', 'agent killed'),
  ended('SIGTERM', 'agent ended and started'),
  stuttering,
  paused,
  otherHook,
  upgraded,
];
