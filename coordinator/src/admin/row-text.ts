import {
  type Atom,
  type AtomicType,
  byUuid,
  type Client,
  type ColumnType,
  type ColumnValue,
  isUuid,
} from '@iovisor-ovn/ovsdb-client';

/** A database that does not answer must not hold up an answer for ever. */
const timeoutMs = 2000;

/**
 * All columns of one row as they are in the database now, as ovn-nbctl and ovn-sbctl print them; undefined when there is no
 * such row (any more).
 * @throws Error when the database does not answer
 */
export async function rowText(
  client: Client,
  table: string,
  uuid: string,
): Promise<Record<string, string> | undefined> {
  const columns = client.schema?.tables.get(table)?.columns;
  const select = client.transaction().select(table, [byUuid(uuid)]);
  const [result] = await select.commit(AbortSignal.timeout(timeoutMs));
  const row = result?.rows?.[0];
  if (!row || !columns) return undefined;
  const texts = [...columns.values()]
    .filter(({ name }) => !name.startsWith('_'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type }) => [name, valueText(type, row[name])] as const);
  return { _uuid: uuid, ...Object.fromEntries(texts) };
}

/** A column's value as the OVSDB tools print it (ovsdb-data.c, ovsdb_datum_to_string). */
export function valueText(type: ColumnType, value: ColumnValue): string {
  if (value instanceof Map) {
    const pairs = [...value].map(
      ([key, one]) => `${atomText(type.key.type, key)}=${atomText(type.value!.type, one)}`,
    );
    return `{${pairs.join(', ')}}`;
  }
  if (value === undefined) return '[]';
  if (!Array.isArray(value)) return atomText(type.key.type, value as Atom);
  return `[${value.map((one: Atom) => atomText(type.key.type, one)).join(', ')}]`;
}

function atomText(type: AtomicType, value: Atom): string {
  if (type !== 'string' || typeof value !== 'string') return String(value);
  const plain = /^[A-Za-z_][\w.-]*$/.test(value) && value !== 'true' && value !== 'false' && !isUuid(value);
  return plain ? value : JSON.stringify(value);
}
