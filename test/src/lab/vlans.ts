import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.js';
import type { Netns } from './netns.js';
import { checkout } from './program.js';

/** Number of the first VLAN's device, as the program has it. */
const first = 1000;

/**
 * Gives `inner` an eth0 that is VLAN `tag` of `trunk`'s eth0, as a vlan device would be: the kernel may lack 8021q. The
 * program is compiled into `directory`.
 */
export async function addVlan(trunk: Netns, tag: number, inner: Netns, directory: string): Promise<void> {
  const index = Number(/^(\d+):/.exec(await trunk.exec('ip', '-o', 'link', 'show', 'eth0'))![1]);
  const object = await compiled(index, directory);
  const vlan = `vlan${tag}`;
  await trunk.ip(
    `link add ${vlan} index ${first + tag} type veth peer name eth0 netns ${inner.name}`,
    `link set ${vlan} up`,
  );
  await attach(trunk, vlan, object, 'to_trunk');
  const qdiscs = await trunk.exec('tc', 'qdisc', 'show', 'dev', 'eth0');
  if (!qdiscs.includes('clsact')) await attach(trunk, 'eth0', object, 'from_trunk');
}

async function compiled(trunkIndex: number, directory: string): Promise<string> {
  const object = join(directory, `vlan-${trunkIndex}.o`);
  if (existsSync(object)) return object;
  const source = join(checkout, 'agent/src/testsupport/vlan.bpf.c');
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const flags = ['-target', 'bpf', '-O2', '-g', '-Wall', '-Werror', `-I/usr/include/${triple}`];
  await command(['clang', ...flags, `-DTRUNK=${trunkIndex}`, '-c', source, '-o', object]);
  return object;
}

async function attach(netns: Netns, device: string, object: string, program: string): Promise<void> {
  await netns.exec('tc', 'qdisc', 'add', 'dev', device, 'clsact');
  const bpf = ['bpf', 'direct-action', 'object-file', object, 'program', program];
  await netns.exec('tc', 'filter', 'add', 'dev', device, 'ingress', ...bpf);
}
