import { type Logger, pino } from 'pino';
import { pretty } from './pretty.js';
import { Repeats } from './repeats.js';

/** How long a line may wait for others, ms. */
const patienceMs = 20;
/** So many bytes are written at once. */
const enoughBytes = 1 << 13;

export interface LogOptions {
  /** Least severe level to log. */
  level: string;
  /** Fields of every line, such as {name: 'iovisor-agent'}. */
  base: Record<string, unknown>;
  /** 1: standard output (default), 2: standard error. */
  fd?: 1 | 2;
}

/**
 * The daemon's log: JSON lines; on a terminal for people. Lines are formatted at once and written a moment later, together: each
 * write wakes another thread, which would take the processor from those who wait for the change that the line is about. At exit
 * nothing is lost.
 */
export function openLog({ level, base, fd = 1 }: LogOptions): Logger {
  const { isTTY } = fd === 1 ? process.stdout : process.stderr;
  const colours = !process.env.NO_COLOR;
  const output = pino.destination({ fd, sync: false, minLength: enoughBytes });
  let timer: NodeJS.Timeout | undefined;
  const later = () => {
    timer = undefined;
    output.flush();
  };
  const repeats = new Repeats((line) => {
    output.write(isTTY ? pretty(line, colours) : line);
    if (timer === undefined) timer = setTimeout(later, patienceMs).unref();
  });
  const stream = {
    write: (line: string) => repeats.take(line),
    flushSync: () => {
      repeats.flush();
      output.flushSync();
    },
  };
  return pino({ level, base }, stream);
}
