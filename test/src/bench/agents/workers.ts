import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AgentSpec, News, Order } from './messages.js';

const program = fileURLToPath(new URL('worker.js', import.meta.url));

/** A process with simulated agents. */
export class Worker {
  readonly agents: readonly AgentSpec[];
  /** Of them, those with all they need. */
  settled = 0;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();

  /** `seen` hears of every numbered change that reached an agent, with the time in ns of CLOCK_MONOTONIC. */
  constructor(agents: readonly AgentSpec[], seen: (number: number, at: bigint, local: boolean) => void) {
    this.agents = agents;
    this.#child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (news: News) => {
      if (news.news === 'settled') this.settled = news.agents;
      else for (const [number, at, local] of news.changes) seen(number, BigInt(at), local);
      for (const look of [...this.#listeners]) look();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  start(address: string): void {
    this.#order({ order: 'start', address, agents: this.agents });
  }

  /** All sessions break off at once. */
  drop(): void {
    this.#order({ order: 'drop' });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Calls `listener` when there is news. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #order(order: Order): void {
    this.#child.send(order);
  }
}

/** Resolves when all agents of these workers have settled, or are no more settled when `settled` is false. */
export async function untilSettled(workers: readonly Worker[], seconds: number): Promise<void> {
  const isDone = () => workers.every((worker) => worker.settled === worker.agents.length);
  if (isDone()) return;
  await new Promise<void>((resolve, reject) => {
    const end = (result: () => void) => {
      clearTimeout(late);
      for (const off of offs) off();
      result();
    };
    const offs = workers.map((worker) => worker.onNews(() => isDone() && end(resolve)));
    const late = setTimeout(() => {
      const settled = workers.map((worker) => `${worker.settled}/${worker.agents.length}`).join(', ');
      end(() => reject(new Error(`agents settled after ${seconds} s: ${settled}`)));
    }, seconds * 1000);
  });
}
