import { join } from 'node:path';
import { otherBuild } from '../faults/otherBuild.js';
import { program } from '../lab/program.js';

/** Builds of the agent between which a hypervisor goes to and fro. */
export const buildNames = ['its own maps and programs', 'other programs', 'maps of another version'] as const;
export type BuildName = (typeof buildNames)[number];

/** Command lines of the agents, without flags. */
export type Builds = Readonly<Record<BuildName, readonly string[]>>;

/** Makes them in a directory. */
export async function makeBuilds(directory: string): Promise<Builds> {
  const [programs, maps] = await Promise.all([
    otherBuild(join(directory, 'build-programs'), { code: true }),
    otherBuild(join(directory, 'build-maps'), { abi: 99 }),
  ]);
  return {
    'its own maps and programs': program('agent', 'iovisor-agent'),
    'other programs': programs,
    'maps of another version': maps,
  };
}
