import { type Action, between, machinesAt, numbersTo, pause } from './action.js';

const servers = { nb: 'Northbound server', sb: 'Southbound server', northd: 'ovn-northd' } as const;

const central = (which: keyof typeof servers): Action[] => [
  {
    weight: 1,
    plan(random) {
      const signal = random.pick(['SIGKILL', 'SIGTERM'] as const);
      const away = between(random, 0, 3000);
      return {
        kind: `${servers[which]} restarted`,
        what: `${servers[which]}: ${signal}, away for ${away} ms`,
        uses: [which],
        concerns: [],
        run: async (site) => {
          await site.lab.central.stopServer(which, signal);
          await pause(away);
          await site.lab.central.startServer(which);
        },
      };
    },
  },
  {
    weight: 1,
    plan(random) {
      // Some longer than the probe of OVSDB, 5 s and 5 s.
      const ms = random.chance(0.2) ? between(random, 10_500, 12_000) : between(random, 100, 4000);
      return {
        kind: `${servers[which]} paused`,
        what: `${servers[which]}: stopped for ${ms} ms`,
        uses: [which],
        concerns: [],
        run: async (site) => {
          site.lab.central.signalServer(which, 'SIGSTOP');
          await pause(ms);
          site.lab.central.signalServer(which, 'SIGCONT');
        },
      };
    },
  },
];

const local: Action = {
  weight: 2,
  plan(random, model) {
    const n = random.pick(numbersTo(model.hypervisors));
    const signal = random.pick(['SIGKILL', 'SIGTERM'] as const);
    const away = between(random, 0, 3000);
    return {
      kind: 'local database restarted',
      what: `ovsdb-server of hv${n}: ${signal}, away for ${away} ms`,
      uses: [`ovsdb hv${n}`],
      concerns: [],
      run: async (site) => {
        const { ovsdb } = site.lab.hv(n);
        await ovsdb.stopServer(signal);
        await pause(away);
        await ovsdb.startServer();
      },
    };
  },
};

/** The third's: nothing protected runs there. Others lose their tunnel to it until it is back. */
const chassisDeleted: Action = {
  weight: 1,
  plan(_random, model) {
    const n = model.hypervisors;
    return {
      kind: 'Chassis row deleted',
      what: `chassis-del hv${n}`,
      uses: ['sb', `agent hv${n}`],
      concerns: machinesAt(model, n),
      run: async (site) => {
        await site.sbctl('chassis-del', `hv${n}`);
        await site.sbctl('wait-until', 'Chassis', `hv${n}`);
      },
    };
  },
};

export const databaseActions: readonly Action[] = [
  ...central('nb'),
  ...central('sb'),
  ...central('northd'),
  local,
  chassisDeleted,
];
