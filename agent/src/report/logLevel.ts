import { logLevels } from '@iovisor-ovn/log/levels';

/** A pino logger: children made without options follow its level. */
export interface LevelHolder {
  level: string;
}

/** @param wanted level to log from now on; empty, or none that is known: stays as it is. @returns the level now */
export function changedLevel(log: LevelHolder, wanted: string): string {
  if ((logLevels as readonly string[]).includes(wanted)) log.level = wanted;
  return log.level;
}
