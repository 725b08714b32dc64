import { dhcp } from '../dhcp/dhcp.js';
import { nat } from '../nat/nat.js';
import { nullModule } from '../null/null.js';
import { onetoonenat } from '../onetoonenat/onetoonenat.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [
  nullModule,
  nat,
  onetoonenat,
  dhcp,
];
