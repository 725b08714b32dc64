export interface SoakOptions {
  seed: number;
  minutes: number;
  /** Ends after so many steps, if that is earlier. */
  steps?: number;
  /** Ends with the first violation, and leaves everything as it is until Ctrl-C. */
  stop: boolean;
  /** Only says what it would do: so many steps. */
  plan?: number;
  /** File that gets the report for docs/reliability.md. */
  markdown?: string;
  /** Where logs go when something is wrong. */
  logs?: string;
}

export const usage = `usage: npm run soak -- [--seed N] [--minutes N] [--steps N] [--stop] [--markdown FILE] [--logs DIR]
       npm run soak -- --plan N [--seed N]
Faults and changes at random, with traffic running, for N minutes (3): what is lost, what is not as it should be, and how long
recoveries take. The same seed does the same. --stop ends at the first violation and keeps the lab as it is until Ctrl-C; --plan says
the first N steps and does nothing.`;

const numbers: Readonly<Record<string, 'seed' | 'minutes' | 'steps' | 'plan'>> = {
  '--seed': 'seed',
  '--minutes': 'minutes',
  '--steps': 'steps',
  '--plan': 'plan',
};
const texts: Readonly<Record<string, 'markdown' | 'logs'>> = { '--markdown': 'markdown', '--logs': 'logs' };

/** @returns what is wrong, or '' when help was asked for */
export function parseOptions(argv: readonly string[]): SoakOptions | string {
  const options: SoakOptions = { seed: Math.floor(Math.random() * 2 ** 31), minutes: 3, stop: false };
  const rest = [...argv];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--help') return '';
    if (flag === '--stop') {
      options.stop = true;
      continue;
    }
    const value = rest.shift();
    if (value === undefined) return `${flag} needs a value`;
    const [number, text] = [numbers[flag], texts[flag]];
    if (text !== undefined) {
      options[text] = value;
      continue;
    }
    if (number === undefined) return `${flag} is unknown`;
    const pattern = number === 'minutes' ? /^\d{1,6}(\.\d+)?$/ : /^\d{1,10}$/;
    if (!pattern.test(value)) return `${flag} ${value}: not a number`;
    options[number] = Number(value);
  }
  return options;
}
