import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { removeDirectory } from '../../datapath/pins.js';
import type { Link, LinkWriter } from '../../netlink/index.js';
import { ClsactInterfaceHook, removeLink } from './interfaceHook.js';
import { INTERNAL } from './internalDevice.js';
import { undoPromiscuity } from './promiscuity.js';

/** Where an engine pins its maps and links. */
export function hoverDirectory(bpffs: string, abi: number): string {
  return join(bpffs, `v${abi}`, 'hover');
}

/** Devices of this network namespace. */
export interface Devices {
  links: Iterable<Link>;
  writer: Pick<LinkWriter, 'remove' | 'setPromiscuous'>;
}

export interface RemovedLeftovers {
  /** Programs taken off interfaces. */
  attachments: number;
  /** Pinned maps and links. */
  pins: number;
}

/** Takes off what an engine that was not closed has left: filters, links, pins, its device. Nothing there is no error. */
export function removeLeftovers(dir: string, { links, writer }: Devices): RemovedLeftovers {
  const removed = { attachments: 0, pins: 0 };
  const clsact = new ClsactInterfaceHook();
  for (const { ifindex, name } of links) {
    for (const direction of ['ingress', 'egress'] as const)
      if (clsact.detach(ifindex, direction)) removed.attachments++;
    if (name === INTERNAL.out) writer.remove(ifindex);
  }
  for (const name of entriesOf(dir)) {
    if (undoPromiscuity(dir, name, writer)) continue;
    if (name.startsWith('link_')) {
      removeLink(join(dir, name));
      removed.attachments++;
    } else unlinkSync(join(dir, name));
    removed.pins++;
  }
  removeDirectory(dir);
  return removed;
}

/** removeLeftovers() of every version of the ABI: for `iovisor-agent --cleanup`. */
export function cleanUpHover(bpffs: string, devices: Devices): RemovedLeftovers {
  const removed = removeLeftovers(join(bpffs, 'none'), devices);
  for (const version of entriesOf(bpffs).filter((name) => /^v\d+$/.test(name))) {
    const more = removeLeftovers(join(bpffs, version, 'hover'), { ...devices, links: [] });
    removed.attachments += more.attachments;
    removed.pins += more.pins;
  }
  return removed;
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
