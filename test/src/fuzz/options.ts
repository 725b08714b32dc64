export interface FuzzOptions {
  /** What takes the inputs, by name; none: random packets in random networks against ovn-trace. */
  targets: string[];
  /** Inputs of each; undefined: as many as each has by itself. */
  cases?: number;
  packets: number;
  seed: number;
  encap: 'geneve' | 'vxlan';
  /** Only this network of the run. */
  only?: number;
  /** Packets that each network gets. */
  perNetwork: number;
  /** After so many disagreements it ends. */
  maxFailures: number;
  /** false: failing cases are printed as they are. */
  shrink: boolean;
}

export const usage = `usage: npm run fuzz -- [--packets N] [--seed N] [--only NETWORK] [--per-network N] [--encap geneve|vxlan]
                      [--max-failures N] [--no-shrink]
       npm run fuzz -- --target NAME[,NAME…] [--cases N] [--seed N]
Random networks and packets: what our hypervisors make of them against what ovn-trace says over a stock northd. With --target:
hostile input for one of our own doors (--target list names them, --target every takes all).`;

/** @returns what is wrong, or '' when help was asked for */
export function parseOptions(argv: readonly string[]): FuzzOptions | string {
  const options: FuzzOptions = {
    targets: [],
    packets: 10_000,
    seed: Math.floor(Math.random() * 2 ** 31),
    encap: 'geneve',
    perNetwork: 100,
    maxFailures: 5,
    shrink: true,
  };
  const rest = [...argv];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--help') return '';
    if (flag === '--no-shrink') {
      options.shrink = false;
      continue;
    }
    const value = rest.shift();
    if (value === undefined) return `${flag} needs a value`;
    if (flag === '--target') {
      options.targets.push(...value.split(','));
      continue;
    }
    if (flag === '--encap') {
      if (value !== 'geneve' && value !== 'vxlan') return `--encap ${value}: geneve or vxlan`;
      options.encap = value;
      continue;
    }
    const key = numbers[flag];
    if (key === undefined) return `${flag} is unknown`;
    if (!/^\d{1,10}$/.test(value)) return `${flag} ${value}: not a number`;
    options[key] = Number(value);
  }
  return options;
}

const numbers: Readonly<
  Record<string, 'packets' | 'seed' | 'cases' | 'only' | 'perNetwork' | 'maxFailures'>
> = {
  '--packets': 'packets',
  '--seed': 'seed',
  '--cases': 'cases',
  '--only': 'only',
  '--per-network': 'perNetwork',
  '--max-failures': 'maxFailures',
};
