import {
  all,
  CONFIG_MAPS,
  chassisIntent,
  type Datapath,
  groupIntent,
  Kernel,
  learnedIntent,
  portIntent,
  switchIntent,
} from '@iovisor-ovn/agent/testing';
import { Resource, type ResourceRef, type ResourceType } from '@iovisor-ovn/proto';
import { Random } from '../random.js';
import { mutate } from './mutate.js';
import { Tally, type Target } from './target.js';

/** Resources in one change. */
const AT_ONCE = 10;
/** So often everything is taken away: nothing may stay behind. */
const SWEEP = 500;

export const deltaTarget: Target = {
  name: 'deltas',
  what: 'a coordinator that sends nonsense: refused by name, nothing throws, what is right applies, and nothing is left behind',
  cases: 100_000,
  run: async ({ seed, cases, stop = () => false }) => {
    const tally = new Tally();
    const ends: (() => unknown)[] = [];
    try {
      const kernel = await Kernel.open({ teardown: (end: () => unknown) => ends.push(end) } as never);
      const datapath = await kernel.start('auto', {
        iov_ports: 512,
        iov_tunnels: 512,
        iov_port_counters: 512,
      });
      await new DeltaFuzz(kernel, datapath, new Random(seed), tally).run(cases, stop);
    } finally {
      for (const end of ends.reverse()) await end();
    }
    return tally;
  },
};

const A = '0a:00:00:00:00:01';
const ids = ['s1', 's2', 'p1', 'p2', 'p3', 'c1', 'l1', '', '__proto__', 'constructor', 'x'.repeat(300)];

class DeltaFuzz {
  readonly #kernel: Kernel;
  readonly #datapath: Datapath;
  readonly #random: Random;
  readonly #tally: Tally;
  #nothing: string[] = [];

  constructor(kernel: Kernel, datapath: Datapath, random: Random, tally: Tally) {
    this.#kernel = kernel;
    this.#datapath = datapath;
    this.#random = random;
    this.#tally = tally;
  }

  async run(cases: number, stop: () => boolean): Promise<void> {
    await this.#datapath.apply(all());
    this.#nothing = this.#kernel.contents(...CONFIG_MAPS);
    for (let next = SWEEP; this.#tally.cases < cases && !stop() && !this.#tally.isFull; ) {
      await this.#change();
      if (this.#tally.cases < next) continue;
      next += SWEEP;
      await this.#sweep();
    }
    await this.#sweep();
  }

  async #change(): Promise<void> {
    const upserts = Array.from({ length: this.#random.int(AT_ONCE) }, () => this.#resource());
    const removals = Array.from(
      { length: this.#random.int(4) },
      (): ResourceRef => ({
        type: this.#random.pick([0, 1, 2, 3, 4, 5, 99]) as ResourceType,
        id: this.#random.pick(ids),
      }),
    );
    this.#tally.cases += upserts.length + removals.length;
    const shown = () =>
      upserts.map((one) => Buffer.from(Resource.encode(one).finish()).toString('hex')).join(' ');
    try {
      const { refusals } = await this.#datapath.apply({ upserts, removals, full: this.#random.chance(0.1) });
      this.#tally.saw(refusals.length > 0 ? 'refused' : 'applied');
      const silent = refusals.find(({ message }) => message === '');
      if (silent) this.#tally.fail(`refused without a word: ${shown()}`);
      const accident = refusals.find(({ message }) =>
        /undefined|NaN|not a function|Cannot read/.test(message),
      );
      if (accident) this.#tally.fail(`"${accident.message}": ${shown()}`);
    } catch (error) {
      this.#tally.fail(`thrown: ${(error as Error).stack}: ${shown()}`);
    }
  }

  /** What is right applies after whatever was before, and leaves nothing. */
  async #sweep(): Promise<void> {
    await this.#forgetAll();
    const good = [
      switchIntent('s1', 5),
      portIntent('p1', 's1', 1, { local: true, addresses: [`${A} 10.0.0.1`] }),
    ];
    const { refusals } = await this.#datapath.apply(all(...good));
    if (refusals.length > 0)
      this.#tally.fail(`what is right is refused: ${JSON.stringify(refusals[0]!.message)}`);
    await this.#forgetAll();
    const left = this.#kernel.contents(...CONFIG_MAPS);
    if (left.join() !== this.#nothing.join())
      this.#tally.fail(
        `left behind: ${left
          .filter((line) => !this.#nothing.includes(line))
          .slice(0, 5)
          .join('; ')}`,
      );
    this.#tally.saw('swept');
  }

  async #forgetAll(): Promise<void> {
    const removals = this.#datapath.held.map(({ type, id }) => ({ type, id }));
    await this.#datapath.apply({ upserts: [], removals, full: true });
  }

  #resource(): Resource {
    const made = this.#plausible();
    if (this.#random.chance(0.3)) return made;
    const bytes = Buffer.from(Resource.encode(made).finish());
    const other = Buffer.from(Resource.encode(this.#plausible()).finish());
    try {
      return Resource.decode(mutate(this.#random, bytes, other));
    } catch {
      this.#tally.saw('not decoded');
      return made;
    }
  }

  #plausible(): Resource {
    const random = this.#random;
    const number = () => random.pick([0, 1, 2, 5, 0x7fff, 0x8000, 0xffff, 0xffffff, 0x1000000, 0xffffffff]);
    const id = (kind: string) => (random.chance(0.9) ? `${kind}${1 + random.int(4)}` : random.pick(ids));
    const many = () => Array.from({ length: random.chance(0.02) ? 3000 : random.int(5) }, () => id('p'));
    const mac = () => random.pick([A, '0a:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']);
    const ip = () =>
      random.pick(['10.0.0.1', '10.0.0.0/24', 'fd00::1', 'fd00::/64', '0.0.0.0/0', '::/0', '10.0.0.9/31']);
    return random.pick([
      () =>
        switchIntent(id('s'), number(), {
          mcastSnoop: random.chance(0.5),
          groups: [
            groupIntent('_MC_flood', 0x8000),
            groupIntent('g', number(), many(), random.pick(['', '239.1.1.1', 'ff0e::1'])),
          ],
        }),
      () =>
        portIntent(id('p'), id('s'), number(), {
          local: random.chance(0.5),
          type: random.pick(['', 'localnet', 'localport', 'l2gateway', 'virtual', 'external', 'router', 'x']),
          addresses: [`${mac()} ${ip()}`],
          portSecurity: random.pick([
            undefined,
            [`${mac()} ${ip()} ${ip()}`],
            [`VRRPv3 ${A} 00:00:5e:00:01:00/40 10.0.0.9`],
          ]),
          chassis: random.pick(['', 'c1', 'c2']),
          additionalChassis: random.pick([[], ['c1', 'c1', 'c3']]),
          parent: random.pick(['', 'p1', 'p2']),
          tag: random.pick([0, 1, 4095, 4096]),
          tagEthertype: random.pick([0, 0x8100, 1]),
          network: random.pick(['', 'physnet1']),
          qosMaxRate: random.pick([0n, 1n, 2n ** 64n - 1n]),
          qosBurst: random.pick([0n, 2n ** 64n - 1n]),
          unknown: random.chance(0.3),
          learn: random.chance(0.3),
          awaitsRarp: random.chance(0.1),
        }),
      () =>
        chassisIntent(id('c'), [
          random.pick(['geneve', 'vxlan', 'stt']),
          random.pick(['10.9.0.1', 'fd09::1', '', 'x', '0.0.0.0']),
        ]),
      () => learnedIntent(id('l'), id('s'), mac(), number()),
    ])();
  }
}
