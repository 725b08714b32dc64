import type { ModulePacket } from '../builtin/module.js';

/** Packets that wait for one next hop. */
const MAX_PACKETS = 16;
/** Next hops that are asked for at a time. */
const MAX_HOPS = 1024;
const TRIES = 3;
const INTERVAL = 1000;

interface Waiting {
  packets: ModulePacket[];
  tries: number;
  timer: NodeJS.Timeout;
}

export interface ResolutionActions {
  /** Send a request out of the port. */
  ask(ip: number, port: number): void;
  /** Packets whose next hop is known now. */
  resolved(packets: readonly ModulePacket[]): void;
  /** Packets whose next hop does not answer. */
  failed(packets: readonly ModulePacket[]): void;
}

/** Packets wait here while ARP asks for their next hop: three times, a second apart. */
export class Resolution {
  readonly #actions: ResolutionActions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(actions: ResolutionActions) {
    this.#actions = actions;
  }

  /** Beyond the limits packets are lost, the oldest of a next hop first. */
  add(ip: number, port: number, packet: ModulePacket): void {
    const key = `${port}/${ip}`;
    const known = this.#waiting.get(key);
    // What was cut cannot go on, but the next one can.
    const packets = packet.data.length < packet.length ? [] : [packet];
    if (known !== undefined) {
      known.packets.push(...packets);
      if (known.packets.length > MAX_PACKETS) known.packets.shift();
      return;
    }
    if (this.#waiting.size >= MAX_HOPS) return;
    const timer = setInterval(() => this.#again(key, ip, port), INTERVAL);
    timer.unref();
    this.#waiting.set(key, { packets, tries: 1, timer });
    this.#actions.ask(ip, port);
  }

  resolved(ip: number, port: number): void {
    const packets = this.#take(`${port}/${ip}`);
    if (packets !== undefined) this.#actions.resolved(packets);
  }

  /** Forgets all. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.#take(key);
  }

  #again(key: string, ip: number, port: number): void {
    const waiting = this.#waiting.get(key)!;
    if (waiting.tries++ < TRIES) this.#actions.ask(ip, port);
    else this.#actions.failed(this.#take(key)!);
  }

  #take(key: string): ModulePacket[] | undefined {
    const waiting = this.#waiting.get(key);
    clearInterval(waiting?.timer);
    this.#waiting.delete(key);
    return waiting?.packets;
  }
}
