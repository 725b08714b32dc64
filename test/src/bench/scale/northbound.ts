import { byUuid, Client, Replica } from '@iovisor-ovn/ovsdb-client';
import type { ScalePort } from './ports.js';

/** What is read of the Northbound database. */
interface Tables {
  Logical_Switch: { readonly _uuid: string; readonly name: string };
  Logical_Switch_Port: { readonly _uuid: string; readonly name: string; readonly up?: boolean };
}

/**
 * The Northbound database as a cloud has it: one connection that stays, as Neutron's. ovn-nbctl reads the whole database
 * for every call, and while one waits for ports that come up it is sent every change that the others make.
 */
export class Northbound {
  readonly #client: Client;
  readonly #replica: Replica<Tables>;
  readonly #switches;
  readonly #waiting = new Map<string, () => void>();

  private constructor(remote: string) {
    this.#client = new Client({ remotes: remote, database: 'OVN_Northbound' });
    this.#replica = new Replica<Tables>(this.#client, {
      tables: { Logical_Switch: { columns: ['name'] }, Logical_Switch_Port: { columns: ['name', 'up'] } },
    });
    this.#switches = this.#replica.table('Logical_Switch').index('name');
    this.#replica.on('change', (batch) => {
      for (const { table, row } of batch)
        if (table === 'Logical_Switch_Port' && row?.up === true) this.#isUp(row.name);
    });
  }

  /** Resolves when everything that is there by now is known. */
  static async connect(remote: string): Promise<Northbound> {
    const northbound = new Northbound(remote);
    northbound.#client.start();
    northbound.#replica.start();
    await northbound.#replica.ready;
    return northbound;
  }

  async close(): Promise<void> {
    this.#replica.stop();
    await this.#client.close();
  }

  /** Makes ports with address and port security, in one transaction. Their switches must have been there when it was connected. */
  async add(ports: readonly ScalePort[]): Promise<void> {
    const transaction = this.#client.transaction();
    for (const { name, network, address } of ports) {
      const found = this.#switches.get(network);
      if (found === undefined) throw new Error(`there is no switch ${network}`);
      const row = { name, addresses: [address], port_security: [address] };
      const port = transaction.insert('Logical_Switch_Port', row);
      transaction.mutate('Logical_Switch', [byUuid(found._uuid)], [['ports', 'insert', [port]]]);
    }
    await transaction.commit();
  }

  /** Resolves when all of them are up. To be called before they are added. Rejects after so many seconds. */
  whenUp(ports: readonly ScalePort[], seconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const down = new Set(ports.map(({ name }) => name));
      const tooLate = setTimeout(() => {
        const names = [...down].slice(0, 10).join(' ');
        reject(new Error(`${down.size} ports not up after ${seconds} s: ${names} …`));
      }, seconds * 1000);
      for (const name of down)
        this.#waiting.set(name, () => {
          down.delete(name);
          if (down.size > 0) return;
          clearTimeout(tooLate);
          resolve();
        });
    });
  }

  #isUp(name: string): void {
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
  }
}
