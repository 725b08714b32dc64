import { Client, Replica } from '@iovisor-ovn/ovsdb-client';
import type { Open_vSwitchTables } from '../../gen/vswitch.js';
import { RecordingLog } from '../../netlink/testsupport/recordingLog.js';

/** Watches external_ids:ovn-installed of one interface from outside, as a CNI plugin does. */
export class Marks {
  /** What was seen, in order: `true` or `none`, with the ifindex that the row had then. */
  readonly seen: string[] = [];
  readonly #client: Client;
  readonly #replica: Replica<Pick<Open_vSwitchTables, 'Interface'>>;

  constructor(remote: string, name: string) {
    this.#client = new Client({ remotes: remote, database: 'Open_vSwitch', log: new RecordingLog() });
    const columns = ['name', 'external_ids', 'ifindex'];
    this.#replica = new Replica<Pick<Open_vSwitchTables, 'Interface'>>(this.#client, {
      tables: { Interface: { columns } },
    });
    this.#replica.on('change', (batch) => {
      for (const { row } of batch) {
        if (row?.name !== name) continue;
        const text = `${row.external_ids.get('ovn-installed') ?? 'none'} ${row.ifindex}`;
        if (this.seen.at(-1) !== text) this.seen.push(text);
      }
    });
  }

  /** Begins; what the interface has now is the first that is seen. */
  async start(): Promise<void> {
    this.#client.start();
    this.#replica.start();
    await this.#replica.ready;
  }

  /** Resolves when the last that was seen is this. */
  async until(text: string): Promise<void> {
    while (this.seen.at(-1) !== text)
      await new Promise<void>((resolve) => this.#replica.once('change', () => resolve()));
  }

  async stop(): Promise<void> {
    this.#replica.stop();
    await this.#client.close();
  }
}
