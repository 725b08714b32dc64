import { type Change, Client, Replica } from '@iovisor-ovn/ovsdb-client';
import { isChurn } from './changes.js';

/** What of a row a flap would show in. */
interface Row {
  _uuid: string;
  /** Port_Binding. */
  logical_port?: string;
  /** Chassis, Chassis_Private. */
  name?: string;
  /** Encap. */
  ip?: string;
  chassis?: string;
  up?: boolean;
  nb_cfg?: number;
}

type Tables = Record<'Port_Binding' | 'Chassis' | 'Chassis_Private' | 'Encap', Row>;

const nameOf = (row: Row): string => row.logical_port ?? row.name ?? row.ip ?? row._uuid;

/**
 * Watches Southbound through a monitor of its own: whoever writes there, each row of a port is bound once and comes up once, and rows of hypervisors
 * stay.
 */
export class SouthboundWatch {
  /** Updates of Port_Binding.chassis and up, by port. */
  readonly writes = new Map<string, number>();
  readonly #client: Client;
  readonly #replica: Replica<Tables>;
  readonly #comes: (port: string) => boolean;
  readonly #faults: string[] = [];

  private constructor(remotes: string, comes: (port: string) => boolean) {
    this.#comes = comes;
    // A restart of the server is seen as soon as it is over.
    const backoff = { minMs: 50, maxMs: 200 };
    this.#client = new Client({ remotes, database: 'OVN_Southbound', backoff, probeIntervalMs: 1000 });
    this.#replica = new Replica<Tables>(this.#client, {
      tables: {
        Port_Binding: { columns: ['logical_port', 'chassis', 'up'] },
        Chassis: { columns: ['name'] },
        Chassis_Private: { columns: ['name', 'chassis', 'nb_cfg'] },
        Encap: { columns: ['ip'] },
      },
    });
    this.#replica.on('change', (changes, { initial }) => {
      if (!initial) for (const change of changes) this.#look(change);
    });
  }

  /** @param comes ports whose rows may come and go and that may go down, which others must not */
  static async start(
    central: { sb: string },
    comes: (port: string) => boolean = isChurn,
  ): Promise<SouthboundWatch> {
    const watch = new SouthboundWatch(central.sb, comes);
    watch.#client.start();
    watch.#replica.start();
    await watch.#replica.ready;
    return watch;
  }

  /** What should not have happened, a line each, in its order. */
  async stop(): Promise<string[]> {
    this.#replica.stop();
    await this.#client.close();
    return this.#faults;
  }

  #look({ table, kind, row, old }: Change<Tables>): void {
    const name = nameOf((row ?? old) as Row);
    const say = (what: string) => this.#faults.push(`${table} ${name}: ${what}`);
    if (kind !== 'modify') {
      if (table !== 'Port_Binding' || !this.#comes(name)) say(kind === 'insert' ? 'made' : 'deleted');
      return;
    }
    const [after, before] = [row as Row, old as Row];
    if (after.chassis !== before.chassis) {
      if (table === 'Port_Binding') this.#count(name);
      if (before.chassis !== undefined) say(`chassis ${before.chassis} → ${after.chassis ?? 'none'}`);
    }
    if (after.up !== before.up) {
      this.#count(name);
      // northd may take a deletion and what was made anew behind it for one change of the same row.
      if (before.up === true && !this.#comes(name)) say('up → down');
    }
    if ((after.nb_cfg ?? 0) < (before.nb_cfg ?? 0)) say(`nb_cfg ${before.nb_cfg} → ${after.nb_cfg}`);
  }

  #count(port: string): void {
    this.writes.set(port, (this.writes.get(port) ?? 0) + 1);
  }
}
