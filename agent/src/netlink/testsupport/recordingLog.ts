import type { Log } from '../log.js';

/** Keeps what was logged, as `level: message {details}`. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];

  debug(details: object, message: string): void {
    this.#keep('debug', details, message);
  }
  info(details: object, message: string): void {
    this.#keep('info', details, message);
  }
  warn(details: object, message: string): void {
    this.#keep('warn', details, message);
  }
  error(details: object, message: string): void {
    this.#keep('error', details, message);
  }

  #keep(level: string, details: object, message: string): void {
    this.lines.push(`${level}: ${message} ${JSON.stringify(details)}`);
  }
}
