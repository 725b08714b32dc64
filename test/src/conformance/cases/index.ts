import type { Scenario } from '../table.js';
import { layer2 } from './layer2.js';
import { lists } from './lists.js';
import { neighbours } from './neighbours.js';
import { receiver } from './receiver.js';
import { sender } from './sender.js';
import { unknown } from './unknown.js';
import { vlan } from './vlan.js';

/** The whole table. */
export const scenarios: readonly Scenario[] = [layer2, neighbours, unknown, vlan, sender, receiver, lists];
