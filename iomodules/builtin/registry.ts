import { nullModule } from '../null/null.js';
import type { BuiltinModule } from './module.js';

/** Every module that `module_type` can name. */
export const builtinModules: readonly BuiltinModule[] = [nullModule];
