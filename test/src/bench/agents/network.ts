import { byUuid, Client, Replica } from '@iovisor-ovn/ovsdb-client';
import type { AgentSpec } from './messages.js';
import { changeMac } from './messages.js';

/** Ports of a switch, and ports of a hypervisor. */
export const PER_SWITCH = 20;

/** How many ports one transaction makes. */
const AT_ONCE = 500;

/** Neighbours in a switch are this many hypervisors apart: each hypervisor takes part in as many switches as it has ports. */
const STRIDE = 47;

const portName = (network: number, slot: number) => `n${network}p${slot}`;

/** The agents of a site: as many switches as hypervisors, each with a port at 20 of them. */
export function siteAgents(agents: number): AgentSpec[] {
  const ports: string[][] = Array.from({ length: agents }, () => []);
  for (let network = 0; network < agents; network++)
    for (let slot = 0; slot < PER_SWITCH; slot++)
      ports[(network + slot * STRIDE) % agents]!.push(portName(network, slot));
  return ports.map((own, n) => ({ name: `hv${n}`, ip: `10.${n >> 8}.${n & 255}.1`, ports: own }));
}

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** The address of a port with this MAC. */
const address = (mac: string, slot: number) => `${mac} 10.0.0.${slot + 1}`;

interface NbTables {
  Logical_Switch_Port: { readonly _uuid: string; readonly name: string };
}

interface SbTables {
  Port_Binding: { readonly _uuid: string; readonly logical_port: string; readonly up?: boolean };
}

/** The databases of a site, as one client that stays. */
export class Site {
  readonly #nb: Client;
  readonly #sb: Client;
  readonly #ports: Replica<NbTables>;
  readonly #bindings: Replica<SbTables>;
  readonly #uuids;
  readonly #up = new Set<string>();
  /** Rows of Port_Binding, by uuid: what whoever waits is told when one comes or changes. */
  readonly #waiting = new Set<() => void>();
  readonly switches: number;

  private constructor(nb: string, sb: string, switches: number) {
    this.switches = switches;
    this.#nb = new Client({ remotes: nb, database: 'OVN_Northbound' });
    this.#sb = new Client({ remotes: sb, database: 'OVN_Southbound' });
    this.#ports = new Replica<NbTables>(this.#nb, {
      tables: { Logical_Switch_Port: { columns: ['name'] } },
    });
    this.#uuids = this.#ports.table('Logical_Switch_Port').index('name');
    this.#bindings = new Replica<SbTables>(this.#sb, {
      tables: { Port_Binding: { columns: ['logical_port', 'up'] } },
    });
    this.#bindings.on('change', (batch) => {
      for (const { uuid, row } of batch)
        if (row?.up === true) this.#up.add(uuid);
        else this.#up.delete(uuid);
      for (const look of [...this.#waiting]) look();
    });
  }

  static async connect(nb: string, sb: string, switches: number): Promise<Site> {
    const site = new Site(nb, sb, switches);
    for (const client of [site.#nb, site.#sb]) client.start();
    for (const replica of [site.#ports, site.#bindings]) replica.start();
    await Promise.all([site.#ports.ready, site.#bindings.ready]);
    return site;
  }

  async close(): Promise<void> {
    for (const replica of [this.#ports, this.#bindings]) replica.stop();
    await Promise.all([this.#nb.close(), this.#sb.close()]);
  }

  /** Makes all switches and ports. */
  async build(): Promise<void> {
    for (let network = 0; network < this.switches; network += AT_ONCE / PER_SWITCH) {
      const transaction = this.#nb.transaction();
      const last = Math.min(this.switches, network + AT_ONCE / PER_SWITCH);
      for (let one = network; one < last; one++) {
        const ports = Array.from({ length: PER_SWITCH }, (_, slot) => {
          const mac = ['0a', '00', hex(one >> 8), hex(one & 255), '00', hex(slot)].join(':');
          return transaction.insert('Logical_Switch_Port', {
            name: portName(one, slot),
            addresses: [address(mac, slot)],
            port_security: [address(mac, slot)],
          });
        });
        transaction.insert('Logical_Switch', { name: `net${one}`, ports });
      }
      await transaction.commit();
    }
  }

  /** A change that only Northbound has: the port of that switch gets the MAC of the change. */
  async change(number: number, network: number, slot: number): Promise<void> {
    const uuid = this.#uuids.get(portName(network, slot))?._uuid;
    if (uuid === undefined) throw new Error(`no port ${portName(network, slot)}`);
    const transaction = this.#nb.transaction();
    const addresses = [address(changeMac(number), slot)];
    transaction.update('Logical_Switch_Port', [byUuid(uuid)], { addresses });
    await transaction.commit();
  }

  /** Bindings there are. */
  get bindings(): number {
    return this.#bindings.table('Port_Binding').size;
  }

  /** Of those, how many are up. */
  get up(): number {
    return this.#up.size;
  }

  /** Resolves when `condition` holds; looked at when Port_Binding changes. */
  async until(condition: () => boolean, what: string, seconds: number): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        clearTimeout(late);
        resolve();
      };
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${what}: not after ${seconds} s (${this.bindings} bindings, ${this.up} up)`));
      }, seconds * 1000);
      this.#waiting.add(look);
    });
  }
}
