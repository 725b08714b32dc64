/** A value that came out of, or goes into, JSON text. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** A JSON object; as on the wire, a repeated name keeps its last value. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** True when `value` is a JSON object: not null and not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A short text of `value` for an error message; never longer than about 80 characters. */
export function abbreviate(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
