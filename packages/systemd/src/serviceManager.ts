import type { DatagramSocket } from './datagramSocket.js';

/** Where it says that it cannot be heard. pino's loggers fit. */
export interface ServiceLog {
  warn(details: object, message: string): void;
}

/** What is to be said although the service manager's queue is full is said again after this time. */
const RETRY_MS = 100;

/**
 * The service manager that runs this process (systemd, `Type=notify`), told how it is: sd_notify(3). Where there is none, all of it does
 * nothing.
 */
export class ServiceManager {
  readonly #socket: DatagramSocket | undefined;
  readonly #log: ServiceLog;
  /** Between two keep-alives; undefined: nobody waits for any. */
  readonly #keepAliveMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #unsent: string[] = [];
  #status = '';
  #failed = false;

  private constructor(socket: DatagramSocket | undefined, keepAliveMs: number | undefined, log: ServiceLog) {
    this.#socket = socket;
    this.#keepAliveMs = keepAliveMs;
    this.#log = log;
  }

  /**
   * Takes the variables out of the environment, so that no child process speaks for this one.
   * @param env with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, if systemd runs this process
   */
  static async open(env: NodeJS.ProcessEnv, log: ServiceLog): Promise<ServiceManager> {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = env;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (path === undefined || path === '') return new ServiceManager(undefined, undefined, log);
    try {
      // Who is run by nobody loads no library for it.
      const { DatagramSocket } = await import('./datagramSocket.js');
      return new ServiceManager(new DatagramSocket(path), keepAlive(usec, pid), log);
    } catch (error) {
      log.warn({ path, error: (error as Error).message }, 'the service manager cannot be told anything');
      return new ServiceManager(undefined, undefined, log);
    }
  }

  /** Start-up is over, and so is a reload. */
  ready(): void {
    this.#say('READY=1');
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    const line = text.replaceAll('\n', ' ');
    if (line === this.#status) return;
    this.#status = line;
    this.#say(`STATUS=${line}`);
  }

  /** A reload has begun; {@link ready} says that it is over. */
  reloading(): void {
    this.#say(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#say('STOPPING=1');
  }

  /**
   * Keeps the watchdog quiet as long as the event loop turns and `stuck` knows of nothing. Otherwise systemd kills this process when
   * its patience is over, and starts it again.
   * @param stuck what does not go on, or undefined
   */
  watch(stuck: () => string | undefined): void {
    if (this.#keepAliveMs === undefined || this.#timer !== undefined) return;
    const beat = () => {
      const what = stuck();
      if (what === undefined) this.#say('WATCHDOG=1');
      else this.#log.warn({ what }, 'stuck; the watchdog will end this process if it stays so');
    };
    beat();
    this.#timer = setInterval(beat, this.#keepAliveMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#unsent = [];
    this.#socket?.close();
  }

  #say(text: string): void {
    if (this.#socket === undefined) return;
    // In their order; a keep-alive or status that could not be sent is replaced by the next one of its kind.
    const kind = text.slice(0, text.indexOf('='));
    this.#unsent = [...this.#unsent.filter((other) => !other.startsWith(`${kind}=`)), text];
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#retry);
    for (let text = this.#unsent[0]; text !== undefined; text = this.#unsent[0]) {
      const failure = this.#socket?.send(text);
      if (failure === 'EAGAIN') {
        this.#retry = setTimeout(() => this.#flush(), RETRY_MS).unref();
        return;
      }
      if (failure !== undefined && !this.#failed)
        this.#log.warn({ failure }, 'the service manager does not hear');
      this.#failed = failure !== undefined;
      this.#unsent.shift();
    }
  }
}

/** Three keep-alives in the time in which systemd waits for one. @returns milliseconds */
function keepAlive(usec: string | undefined, pid: string | undefined): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined;
  const limit = Number(usec);
  return Number.isFinite(limit) && limit > 0 ? Math.max(1, Math.floor(limit / 3000)) : undefined;
}
