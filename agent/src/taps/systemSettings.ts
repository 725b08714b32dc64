/**
 * external_ids of the Open_vSwitch row as ovn-controller(8) reads them: `KEY-SYSTEMID`, when there, wins over `KEY`, so that
 * several chassis can share one database.
 */
export class SystemSettings {
  /** The chassis name: that of system-id-override, else external_ids:system-id; undefined when unset or empty. */
  readonly systemId: string | undefined;
  readonly #externalIds: ReadonlyMap<string, string>;

  constructor(externalIds: ReadonlyMap<string, string>, override?: string) {
    this.#externalIds = externalIds;
    this.systemId = override || externalIds.get('system-id') || undefined;
  }

  get(key: string): string | undefined {
    const own = this.systemId && this.#externalIds.get(`${key}-${this.systemId}`);
    return own ?? this.#externalIds.get(key);
  }

  /** Key as the operator wrote it: the one with the system-id, if that is what counts. */
  keyOf(key: string): string {
    const own = `${key}-${this.systemId}`;
    return this.systemId !== undefined && this.#externalIds.has(own) ? own : key;
  }

  /** A boolean that is false unless it says "true", in whatever case. */
  isTrue(key: string): boolean {
    return this.get(key)?.toLowerCase() === 'true';
  }

  /** The elements of a comma-separated list, without blanks around them, empty ones and repetitions. */
  list(key: string): string[] {
    const elements = (this.get(key) ?? '').split(',').map((element) => element.trim());
    return [...new Set(elements.filter((element) => element !== ''))];
  }
}
