/** A pino logger: children made without options follow its level. */
export interface LevelHolder {
  level: string;
  readonly levels: { values: Record<string, number> };
}

/** @param wanted level to log from now on; empty, or none that is known: stays as it is. @returns the level now */
export function changedLevel(log: LevelHolder, wanted: string): string {
  if (wanted === 'silent' || Object.hasOwn(log.levels.values, wanted)) log.level = wanted;
  return log.level;
}
