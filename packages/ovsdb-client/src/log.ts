/** Where the client writes what it does; a pino logger fits as it is. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = (): void => undefined;

/** A log that drops everything: the default. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
