import { type Logger, pino } from 'pino';

/** How long a line may wait for others, ms. */
const patienceMs = 20;
/** So many bytes are written at once. */
const enoughBytes = 1 << 13;

/**
 * The daemon's log, on standard output. Lines are formatted at once and written a moment later, together: each write wakes
 * another thread, which would take the processor from those who wait for the change that the line is about. At exit
 * nothing is lost.
 */
export function openLog(level: string): Logger {
  const output = pino.destination({ sync: false, minLength: enoughBytes });
  let timer: NodeJS.Timeout | undefined;
  const later = () => {
    timer = undefined;
    output.flush();
  };
  const stream = {
    write: (line: string) => {
      output.write(line);
      if (timer === undefined) timer = setTimeout(later, patienceMs).unref();
    },
    flushSync: () => output.flushSync(),
  };
  return pino({ level, base: { pid: process.pid } }, stream);
}
