import type { AgentMessage } from '@iovisor-ovn/proto';

/** Units a second, and how many may be saved up: a hypervisor that starts with ten thousand ports stays within. */
const ratePerMs = 2;
const burst = 20_000;

/** Of a session: the coordinator looks at all ports of the chassis. */
const sessionCost = 1000;
/** Of a changed configuration: it is written to Southbound, and northd works on it. */
const configCost = 200;
const bytesPerUnit = 2048;

/** What a message costs: about what the coordinator has to do for it. */
export function costOf({ message }: AgentMessage, bytes: number): number {
  const size = 1 + bytes / bytesPerUnit;
  switch (message?.$case) {
    case 'hello':
      return sessionCost + size + (message.value.interfaces?.upserts.length ?? 0);
    case 'interfaces':
      return size + message.value.upserts.length + message.value.removals.length;
    case 'chassisConfig':
      return configCost + size;
    default:
      return size;
  }
}

/** What each chassis has left to spend. It outlives sessions: coming anew does not fill it up. */
export class Budgets {
  readonly #now: () => number;
  readonly #left = new Map<string, { units: number; at: number }>();

  /** `now`: ms of any clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Spends; returns for how many ms nothing more should be taken from the chassis. */
  spend(chassis: string, units: number): number {
    const now = this.#now();
    const known = this.#left.get(chassis) ?? { units: burst, at: now };
    const left = Math.min(burst, known.units + (now - known.at) * ratePerMs) - units;
    this.#left.set(chassis, { units: left, at: now });
    return left >= 0 ? 0 : -left / ratePerMs;
  }

  /** The chassis has no session: what it has left is remembered only as long as that is less than all. */
  forgetFull(): void {
    const now = this.#now();
    for (const [chassis, { units, at }] of this.#left)
      if (units + (now - at) * ratePerMs >= burst) this.#left.delete(chassis);
  }
}
