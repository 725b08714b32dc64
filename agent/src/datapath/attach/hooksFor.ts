import { features } from '@iovisor-ovn/libbpf';
import type { Loaded } from '../load.js';
import { ClsactHook } from './clsactHook.js';
import type { Hook } from './hook.js';
import { TcxHook } from './tcxHook.js';

export type HookChoice = 'auto' | Hook['name'];

/** @throws Error when TCX is demanded of a kernel that lacks it */
export function hooksFor(
  choice: HookChoice,
  { pins, mapIds, succession }: Pick<Loaded, 'pins' | 'mapIds' | 'succession'>,
): { hook: Hook; others: Hook[]; stopgap: Hook | undefined } {
  const tcx = new TcxHook(pins, succession);
  const clsact = new ClsactHook(mapIds, succession);
  if (choice === 'tcx' && !features().tcx)
    throw new Error('this kernel has no TCX: use --hook clsact or auto');
  const useTcx = choice === 'tcx' || (choice === 'auto' && features().tcx);
  if (!useTcx) return { hook: clsact, others: [tcx], stopgap: undefined };
  return { hook: tcx, others: [clsact], stopgap: choice === 'auto' ? clsact : undefined };
}
