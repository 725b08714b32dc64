import type { ForwardingDelta } from './datapath/index.js';
import type { NbCfg, Taps } from './taps/index.js';

/** What Taps takes. */
export type InstalledSink = Pick<Taps, 'setInstalled' | 'addInstalled' | 'removeInstalled' | 'setNbCfg'>;

/** How long what changed is kept back, ms: the Ack's way to Southbound, where it matters if that is on the same machine. */
const PATIENCE_MS = 3;
/** Nobody waits for the number alone, and every commit has one: several are written as one. */
const NB_CFG_PATIENCE_MS = 100;

/**
 * What the local database hears of ports that forward and of commits in effect: after the coordinator, who waits for its
 * Ack, and once for all that happens in a few milliseconds.
 */
export class LocalAnswers {
  readonly #taps: InstalledSink;
  readonly #allNames: () => Iterable<string>;
  /** Whether a name forwards, of those that changed. */
  readonly #changed = new Map<string, boolean>();
  #nbCfg: NbCfg | undefined;
  /** All names were said; before the first full commit nobody knows them all. */
  #complete = false;
  #completeDue = false;
  #timer: NodeJS.Timeout | undefined;
  #patienceMs = 0;

  constructor(taps: InstalledSink, allNames: () => Iterable<string>) {
    this.#taps = taps;
    this.#allNames = allNames;
  }

  forwarding({ started, stopped }: ForwardingDelta): void {
    for (const name of stopped) this.#changed.set(name, false);
    for (const name of started) this.#changed.set(name, true);
    this.#flushWithin(PATIENCE_MS);
  }

  /** @param synced the data plane follows the coordinator's intents: of ports that are not named it is known, too */
  committed(nbCfg: NbCfg, synced: boolean): void {
    this.#nbCfg = nbCfg;
    this.#completeDue ||= synced && !this.#complete;
    this.#flushWithin(this.#completeDue ? PATIENCE_MS : NB_CFG_PATIENCE_MS);
  }

  #flushWithin(patienceMs: number): void {
    if (this.#timer !== undefined && this.#patienceMs <= patienceMs) return;
    clearTimeout(this.#timer);
    this.#patienceMs = patienceMs;
    this.#timer = setTimeout(() => this.flush(), patienceMs);
  }

  /** Says now what is to be said. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#completeDue) {
      this.#taps.setInstalled(new Set(this.#allNames()));
      this.#completeDue = false;
      this.#complete = true;
    } else {
      const names = (forwards: boolean) =>
        [...this.#changed].flatMap(([name, now]) => (now === forwards ? [name] : []));
      const [stopped, started] = [names(false), names(true)];
      if (stopped.length > 0) this.#taps.removeInstalled(stopped);
      if (started.length > 0) this.#taps.addInstalled(started);
    }
    this.#changed.clear();
    if (this.#nbCfg !== undefined) this.#taps.setNbCfg(this.#nbCfg);
    this.#nbCfg = undefined;
  }
}
