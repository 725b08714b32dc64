import { type Family, family, Histogram } from '@iovisor-ovn/exposition';
import type { IntentTimes } from '../session/intent-clock.js';
import { coordinatorMetrics } from './definitions.js';

/** Upper bounds, seconds. */
export const latencyBounds = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long changes take from the databases to the data planes. */
export class IntentLatency {
  readonly #whole = new Histogram(latencyBounds);
  readonly #phases = {
    compile: new Histogram(latencyBounds),
    wait: new Histogram(latencyBounds),
    send: new Histogram(latencyBounds),
    apply: new Histogram(latencyBounds),
  };

  observe({ event, marked, flushed, sent, acknowledged }: IntentTimes): void {
    const seconds = (from: number, to: number) => Math.max(0, to - from) / 1000;
    this.#whole.observe(seconds(event, acknowledged));
    this.#phases.compile.observe(seconds(event, marked));
    this.#phases.wait.observe(seconds(marked, flushed));
    this.#phases.send.observe(seconds(flushed, sent));
    this.#phases.apply.observe(seconds(sent, acknowledged));
  }

  *families(): Generator<Family> {
    const phases = Object.entries(this.#phases);
    yield family(coordinatorMetrics.intent_seconds, this.#whole.samples());
    yield family(
      coordinatorMetrics.intent_phase_seconds,
      phases.flatMap(([phase, histogram]) => [...histogram.samples({ phase })]),
    );
  }
}
