import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { ip } from '../../netlink/testsupport/privateNetns.js';
import { until } from '../../netlink/testsupport/until.js';

/** A machine on the other side of a NIC: a veth whose other end, eth0, is in a namespace of its own. */
export class Host {
  readonly #name: string;

  constructor(nic: string, address: string) {
    this.#name = `taps-${process.pid}-${nic}`;
    ip(`netns add ${this.#name}`);
    ip(`link add ${nic} type veth peer name eth0 netns ${this.#name}`);
    ip(`link set ${nic} up`);
    this.namespace('link set eth0 up');
    this.namespace(`address add ${address} dev eth0`);
  }

  /** Runs ip(8) there. */
  namespace(words: string): string {
    return ip(`-n ${this.#name} ${words}`);
  }

  /** Whether each of `count` pings is answered within a second. */
  pings(address: string, count = 2): boolean {
    const words = ['netns', 'exec', this.#name, 'ping', '-c', `${count}`, '-i', '0.02', '-W', '1', address];
    try {
      execFileSync('ip', words, { stdio: 'pipe' });
      return true;
    } catch {
      return false;
    }
  }

  /** Pings every 2 ms until stopped, resolves with the first answer. `stop` tells how many were not answered, of at least ten. */
  async startPings(address: string): Promise<{ stop(): Promise<number> }> {
    const words = ['netns', 'exec', this.#name, 'ping', '-i', '0.002', '-W', '1', address];
    const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const told = new EventEmitter<{ line: [] }>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      told.emit('line');
    });
    await until(told, ['line'], () => /icmp_seq=1 /.test(output));
    const stop = async () => {
      await until(told, ['line'], () => /icmp_seq=\d\d /.test(output));
      const closed = once(child, 'close');
      child.kill('SIGINT');
      await closed;
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
      // The last one may still be on its way when ping is told to stop.
      return Math.max(0, Number(sent) - Number(received) - 1);
    };
    return { stop };
  }

  remove(): void {
    // The kernel takes a namespace apart when it likes; the next host wants the name of the NIC at once.
    this.namespace('link del eth0');
    ip(`netns del ${this.#name}`);
  }
}
