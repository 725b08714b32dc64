import { dhcp } from '../dhcp/dhcp.js';
import { l2switch } from '../l2switch/l2switch.js';
import { mirror } from '../mirror/mirror.js';
import { nat } from '../nat/nat.js';
import { nullModule } from '../null/null.js';
import { onetoonenat } from '../onetoonenat/onetoonenat.js';
import { policer } from '../policer/policer.js';
import { router } from '../router/router.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [
  dhcp,
  l2switch,
  mirror,
  nat,
  nullModule,
  onetoonenat,
  policer,
  router,
];
