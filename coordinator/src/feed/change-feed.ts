import { type Problem, WatchEvent } from '@iovisor-ovn/proto';
import type { ChassisRow, PortBindingRow, SouthboundChange } from '../monitor/rows.js';

/** One who wants to hear of what changes. */
export interface Watcher {
  /** Takes an event. Must not throw, and must not wait. */
  event(event: WatchEvent): void;
  /** There will be no more. */
  closed(reason: string): void;
}

type Said = Partial<Omit<WatchEvent, 'time'>> & Pick<WatchEvent, 'kind' | 'event' | 'message'>;

/** What changes, told to those who watch. While nobody does, it costs a comparison. */
export class ChangeFeed {
  readonly #watchers = new Set<Watcher>();
  readonly #nameOf: (chassisUuid: string) => string;
  #leading = false;
  readonly #databases = new Map<string, boolean>();

  /** @param nameOf name of the chassis whose row it is */
  constructor(nameOf: (chassisUuid: string) => string) {
    this.#nameOf = nameOf;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Ends all watchers. */
  close(reason: string): void {
    for (const watcher of [...this.#watchers]) watcher.closed(reason);
    this.#watchers.clear();
  }

  leadership(leading: boolean): void {
    if (this.#leading === leading) return;
    this.#leading = leading;
    if (leading) this.#tell({ kind: 'coordinator', event: 'leading', message: 'this coordinator leads' });
    else
      this.#tell({
        kind: 'coordinator',
        event: 'standby',
        message: 'this coordinator does not lead any more',
      });
  }

  database(name: string, connected: boolean): void {
    if (this.#databases.get(name) === connected) return;
    this.#databases.set(name, connected);
    const event = connected ? 'connected' : 'disconnected';
    const message = connected ? `${name} is connected, its rows are current` : `${name} is not connected`;
    this.#tell({ kind: 'database', event, name, message });
  }

  session(event: 'connected' | 'disconnected', node: string, peer: string): void {
    const from = event === 'connected' ? 'from' : 'was at';
    this.#tell({ kind: 'node', event, name: node, node, message: `its agent is ${event} (${from} ${peer})` });
  }

  commit(node: string, revision: number, nbCfg: bigint, milliseconds: number): void {
    if (this.#watchers.size === 0) return;
    const message = `revision ${revision}${nbCfg > 0n ? `, nb_cfg ${nbCfg}` : ''} applied in ${milliseconds.toFixed(1)} ms`;
    const numbers = { revision: BigInt(revision), nbCfg, milliseconds };
    this.#tell({ kind: 'commit', event: 'applied', name: node, node, message, ...numbers });
  }

  problem(event: 'found' | 'solved', { where, table, name, uuid, column, node, message }: Problem): void {
    if (this.#watchers.size === 0) return;
    const place = [where, table, name || uuid, column].filter(Boolean).join(' ');
    this.#tell({ kind: 'problem', event, name: name || uuid, node, message: `${place}: ${message}` });
  }

  southbound(change: SouthboundChange): void {
    if (this.#watchers.size === 0) return;
    if (change.table === 'Port_Binding') this.#port(change.row, change.old);
    if (change.table === 'Chassis') this.#chassis(change.row, change.old);
  }

  #chassis(row?: ChassisRow, old?: ChassisRow): void {
    if (row?.name === old?.name) return;
    if (old) this.#registered('unregistered', old);
    if (row) this.#registered('registered', row);
  }

  #registered(event: 'registered' | 'unregistered', { name, hostname }: ChassisRow): void {
    const message =
      event === 'registered' ? `registered in Southbound (${hostname})` : 'gone from Southbound';
    this.#tell({ kind: 'node', event, name, node: name, message });
  }

  #port(row?: PortBindingRow, old?: PortBindingRow): void {
    const { logical_port: name, type } = (row ?? old)!;
    const place = (one?: PortBindingRow) => (one?.chassis === undefined ? '' : this.#nameOf(one.chassis));
    const [now, before] = [place(row), place(old)];
    const say = (event: string, message: string, node = now || before) =>
      this.#tell({ kind: 'port', event, name, node, message });
    if (row && !old)
      say('created', type === '' ? 'has a Port_Binding' : `has a Port_Binding of type ${type}`);
    if (row && now !== before && before !== '' && now === '') say('unbound', `not on ${before} any more`);
    if (row && now !== before && now !== '')
      say('bound', before === '' ? `on ${now}` : `on ${now}, before on ${before}`);
    if (row && (row.up === true) !== (old?.up === true))
      say(row.up === true ? 'up' : 'down', upText(row, now));
    if (!row) say('deleted', 'its Port_Binding is gone');
  }

  #tell(said: Said): void {
    if (this.#watchers.size === 0) return;
    const event = WatchEvent.create({ ...said, time: new Date().toISOString() });
    for (const watcher of [...this.#watchers]) watcher.event(event);
  }
}

function upText({ up }: PortBindingRow, node: string): string {
  if (up !== true) return 'does not forward';
  return node === '' ? 'forwards' : `forwards on ${node}`;
}
