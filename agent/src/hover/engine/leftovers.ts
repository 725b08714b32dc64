import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { removeDirectory } from '../../datapath/pins.js';
import type { Link, LinkWriter } from '../../netlink/index.js';
import { ClsactInterfaceHook, removeLink } from './interfaceHook.js';
import { INTERNAL } from './internalDevice.js';

/** Where an engine pins its maps and links. */
export function hoverDirectory(bpffs: string, abi: number): string {
  return join(bpffs, `v${abi}`, 'hover');
}

/**
 * Takes off what an engine that was not closed has left: filters, links, pins, its device. Nothing there is no error.
 * @returns how many pins and programs on interfaces it was
 */
export function removeLeftovers(
  dir: string,
  { links, writer }: { links: Iterable<Link>; writer: Pick<LinkWriter, 'remove'> },
): number {
  let removed = 0;
  const clsact = new ClsactInterfaceHook();
  for (const { ifindex, name } of links) {
    for (const direction of ['ingress', 'egress'] as const) if (clsact.detach(ifindex, direction)) removed++;
    if (name === INTERNAL.out) writer.remove(ifindex);
  }
  for (const name of pinned(dir)) {
    if (name.startsWith('link_')) removeLink(join(dir, name));
    else unlinkSync(join(dir, name));
    removed++;
  }
  removeDirectory(dir);
  return removed;
}

function pinned(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
