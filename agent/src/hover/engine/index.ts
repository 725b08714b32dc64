import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import { features } from '@iovisor-ovn/libbpf';
import { Damages } from '../../datapath/audit/damages.js';
import type { HookChoice } from '../../datapath/index.js';
import type { Log, Netlink } from '../../netlink/index.js';
import type { CompilerOptions } from '../compile/compiler.js';
import { KernelHoverEngine } from './engine.js';
import type { HoverEngine } from './hoverEngine.js';
import { ClsactInterfaceHook, TcxInterfaceHook } from './interfaceHook.js';
import { hoverDirectory } from './leftovers.js';

export * from './hoverEngine.js';
export { INTERNAL } from './internalDevice.js';
export { hoverDirectory, removeLeftovers } from './leftovers.js';

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface HoverEngineOptions {
  /** The agent's directory in a BPF file system; maps are pinned in `v<abi>/hover` below it. */
  bpffs: string;
  /** Started: tells which devices there are, and makes the engine's own. */
  netlink: Netlink;
  /** How to attach to interfaces. `auto`, the default, is clsact: TCX holds the caller, and all who change devices, for 10 ms. */
  hook?: HookChoice;
  compiler?: CompilerOptions;
  /** Are told what others took off interfaces. Default: it is only put back. */
  damages?: Damages;
  /** From one look at all interfaces to the next, ms; default: ten seconds. */
  beatMs?: number;
  /** Default: nothing is said. */
  log?: Log;
}

/**
 * Loads what is round user modules into the kernel, and removes what an engine that was killed has left there. One per network
 * namespace.
 * @throws Error when TCX is demanded of a kernel that lacks it; BpfError (EPERM, …)
 */
export async function openHoverEngine(options: HoverEngineOptions): Promise<HoverEngine> {
  const dir = hoverDirectory(options.bpffs, ABI_VERSION);
  const tcx = options.hook === 'tcx';
  if (tcx && !features().tcx) throw new Error('this kernel has no TCX: use --hook clsact or auto');
  const hook = tcx ? new TcxInterfaceHook(dir) : new ClsactInterfaceHook();
  const { netlink, compiler = {}, log = SILENT, damages = new Damages(log), beatMs } = options;
  return KernelHoverEngine.open({ netlink, hook, dir, compiler, damages, beatMs, log });
}
