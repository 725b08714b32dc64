import type { Action } from './action.js';
import { agentActions } from './agents.js';
import { coordinatorActions } from './coordinators.js';
import { databaseActions } from './databases.js';
import { deviceActions } from './devices.js';
import { kernelActions } from './kernel.js';
import { networkActions } from './network.js';
import { portActions } from './ports.js';
import { switchActions } from './switches.js';

/** All that can happen. */
export const actions: readonly Action[] = [
  ...agentActions,
  ...coordinatorActions,
  ...databaseActions,
  ...deviceActions,
  ...kernelActions,
  ...networkActions,
  ...portActions,
  ...switchActions,
];
