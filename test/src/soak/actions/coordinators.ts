import { type Action, between, pause } from './action.js';

const leaderEnded = (signal: 'SIGKILL' | 'SIGTERM', kind: string): Action => ({
  weight: 3,
  plan(random) {
    const away = between(random, 0, 2500);
    return {
      kind,
      what: `leading coordinator: ${signal}, away for ${away} ms`,
      uses: ['coordinators'],
      concerns: [],
      run: async (site) => {
        const leader = await site.coordinators.leader();
        await site.coordinators.end(leader, signal);
        await pause(away);
        site.coordinators.spawn(leader);
      },
    };
  },
});

const bothAway: Action = {
  weight: 2,
  plan(random) {
    const away = between(random, 500, 5000);
    const order = random.chance(0.5) ? [0, 1] : [1, 0];
    return {
      kind: 'all coordinators killed',
      what: `both coordinators: kill -9, away for ${away} ms`,
      uses: ['coordinators'],
      concerns: [],
      run: async (site) => {
        await Promise.all([0, 1].map((which) => site.coordinators.end(which, 'SIGKILL')));
        await pause(away);
        for (const which of order) site.coordinators.spawn(which);
      },
    };
  },
};

/** It still has its sessions when it wakes up, and perhaps the lock no more. */
const leaderPaused: Action = {
  weight: 2,
  plan(random) {
    const ms = random.chance(0.3) ? between(random, 8500, 16_000) : between(random, 100, 4000);
    return {
      kind: 'leading coordinator paused',
      what: `leading coordinator: stopped for ${ms} ms`,
      uses: ['coordinators'],
      concerns: [],
      run: async (site) => {
        const leader = await site.coordinators.leader();
        site.coordinators.signal(leader, 'SIGSTOP');
        await pause(ms);
        site.coordinators.signal(leader, 'SIGCONT');
      },
    };
  },
};

export const coordinatorActions: readonly Action[] = [
  leaderEnded('SIGKILL', 'leading coordinator killed'),
  leaderEnded('SIGTERM', 'leading coordinator ended'),
  bothAway,
  leaderPaused,
];
