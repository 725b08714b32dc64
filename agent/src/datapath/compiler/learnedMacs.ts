import type { LearnedMac, LogicalPort } from '@iovisor-ovn/proto';
import { iov_destCodec, iov_fdb_keyCodec } from '../abi.js';
import type { Dest } from '../compile/destination.js';
import type { Common } from './common.js';

/** A MAC that was seen behind a port leads where the port is. Without the port, or its switch, it leads nowhere. */
export class LearnedMacs {
  readonly #common: Common;
  readonly #datapathOf: (switchId: string) => number | undefined;
  /** Where packets for a port go; of those that somebody may know. */
  readonly #dests = new Map<string, Buffer>();

  constructor(common: Common, datapathOf: (switchId: string) => number | undefined) {
    this.#common = common;
    this.#datapathOf = datapathOf;
  }

  /** @param dest where packets for the port go now; undefined: nobody shall know it */
  follow(id: string, port: LogicalPort, dest: Dest | undefined): void {
    const value = dest === undefined ? undefined : iov_destCodec.encode(dest);
    const before = this.#dests.get(id);
    if (value === undefined) this.#dests.delete(id);
    else this.#dests.set(id, value);
    if (before === undefined ? value !== undefined : value === undefined || !before.equals(value)) {
      this.#common.work.touchLearnedAt(port);
    }
  }

  /** @param port undefined: it is gone */
  leave(id: string, port: LogicalPort | undefined): void {
    if (this.#dests.delete(id) && port !== undefined) this.#common.work.touchLearnedAt(port);
  }

  compile(id: string): void {
    const { claims, resources } = this.#common;
    const learned = resources.learned.get(id);
    const datapath = learned === undefined ? undefined : this.#datapathOf(learned.switchId);
    const value = learned === undefined ? undefined : this.#destOf(learned);
    if (learned === undefined || datapath === undefined || value === undefined) {
      claims.set(`learned:${id}`, 0, []);
      return;
    }
    const key = iov_fdb_keyCodec.encode({ datapath, mac: Buffer.from(learned.mac) });
    claims.set(`learned:${id}`, datapath, [{ map: 'iov_learned', key, value }]);
  }

  #destOf({ switchId, portKey }: LearnedMac): Buffer | undefined {
    const port = this.#common.resources.portWithKey(switchId, portKey);
    return port === undefined ? undefined : this.#dests.get(port);
  }
}
