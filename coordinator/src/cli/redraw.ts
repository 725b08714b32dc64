import { clean, truncate } from './terminal.js';

const periodMs = 2000;
/** What changes fast is not drawn more often. */
const pauseMs = 300;

export interface Redraw {
  /** What is to be seen now. */
  draw: () => Promise<string>;
  /** Calls back when something changed; returns what ends it. */
  subscribe?: (onChange: () => void) => () => void;
  /** Where it is no terminal: an empty line and the time go before each but the first. */
  separate: boolean;
}

/** Draws anew until Ctrl-C (or SIGTERM): in place on a terminal, one after the other elsewhere. */
export async function redraw({ draw, subscribe, separate }: Redraw): Promise<void> {
  const screen: Screen = process.stdout.isTTY ? new Terminal() : new Roll(separate);
  const stopped = new AbortController();
  let wake: (() => void) | undefined;
  const stop = () => {
    stopped.abort();
    wake?.();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  let changed = false;
  const unsubscribe = subscribe?.(() => {
    changed = true;
    wake?.();
  });
  screen.begin();
  try {
    while (!stopped.signal.aborted) {
      changed = false;
      const text = await draw().catch((error: unknown) => `iovctl: ${clean((error as Error).message)}`);
      if (stopped.signal.aborted) break;
      screen.show(text);
      await sleep(pauseMs);
      if (!changed) await sleep(periodMs - pauseMs);
    }
  } finally {
    screen.end();
    unsubscribe?.();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  }

  function sleep(ms: number): Promise<void> {
    if (stopped.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      // Within the pause a change only counts afterwards.
      wake = () => (ms === pauseMs && !stopped.signal.aborted ? undefined : done());
      function done() {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      }
    });
  }
}

interface Screen {
  begin(): void;
  show(text: string): void;
  end(): void;
}

/** In place, as top(1) does; what does not fit below is counted. */
class Terminal implements Screen {
  begin(): void {
    process.stdout.write('\u001b[?25l\u001b[2J');
  }

  show(text: string): void {
    const { rows = 24, columns = 80 } = process.stdout;
    const lines = text.split('\n');
    const title = truncate(`${new Date().toTimeString().slice(0, 8)}  Ctrl-C ends`, columns);
    const room = rows - 2;
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
    const written = [title, ...shown].map((line) => `${line}\u001b[K`).join('\n');
    process.stdout.write(`\u001b[H${written}\u001b[J`);
  }

  end(): void {
    process.stdout.write('\u001b[?25h\n');
  }
}

/** One after the other. */
class Roll implements Screen {
  #first = true;
  readonly #separate: boolean;

  constructor(separate: boolean) {
    this.#separate = separate;
  }

  begin(): void {}

  show(text: string): void {
    if (this.#separate) console.log(`${this.#first ? '' : '\n'}# ${new Date().toISOString()}`);
    console.log(text);
    this.#first = false;
  }

  end(): void {}
}
