import { entry } from './entry/entry.js';
import { flood } from './flood/flood.js';
import type { IoModule } from './module.js';
import { neighbour } from './neighbour/neighbour.js';
import { observe } from './observe/observe.js';
import { police } from './police/police.js';
import { portsec } from './portsec/portsec.js';
import { snoop } from './snoop/snoop.js';
import { switchModule } from './switch/switch.js';
import { tooBig } from './toobig/toobig.js';
import { tunnel } from './tunnel/tunnel.js';

/** Every module, in the order of the chain. */
export const modules: readonly IoModule[] = [
  entry,
  portsec,
  police,
  observe,
  switchModule,
  snoop,
  neighbour,
  flood,
  tunnel,
  tooBig,
];
