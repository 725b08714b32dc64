import { until } from '../lab/index.js';
import { afterMarkers } from './marker.js';
import { onCable } from './ports.js';
import type { Case } from './table.js';

export type Prepare = NonNullable<Case['prepare']>;

/**
 * A machine sends a frame, and a row of the Southbound database comes to look like this: what OVN learns from traffic. The
 * frame is sent again until it does, as traffic would. Afterwards every hypervisor knows of the row.
 */
export const waitFor =
  (from: string, frame: Buffer, table: string, conditions: readonly string[]): Prepare =>
  async (stage, made) => {
    const found = () => stage.lab.central.sbctl('--bare', '--columns=_uuid', 'find', table, ...conditions);
    await until(`${table} ${conditions.join(' ')}`, async () => {
      // What it does on its way is other cases' matter.
      await sent(from, frame)(stage, made);
      return found();
    });
    await stage.lab.sync();
  };

/** A machine sends a frame. */
export const sent =
  (from: string, frame: Buffer): Prepare =>
  async (stage, made) => {
    const port = made.ports.get(from)!;
    await afterMarkers(stage.wire, made, port, [onCable(port, frame)]);
  };

/** A row of the Southbound database comes to look like this, and every hypervisor knows. */
export const becomesRow =
  (table: string, ...conditions: string[]): Prepare =>
  async ({ lab }) => {
    await until(`${table} ${conditions.join(' ')}`, () =>
      lab.central.sbctl('--bare', '--columns=_uuid', 'find', table, ...conditions),
    );
    await lab.sync();
  };

/** @throws unless there is such a row in the Southbound database, now that everything has settled */
export const expectRow =
  (table: string, ...conditions: string[]): Prepare =>
  async (stage) => {
    await stage.lab.sync();
    const rows = await stage.lab.central.sbctl('--bare', '--columns=_uuid', 'find', table, ...conditions);
    if (rows === '') throw new Error(`${table} has no row with ${conditions.join(' ')}`);
  };

/** ovn-nbctl commands that every hypervisor has applied afterwards. */
export const northbound =
  (...commands: string[]): Prepare =>
  async (stage) => {
    await stage.lab.nbctl(...commands);
    await stage.lab.sync();
  };

/** Says which ports broadcasts reach from now on, and which not. */
export const hearing =
  (now: Readonly<Record<string, boolean>>): Prepare =>
  async (_stage, made) => {
    for (const [short, hears] of Object.entries(now)) made.ports.get(short)!.deaf = !hears;
  };

export const inTurn =
  (...steps: Prepare[]): Prepare =>
  async (stage, made) => {
    for (const step of steps) await step(stage, made);
  };
