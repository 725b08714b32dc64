import { dhcp } from '../dhcp/dhcp.js';
import { l2switch } from '../l2switch/l2switch.js';
import { nat } from '../nat/nat.js';
import { nullModule } from '../null/null.js';
import { onetoonenat } from '../onetoonenat/onetoonenat.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [l2switch, nullModule, nat, onetoonenat, dhcp];
