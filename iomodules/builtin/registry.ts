import { l2switch } from '../l2switch/l2switch.js';
import { mirror } from '../mirror/mirror.js';
import { nullModule } from '../null/null.js';
import { policer } from '../policer/policer.js';
import { router } from '../router/router.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [l2switch, mirror, nullModule, policer, router];
