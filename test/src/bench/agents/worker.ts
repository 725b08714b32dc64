import { LightAgent } from './lightAgent.js';
import type { News, Order } from './messages.js';

/** So often at most what arrived is told. */
const TELL_MS = 50;

/** New sessions that are begun in one go: a thousand hypervisors do not start in one millisecond. */
const AT_ONCE = 20;

const agents: LightAgent[] = [];
let settled = 0;
let changes: [number: number, at: string, local: boolean][] = [];
let told = 0;

const tell = (news: News) => process.send?.(news);

const listener = {
  settled: (now: boolean) => {
    settled += now ? 1 : -1;
  },
  seen: (number: number, local: boolean) => {
    changes.push([number, String(process.hrtime.bigint()), local]);
  },
};

setInterval(() => {
  if (changes.length > 0) tell({ news: 'seen', changes });
  changes = [];
  if (settled !== told) tell({ news: 'settled', agents: settled });
  told = settled;
}, TELL_MS);

process.on('message', (order: Order) => {
  if (order.order === 'start') {
    for (const spec of order.agents) agents.push(new LightAgent(order.address, spec, listener));
    void begin();
  } else for (const agent of agents) agent.drop();
});
process.on('disconnect', () => process.exit(0));

async function begin(): Promise<void> {
  for (const [index, agent] of agents.entries()) {
    agent.connect();
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
