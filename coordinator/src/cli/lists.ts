import { drops } from './drops.js';
import type { ListSpec } from './list-command.js';
import { modules } from './modules.js';
import { nodes } from './nodes.js';
import { ports } from './ports.js';
import { problems } from './problems.js';
import { routers } from './routers.js';
import { switches } from './switches.js';
import { tunnels } from './tunnels.js';

/** Lists of different rows, in one array. */
// biome-ignore lint/suspicious/noExplicitAny: each is consistent in itself, and nothing looks into a row
export type AnyList = ListSpec<any, any>;

/** All lists, in the order in which one reads them. */
export const lists: readonly AnyList[] = [nodes, switches, routers, ports, tunnels, modules, drops, problems];
