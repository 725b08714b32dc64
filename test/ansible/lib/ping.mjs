import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A ping every 10 ms, until it is stopped. */
export class PingSeries {
  interval = 0.01;
  #output = '';
  #heard = () => undefined;

  /** `prefix` enters the namespace of who pings. */
  constructor(prefix, address) {
    this.child = spawn(
      prefix[0],
      [...prefix.slice(1), 'ping', '-n', '-D', '-i', String(this.interval), '-W', '1', address],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.#output += text;
      if (/ bytes from /.test(text)) this.#heard();
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** Resolves with the next answer: only what is between two answers is measured. */
  answered(seconds = 60) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ping answered for ${seconds} s`)), seconds * 1000);
      this.#heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Sent, lost, and the longest time without an answer, in milliseconds. */
  async stop() {
    // nsenter waits for it, and passes no signal on.
    const { pid } = this.child;
    for (const ping of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean))
      process.kill(Number(ping), 'SIGINT');
    await this.ended;
    const at = [...this.#output.matchAll(/^\[([\d.]+)\] \d+ bytes from/gm)].map(([, time]) => Number(time));
    const [, sent, received] =
      /(\d+) packets transmitted, (\d+) received/.exec(this.#output)?.map(Number) ?? [];
    const gaps = at.slice(1).map((time, index) => time - at[index] - this.interval);
    return { sent, lost: sent - received, silentMs: Math.round(1000 * Math.max(0, ...gaps)) };
  }
}
