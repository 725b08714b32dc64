import { byUuid, type Transaction, type TransactionError } from '@iovisor-ovn/ovsdb-client';
import type { ChassisConfig, Encap } from '@iovisor-ovn/proto';
import type { ChassisPrivateRow, ChassisRow, EncapRow } from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';
import { ownChassisKey } from './claims.js';
import { mirroredToExternalIds, stockOtherConfig } from './features.js';
import { mapMutations } from './map-mutations.js';
import type { SouthboundWriter } from './writer.js';

/** Southbound rows as they are now. */
export interface RegistryRows {
  chassis(name: string): ChassisRow | undefined;
  chassisPrivate(name: string): ChassisPrivateRow | undefined;
  /** Chassis rows with this hostname. */
  withHostname(hostname: string): ChassisRow[];
  encap(uuid: string): EncapRow | undefined;
  /** The row with this (type, ip), which Southbound has at most once. */
  encapAt(type: string, ip: string): EncapRow | undefined;
  nbCfg(): number | bigint;
  /** Flags of the OVN release that Southbound belongs to. */
  features(): ReadonlyMap<string, string>;
}

/** A chassis to be kept registered. */
export interface Registration {
  config: ChassisConfig;
  abi: number;
  /** Configuration its agent has acknowledged; undefined before the first. */
  nbCfg?: bigint;
  /** When that took effect, ms since 1970. */
  nbCfgSince?: number;
}

/** Another chassis has one of the tunnel addresses. */
export class EncapConflict extends Error {
  override readonly name = 'EncapConflict';
}

/** Keeps Chassis, Encap and Chassis_Private of the connected agents as ovn-controller would. */
export class Registrar {
  readonly #rows: RegistryRows;
  readonly #writer: SouthboundWriter;
  readonly #problems: ProblemRegistry;
  readonly #registrations = new Map<string, Registration>();
  readonly #pending = new Set<string>();
  /** Chassis whose hostname is another's, and that hostname. */
  readonly #shadowed = new Map<string, string>();
  readonly #settled: (chassis: string, error?: Error) => void;

  constructor(
    rows: RegistryRows,
    writer: SouthboundWriter,
    problems: ProblemRegistry,
    settled: (chassis: string, error?: Error) => void,
  ) {
    this.#rows = rows;
    this.#writer = writer;
    this.#problems = problems;
    this.#settled = settled;
  }

  /** True while the registration of `chassis` is being written. */
  isPending(chassis: string): boolean {
    return this.#pending.has(chassis);
  }

  /** Registers, or follows a changed configuration. Throws EncapConflict. */
  register(registration: Registration): void {
    const { name } = registration.config;
    this.#registrations.set(name, { ...this.#registrations.get(name), ...registration });
    this.#checkEncaps(registration.config);
    this.reconcile(name);
  }

  /** The agent is away: its rows stay as they are. */
  forget(name: string): void {
    this.#registrations.delete(name);
    this.#shadowed.delete(name);
    this.#problems.replace(`hostname:${name}`, []);
  }

  /** The agent leaves for good: its rows go, and with them (weak references) its bindings. */
  unregister(name: string): void {
    this.forget(name);
    this.#writer.queue(`chassis:${name}`, {
      build: (transaction) => {
        const chassis = this.#rows.chassis(name);
        const own = this.#rows.chassisPrivate(name);
        if (chassis) transaction.delete('Chassis', [byUuid(chassis._uuid)]);
        if (own) transaction.delete('Chassis_Private', [byUuid(own._uuid)]);
      },
    });
  }

  /**
   * The agent acknowledged everything up to NB_Global.nb_cfg = `nbCfg`, in effect there since `since` (ms since 1970, 0: not said). It may wait `patienceMs` for what else there is
   * to write.
   */
  acknowledge(name: string, { nbCfg, since }: { nbCfg: bigint; since: number }, patienceMs: number): void {
    const registration = this.#registrations.get(name);
    if (registration) Object.assign(registration, { nbCfg, nbCfgSince: since || Date.now() });
    if (says(this.#rows.chassisPrivate(name), nbCfg)) return;
    const write = {
      build: (transaction: Transaction) => {
        const row = this.#rows.chassisPrivate(name);
        const { nbCfg: acked, nbCfgSince } = this.#registrations.get(name) ?? {};
        if (!row || acked === undefined || says(row, acked)) return;
        const values = { nb_cfg: acked, nb_cfg_timestamp: nbCfgSince };
        transaction.update('Chassis_Private', [byUuid(row._uuid)], values);
      },
    };
    this.#writer.queue(`nb_cfg:${name}`, write, patienceMs);
  }

  /** Looks at the chassis again: its rows changed. A chassis that is not connected is left alone. */
  reconcile(name: string): void {
    const registration = this.#registrations.get(name);
    if (!registration || this.#isRegistered(registration)) return;
    this.#pending.add(name);
    this.#writer.queue(`chassis:${name}`, {
      build: (transaction) => {
        const current = this.#registrations.get(name);
        if (current) this.#build(transaction, current);
      },
      settled: (error) => this.#done(name, error),
      dropped: () => this.#pending.delete(name),
    });
  }

  /** The Chassis row `name` came, changed or went: those that must not, or may now, have its name as their hostname. */
  reconcileHostnames(name: string): void {
    for (const { name: other } of this.#rows.withHostname(name)) if (other !== name) this.reconcile(other);
    for (const other of this.#shadowed.keys()) this.reconcile(other);
  }

  /**
   * The hostname to publish. options:requested-chassis may say a hostname, and no certificate speaks for that: one that is the
   * name of another chassis, or its hostname, would bring the ports meant for that one here. Such a chassis goes by its name.
   */
  #hostname(name: string, hostname: string): string {
    const others = [this.#rows.chassis(hostname), ...this.#rows.withHostname(hostname)];
    const owner = others.find(
      (other) => other && other.name !== name && !this.#goesBefore(name, hostname, other),
    );
    if (owner) this.#shadowed.set(name, hostname);
    else this.#shadowed.delete(name);
    const message = `hostname ${hostname} of chassis ${name} belongs to chassis ${owner?.name}: requested-chassis finds it by its name only; give it another external_ids:hostname, or delete a stale chassis with: ovn-sbctl chassis-del ${owner?.name}`;
    this.#problems.replace(`hostname:${name}`, owner ? [problem(name, message)] : []);
    return owner ? name : hostname;
  }

  /** Whether `name` has the hostname rather than `other`: a name counts more than a hostname, then who had it first. */
  #goesBefore(name: string, hostname: string, other: ChassisRow): boolean {
    if (other.name === hostname || name === hostname) return name === hostname;
    return this.#rows.chassis(name)?.hostname === hostname && name < other.name;
  }

  #done(name: string, error?: TransactionError): void {
    this.#pending.delete(name);
    this.#problems.replace(
      `register:${name}`,
      error
        ? [problem(name, `Southbound refused the registration: ${error.message}; it is tried again`)]
        : [],
    );
    if (error) setTimeout(() => this.reconcile(name), 1000).unref();
    this.#settled(name, error);
  }

  #checkEncaps(config: ChassisConfig): void {
    for (const { type, ip } of config.encaps) {
      const other = this.#rows.encapAt(type, ip)?.chassis_name ?? config.name;
      if (other === config.name) continue;
      const message = `${type} ${ip} of chassis ${config.name} belongs to chassis ${other} in Southbound; give one of them another ovn-encap-ip, or delete the stale row with: ovn-sbctl chassis-del ${other}`;
      this.#problems.replace(`encap:${config.name}`, [problem(config.name, message, 'Encap')]);
      throw new EncapConflict(message);
    }
    this.#problems.replace(`encap:${config.name}`, []);
  }

  #isRegistered(registration: Registration): boolean {
    const { name, hostname, transportZones } = registration.config;
    const chassis = this.#rows.chassis(name);
    if (!chassis || chassis.hostname !== this.#hostname(name, hostname)) return false;
    if (this.#rows.chassisPrivate(name)?.chassis !== chassis._uuid) return false;
    if (!sameSet(chassis.transport_zones ?? [], transportZones)) return false;
    if (!sameSet(this.#encapsOf(chassis).map(encapText), registration.config.encaps.map(wantedText)))
      return false;
    return this.#configMutations(chassis, registration).length === 0;
  }

  #build(transaction: Transaction, registration: Registration): void {
    if (this.#isRegistered(registration)) return;
    const { config, nbCfg } = registration;
    const chassis = this.#rows.chassis(config.name);
    const present = new Map(chassis ? this.#encapsOf(chassis).map((row) => [encapText(row), row._uuid]) : []);
    const encaps = config.encaps.map(
      (encap) => present.get(wantedText(encap)) ?? this.#adopt(transaction, config.name, encap),
    );
    const hostname = this.#hostname(config.name, config.hostname);
    const columns = { hostname, encaps, transport_zones: config.transportZones };
    let reference: unknown = chassis?._uuid;
    if (chassis) {
      transaction.update('Chassis', [byUuid(chassis._uuid)], columns);
      const mutations = this.#configMutations(chassis, registration);
      if (mutations.length > 0) transaction.mutate('Chassis', [byUuid(chassis._uuid)], mutations);
    } else {
      reference = transaction.insert('Chassis', {
        name: config.name,
        ...columns,
        other_config: this.#otherConfig(registration),
        external_ids: mirrored(this.#otherConfig(registration)),
      });
    }
    const own = this.#rows.chassisPrivate(config.name);
    if (own) transaction.update('Chassis_Private', [byUuid(own._uuid)], { chassis: reference });
    else
      transaction.insert('Chassis_Private', {
        name: config.name,
        chassis: reference,
        // A chassis that joins has no ports yet, so it has applied what there is. Neutron must not see it start at 0
        // when others are further: it would ignore the first change (reference/neutron.md §3a, trap 2).
        nb_cfg: nbCfg ?? this.#rows.nbCfg(),
        nb_cfg_timestamp: Date.now(),
      });
  }

  /** The Encap row of this (type, ip) with its options put right, or a new one. */
  #adopt(transaction: Transaction, chassis: string, encap: Encap): unknown {
    const options = new Map([['csum', String(encap.csum)]]);
    if (encap.isDefault) options.set('is_default', 'true');
    const row = this.#rows.encapAt(encap.type, encap.ip);
    if (!row)
      return transaction.insert('Encap', { type: encap.type, ip: encap.ip, chassis_name: chassis, options });
    transaction.update('Encap', [byUuid(row._uuid)], { options, chassis_name: chassis });
    return row._uuid;
  }

  #encapsOf(chassis: ChassisRow): EncapRow[] {
    return chassis.encaps.map((uuid) => this.#rows.encap(uuid)).filter((row) => row !== undefined);
  }

  #otherConfig(registration: Registration): Map<string, string> {
    return new Map([
      ...Object.entries(stockOtherConfig),
      ...Object.entries(registration.config.otherConfig),
      ...this.#rows.features(),
      [ownChassisKey, String(registration.abi)],
    ]);
  }

  #configMutations(chassis: ChassisRow, registration: Registration) {
    const wanted = this.#otherConfig(registration);
    // As ovn-controller, this owns the whole of other_config: a key from another release would promise what is not so.
    const other = mapMutations('other_config', chassis.other_config, wanted, (key) => !wanted.has(key));
    const mirror = mirrored(wanted);
    const isMirrored = (key: string) =>
      (mirroredToExternalIds as readonly string[]).includes(key) && !mirror.has(key);
    return [...other, ...mapMutations('external_ids', chassis.external_ids, mirror, isMirrored)];
  }
}

function mirrored(otherConfig: ReadonlyMap<string, string>): Map<string, string> {
  const pairs = mirroredToExternalIds.map((key) => [key, otherConfig.get(key) ?? ''] as const);
  return new Map(pairs.filter(([, value]) => value !== ''));
}

function encapText(row: EncapRow): string {
  return `${row.type} ${row.ip} ${row.options.get('csum') ?? ''} ${row.options.get('is_default') === 'true'}`;
}

function wantedText(encap: Encap): string {
  return `${encap.type} ${encap.ip} ${encap.csum} ${encap.isDefault ?? false}`;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join('\n') === [...b].sort().join('\n');
}

function problem(name: string, message: string, table = 'Chassis') {
  return { where: 'Southbound', table, name, node: name, message };
}

function says(row: ChassisPrivateRow | undefined, nbCfg: bigint): boolean {
  return row !== undefined && BigInt(row.nb_cfg) === nbCfg;
}
