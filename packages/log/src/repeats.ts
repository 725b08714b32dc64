/** How long the same is not said again. */
const quietMs = 60_000;
/** So many different lines are remembered, and none that is longer. */
const most = 500;
const longest = 4096;
/** pino's number of "warn": below that a line is news, and what repeats is not logged at all. */
const least = 40;

interface Said {
  line: string;
  times: number;
  timer: NodeJS.Timeout;
}

/** Lets a warning or an error through once a minute, and says afterwards how often it came. */
export class Repeats {
  readonly #write: (line: string) => void;
  readonly #quietMs: number;
  readonly #said = new Map<string, Said>();

  constructor(write: (line: string) => void, quiet = quietMs) {
    this.#write = write;
    this.#quietMs = quiet;
  }

  /** Takes a JSON line of pino. */
  take(line: string): void {
    const key = keyOf(line);
    const said = key === undefined ? undefined : this.#said.get(key);
    if (said) {
      said.line = line;
      said.times++;
      return;
    }
    this.#write(line);
    if (key !== undefined) this.#remember(key, line);
  }

  /** Says at once what was held back. */
  flush(): void {
    for (const key of [...this.#said.keys()]) this.#over(key);
  }

  #remember(key: string, line: string): void {
    if (this.#said.size >= most) this.#over(this.#said.keys().next().value!);
    const timer = setTimeout(() => this.#over(key), this.#quietMs).unref();
    this.#said.set(key, { line, times: 0, timer });
  }

  #over(key: string): void {
    const said = this.#said.get(key);
    if (!said) return;
    clearTimeout(said.timer);
    this.#said.delete(key);
    if (said.times === 0) return;
    const again = said.line.replace(/\}\s*$/, `,"repeated":${said.times}}\n`);
    this.#write(again);
    // It goes on: the next minute is quiet, too.
    this.#remember(key, again);
  }
}

/** The line without its time; undefined: not to be held back. */
function keyOf(line: string): string | undefined {
  const level = /^\{"level":(\d+),"time":\d+/.exec(line);
  if (!level || Number(level[1]) < least || line.length > longest) return undefined;
  return level[1] + line.slice(level[0].length);
}
