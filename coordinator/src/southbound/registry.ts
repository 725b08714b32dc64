import type { Index } from '@iovisor-ovn/ovsdb-client';
import type { Database } from '../monitor/database.js';
import type { ChassisPrivateRow, ChassisRow, EncapRow, SouthboundRows } from '../monitor/rows.js';
import { chassisFeatures } from './features.js';
import type { RegistryRows } from './registrar.js';

/** The Southbound rows that registration is about, straight from the replica. */
export class SouthboundRegistry implements RegistryRows {
  readonly #database: Database<SouthboundRows>;
  readonly #chassis: Index<ChassisRow>;
  readonly #private: Index<ChassisPrivateRow>;
  readonly #encaps: Index<EncapRow>;
  readonly #hostnames: Index<ChassisRow>;

  constructor(database: Database<SouthboundRows>) {
    this.#database = database;
    const { replica } = database;
    this.#chassis = replica.table('Chassis').index('name');
    this.#private = replica.table('Chassis_Private').index('name');
    this.#hostnames = replica.table('Chassis').index('hostname');
    this.#encaps = replica.table('Encap').index(['type', 'ip']);
  }

  chassis(name: string): ChassisRow | undefined {
    return this.#chassis.get(name);
  }

  chassisPrivate(name: string): ChassisPrivateRow | undefined {
    return this.#private.get(name);
  }

  withHostname(hostname: string): ChassisRow[] {
    return this.#hostnames.all(hostname);
  }

  encap(uuid: string): EncapRow | undefined {
    return this.#database.replica.table('Encap').get(uuid);
  }

  encapAt(type: string, ip: string): EncapRow | undefined {
    return this.#encaps.get([type, ip]);
  }

  nbCfg(): number | bigint {
    const [row] = this.#database.replica.table('SB_Global');
    return row?.nb_cfg ?? 0;
  }

  features(): ReadonlyMap<string, string> {
    return chassisFeatures(this.#database.client.schema?.version ?? '');
  }
}
