import { l2switch } from '../l2switch/l2switch.js';
import { nullModule } from '../null/null.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [l2switch, nullModule];
