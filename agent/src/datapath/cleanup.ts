import { TcFilter } from '@iovisor-ovn/libbpf';
import { ClsactHook } from './attach/clsactHook.js';
import type { Hook } from './attach/hook.js';
import { TcxHook } from './attach/tcxHook.js';
import { Pins, removeDirectory, versionsIn } from './pins.js';

/** What was found and removed. */
export interface CleanedUp {
  /** Programs taken off devices. */
  attachments: number;
  /** Pinned maps, links and programs. */
  pins: number;
}

/**
 * Removes everything an agent with this bpffs directory ever pinned or attached, of every ABI version: clsact filters, links,
 * programs, maps, and the directories. Nothing there is no error.
 * @param devices all devices of this network namespace
 */
export async function cleanup(bpffs: string, devices: Iterable<number>): Promise<CleanedUp> {
  const all = [...devices];
  const done = { attachments: 0, pins: 0 };
  const versions = versionsIn(bpffs);
  const pinned = versions.map((abi) => new Pins(bpffs, abi));
  const maps = new Set(pinned.flatMap((pins) => pins.mapIds()));
  const hooks: Hook[] = [new ClsactHook(maps), ...pinned.map((pins) => new TcxHook(pins))];
  const devicesOfOurs = new Set<number>();
  for (const hook of hooks) {
    for (const role of ['entry', 'uplink'] as const) {
      for (const ifindex of [...hook.attached(role, all)].filter((found) => found !== undefined)) {
        await hook.release(role, ifindex);
        devicesOfOurs.add(ifindex);
        done.attachments++;
      }
    }
  }
  for (const hook of hooks) hook.close();
  // Where TCX took over from it, clsact was left empty.
  for (const ifindex of devicesOfOurs) TcFilter.removeQdiscIfUnused(ifindex);
  for (const pins of pinned) {
    done.pins += pins.list('maps').length + pins.list('links').length + pins.list('progs').length;
    pins.removeAll();
  }
  removeDirectory(bpffs);
  return done;
}
