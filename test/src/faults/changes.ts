import { type Lab, until } from '../lab/index.js';

/** A logical port that comes and goes: its tap is plugged all the time. */
export interface ChurnPort {
  name: string;
  tap: string;
  /** As lsp-set-addresses wants it, in one of its versions. */
  address(version: number): string;
}

const hex = (n: number): string => n.toString(16).padStart(2, '0');

/** Number n of the ports that come and go. */
export function churnPort(n: number): ChurnPort {
  return {
    name: `churn${n}`,
    tap: `churn${n}`,
    address: (version) =>
      `02:00:00:01:${hex(n)}:${hex(version & 0xff)} 10.0.${100 + n}.${(version % 250) + 1}`,
  };
}

export const isChurn = (port: string): boolean => port.startsWith('churn');

/** Makes taps at a hypervisor and plugs them; Northbound has no such port yet. */
export async function plugChurn(lab: Lab, hypervisor: number, ports: readonly ChurnPort[]): Promise<void> {
  const hv = lab.hv(hypervisor);
  await hv.netns.ip(...ports.flatMap(({ tap }) => [`tuntap add dev ${tap} mode tap`, `link set ${tap} up`]));
  const commands = ports.flatMap(({ name, tap }) => [
    ...['--', 'add-port', 'br-int', tap],
    ...['--', 'set', 'Interface', tap, `external_ids:iface-id=${name}`],
  ]);
  await hv.vsctl(...commands.slice(1));
}

/**
 * Changes of Northbound by plain ovn-nbctl, one after the other, until stopped: ports come, get another address, and go. What ovn-nbctl said
 * that it has done is remembered; a change that failed is made again until it is done.
 */
export class Changes {
  /** Addresses by port, as Northbound acknowledged them. */
  readonly acknowledged = new Map<string, string>();
  /** How long the slowest took, ms: Northbound alone, not the hypervisors. */
  slowestMs = 0;
  readonly #lab: Lab;
  readonly #network: string;
  readonly #ports: readonly ChurnPort[];
  readonly #pauseMs: number;
  #made = 0;
  #repeated = 0;
  #stopping = false;
  #loop!: Promise<void>;

  private constructor(lab: Lab, network: string, ports: readonly ChurnPort[], pauseMs: number) {
    this.#lab = lab;
    this.#network = network;
    this.#ports = ports;
    this.#pauseMs = pauseMs;
  }

  /** @param pauseMs after each change: what ovn-nbctl costs is not there for those who do the work */
  static start(lab: Lab, ports: readonly ChurnPort[], network = 'sw0', pauseMs = 50): Changes {
    const changes = new Changes(lab, network, ports, pauseMs);
    changes.#loop = changes.#run();
    return changes;
  }

  /** Changes made so far. */
  get made(): number {
    return this.#made;
  }

  /** How many had to be made again, because their fate was unknown. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Resolves when so many more have been made. */
  async more(count: number, timeoutMs = 30_000): Promise<void> {
    const wanted = this.#made + count;
    await until(`${count} more changes of Northbound`, async () => this.#made >= wanted, timeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop;
  }

  /** What is otherwise in Northbound than acknowledged, a line each. Waits until all ports that there are, are up. */
  async lost(): Promise<string[]> {
    const columns = ['--bare', '--format=csv', '--no-headings', '--columns=name,addresses'];
    const text = await this.#lab.nbctl(...columns, 'list', 'Logical_Switch_Port');
    const found = new Map<string, string>();
    for (const line of text.split('\n')) {
      const [name = '', addresses = ''] = line.split(',');
      if (isChurn(name)) found.set(name, addresses);
    }
    const lines: string[] = [];
    for (const [name, address] of this.acknowledged)
      if (found.get(name) !== address)
        lines.push(`${name}: ${address} was acknowledged, found ${found.get(name) ?? 'nothing'}`);
    for (const name of found.keys())
      if (!this.acknowledged.has(name)) lines.push(`${name}: was deleted, and is there`);
    if (this.acknowledged.size > 0) await this.#lab.portsUp(...this.acknowledged.keys());
    return lines;
  }

  /** Takes all of them out of Northbound. */
  async remove(): Promise<void> {
    await this.#lab.nbctl(
      '--wait=hv',
      ...this.#ports.flatMap(({ name }) => ['--', '--if-exists', 'lsp-del', name]).slice(1),
    );
    this.acknowledged.clear();
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopping; turn++) {
      await this.#make(turn);
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    }
  }

  /** Each port in turn, and in each round the next thing for all. */
  async #make(turn: number): Promise<void> {
    const port = this.#ports[turn % this.#ports.length]!;
    const round = Math.floor(turn / this.#ports.length);
    const address = port.address(round);
    const add = ['--may-exist', 'lsp-add', this.#network, port.name, '--'];
    const set = ['lsp-set-addresses', port.name, address];
    const goes = round % 3 === 2;
    const command = goes ? ['--if-exists', 'lsp-del', port.name] : round % 3 === 0 ? [...add, ...set] : set;
    const began = performance.now();
    const deadline = began + 60_000;
    for (;;) {
      try {
        await this.#lab.nbctl('--timeout=10', ...command);
        break;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        this.#repeated++;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    if (goes) this.acknowledged.delete(port.name);
    else this.acknowledged.set(port.name, address);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
    this.#made++;
  }
}
