import type { BpfMap } from '@iovisor-ovn/libbpf';
import { iov_port_flag, iov_port_layout } from '../abi.js';
import type { Claims } from '../claims.js';
import { CONFIG_MAPS, type ConfigMap, keyBuffer, u32 } from '../entry.js';
import { Mirror, type WritableMap, type Write, type WriteCounters, type WriteFailure } from './mirror.js';
import { makePlan, type Step } from './plan.js';

/** Lets the event loop turn when its share of time is used up. */
export type Breathe = () => Promise<void>;

/** The maps of a load, as far as the writer needs them. */
export interface WriterMaps {
  config(map: ConfigMap): WritableMap;
  epochs: Pick<BpfMap, 'lookup' | 'update'>;
}

/** Brings the maps to what is claimed, in the order that is safe for packets, and writes only differences. */
export class Writer {
  readonly counters: WriteCounters = { updates: 0, deletes: 0 };
  readonly mirrors: ReadonlyMap<ConfigMap, Mirror>;
  readonly #claims: Claims;
  readonly #epochs: WriterMaps['epochs'];
  /** What could not be written and is tried again at each flush: by map and key. */
  readonly #failed = new Map<string, WriteFailure>();
  /** An agent before this one may have been killed between removals and the bump of their epochs. */
  #succeeds = true;

  constructor(claims: Claims, maps: WriterMaps) {
    this.#claims = claims;
    this.#epochs = maps.epochs;
    this.mirrors = new Map(CONFIG_MAPS.map((map) => [map, new Mirror(map, maps.config(map), this.counters)]));
  }

  /** Reads all maps. @returns keys that hold something else than was believed */
  async refresh(breathe: Breathe): Promise<Map<ConfigMap, Set<string>>> {
    const changed = new Map<ConfigMap, Set<string>>();
    for (const [map, mirror] of this.mirrors) changed.set(map, await run(mirror.refresh(), breathe));
    return changed;
  }

  /** Has every key compared at the next flush: those wanted and those there. */
  async touchAll(breathe: Breathe): Promise<void> {
    for (const [map, mirror] of this.mirrors) {
      for (const keys of [mirror.keys(), this.#claims.keys(map)]) {
        let touched = 0;
        for (const key of keys) {
          this.#claims.touch(map, key);
          if (++touched % 1024 === 0) await breathe();
        }
      }
    }
  }

  /** Writes what differs. @returns how many entries were to be written; see failures for those that were not */
  async flush(breathe: Breathe): Promise<number> {
    for (const { map, write } of this.#failed.values()) this.#claims.touch(map, write.key);
    this.#failed.clear();
    const plan = await run(makePlan(this.#claims, this.mirrors, this.#claims.takeDirty()), breathe);
    this.#claims.forgetOrphans();
    const failedUnits = new Set<string>();
    if (plan.size > 0) this.#endWhatIsRemembered();
    for (const step of plan.additions) await this.#step(step, failedUnits, breathe);
    for (const datapath of plan.epochs) this.#bump(datapath);
    for (const step of plan.removals) await this.#step(step, failedUnits, breathe);
    for (const datapath of plan.epochsAfterwards) this.#bump(datapath);
    return plan.size;
  }

  /** Before the first write: a number that it gives to another port must not be remembered as that of a port which is gone. */
  #endWhatIsRemembered(): void {
    if (!this.#succeeds) return;
    this.#succeeds = false;
    const datapaths = new Set<string>();
    for (const keys of [this.mirrors.get('iov_datapaths')!.keys(), this.#claims.keys('iov_datapaths')])
      for (const key of keys) datapaths.add(key);
    for (const key of datapaths) this.#bump(keyBuffer(key).readUInt32LE(0));
  }

  async #step({ map, writes }: Step, failedUnits: Set<string>, breathe: Breathe): Promise<void> {
    const chosen = map === 'iov_ports' ? writes.map((write) => closedIfFailed(write, failedUnits)) : writes;
    for (const failure of await run(this.mirrors.get(map)!.write(chosen), breathe)) {
      failedUnits.add(failure.write.unit);
      this.#failed.set(`${map} ${failure.write.key}`, failure);
    }
    // A port written closed is not as claimed: it stays on the list until its other entries are in.
    chosen.forEach((write, index) => {
      if (write === writes[index]) return;
      this.#failed.set(`${map} ${write.key}`, { map, write, error: new Error('a part of it is missing') });
    });
  }

  #bump(datapath: number): void {
    const key = u32(datapath);
    const epoch = this.#epochs.lookup(key)?.readUInt32LE(0) ?? 0;
    this.#epochs.update(key, u32((epoch + 1) >>> 0));
    this.counters.updates++;
  }

  /** Why an entry could not be written; undefined: it could, or nobody wants it. */
  failureAt(map: ConfigMap, key: string): Error | undefined {
    return this.#failed.get(`${map} ${key}`)?.error;
  }

  /** The first failure of each unit. */
  get failures(): ReadonlyMap<string, Error> {
    const byUnit = new Map<string, Error>();
    for (const { write, error } of this.#failed.values()) {
      if (!byUnit.has(write.unit)) byUnit.set(write.unit, error);
    }
    return byUnit;
  }
}

/** A port whose address lists could not be written whole must not pass what it has of them: it fails closed. */
function closedIfFailed(write: Write, failedUnits: ReadonlySet<string>): Write {
  if (write.value === undefined || !failedUnits.has(write.unit)) return write;
  const value = Buffer.from(write.value);
  const { flags } = iov_port_layout.offsets;
  value.writeUInt32LE(value.readUInt32LE(flags) | iov_port_flag.IOV_PORT_FAIL_CLOSED, flags);
  return { ...write, value };
}

async function run<T>(work: Generator<undefined, T>, breathe: Breathe): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await breathe();
  }
}
