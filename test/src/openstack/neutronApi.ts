/** A REST object of Neutron: its columns are read one by one. */
export type Resource = Readonly<Record<string, unknown>> & { readonly id: string };

/** Neutron's REST API without Keystone: whoever asks is admin of a project that it makes up. */
export class NeutronApi {
  constructor(private readonly base: string) {}

  /** GET of a collection: list('ports', { name: 'vm1' }). */
  async list(collection: string, query: Record<string, string> = {}): Promise<Resource[]> {
    const body = await this.#ask('GET', `${collection}?${new URLSearchParams(query)}`);
    const found = body[collection.replaceAll('-', '_')];
    if (!Array.isArray(found)) throw new Error(`Neutron: no ${collection} in its answer`);
    return found.map(asResource);
  }

  /** POST: create('ports', { network_id }) returns the port. `singular` is its name in the body. */
  async create(
    collection: string,
    columns: Record<string, unknown>,
    singular = collection.replace(/s$/, ''),
  ): Promise<Resource> {
    const body = await this.#ask('POST', collection, { [singular]: columns });
    return asResource(body[singular]);
  }

  async get(collection: string, id: string): Promise<Resource> {
    const body = await this.#ask('GET', `${collection}/${id}`);
    return asResource(body[collection.replace(/s$/, '')]);
  }

  async update(collection: string, id: string, columns: Record<string, unknown>): Promise<Resource> {
    const singular = collection.replace(/s$/, '');
    const body = await this.#ask('PUT', `${collection}/${id}`, { [singular]: columns });
    return asResource(body[singular]);
  }

  async remove(collection: string, id: string): Promise<void> {
    await this.#ask('DELETE', `${collection}/${id}`);
  }

  /** What is no row of a collection: bindings of a port, subports of a trunk. */
  async action(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
    await this.#ask(method, path, body);
  }

  async #ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.base}/v2.0/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Neutron: ${method} ${path}: ${response.status} ${text}`);
    const answer: unknown = text === '' ? {} : JSON.parse(text);
    if (typeof answer !== 'object' || answer === null) throw new Error(`Neutron: ${method} ${path}: ${text}`);
    return answer as Record<string, unknown>;
  }
}

function asResource(value: unknown): Resource {
  if (typeof value === 'object' && value !== null && typeof (value as { id?: unknown }).id === 'string')
    return value as Resource;
  throw new Error(`Neutron: not an object with an id: ${JSON.stringify(value)}`);
}

/** A column that has to be text. */
export function stringOf(resource: Resource, column: string): string {
  const value = resource[column];
  if (typeof value !== 'string') throw new Error(`Neutron: ${column} is ${JSON.stringify(value)}, not text`);
  return value;
}
