import type { Scenario } from '../table.js';
import { activation, twoChassis } from './chassis.js';
import { down } from './down.js';
import { dynamic } from './dynamic.js';
import { external } from './external.js';
import { l2gateway, l2gatewayTagged } from './l2gateway.js';
import { layer2 } from './layer2.js';
import { learning } from './learning.js';
import { lists } from './lists.js';
import { localnetFlat, localnetTagged } from './localnet.js';
import { localport, localportAndLocalnet } from './localport.js';
import { multicast, multicastFlooded } from './multicast.js';
import { neighbours } from './neighbours.js';
import { nested, subports } from './nested.js';
import { passthruFlat, passthruTagged } from './passthruLocalnet.js';
import { receiver } from './receiver.js';
import { sender } from './sender.js';
import { unknown } from './unknown.js';
import { virtual } from './virtual.js';
import { vlan } from './vlan.js';
import { vrrp } from './vrrp.js';

/** What runs on stock, and on ours in npm test. `down` last: it concerns all switches. */
export const scenarios: readonly Scenario[] = [
  layer2,
  neighbours,
  unknown,
  vlan,
  sender,
  receiver,
  lists,
  vrrp,
  localport,
  nested,
  subports,
  virtual,
  twoChassis,
  activation,
  learning,
  multicast,
  multicastFlooded,
  localnetFlat,
  localnetTagged,
  localportAndLocalnet,
  l2gateway,
  l2gatewayTagged,
  external,
  passthruFlat,
  passthruTagged,
  dynamic,
  down,
];

/** Recorded on stock, while ours is being written: `--pending`. What works moves into `scenarios`. */
export const pending: readonly Scenario[] = [];
