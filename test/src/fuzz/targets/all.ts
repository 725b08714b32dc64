import { chainTargets } from './chain.js';
import { deltaTarget } from './deltas.js';
import { grpcTarget } from './grpc.js';
import { hoverModuleTargets } from './hoverModules.js';
import { hoverTarget } from './hoverRest.js';
import { ovsdbTarget } from './ovsdb.js';
import type { Target } from './target.js';
import { yamlTarget } from './yaml.js';

/** Everything of ours that takes input from others. */
export const targets: readonly Target[] = [
  ovsdbTarget,
  grpcTarget,
  deltaTarget,
  hoverTarget,
  yamlTarget,
  // Last: they leave this process in a network namespace of its own.
  ...chainTargets,
  ...hoverModuleTargets,
];
