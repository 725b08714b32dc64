import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** What GET /metrics at a unix socket answers. */
export async function scrape(socketPath: string): Promise<string> {
  const [response] = (await once(get({ socketPath, path: '/metrics' }), 'response')) as [IncomingMessage];
  return text(response);
}
