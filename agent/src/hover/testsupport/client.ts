import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A client that sends exactly what it is told to. */
export class RawClient {
  readonly #options: RequestOptions & { readonly tls?: boolean };

  constructor(options: RequestOptions & { readonly tls?: boolean }) {
    this.#options = options;
  }

  send(method: string, path: string, body?: unknown, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    // Go's client sends bodies with GET and DELETE, too, and says how long they are.
    const length = text === undefined ? {} : { 'Content-Length': Buffer.byteLength(text) };
    const send = this.#options.tls === true ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        { ...this.#options, method, path, headers: { ...length, ...headers }, agent: false },
        (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer }),
          );
          response.on('error', reject);
        },
      );
      request.on('error', reject).end(text);
    });
  }

  /** @throws Error when the answer is not 200 */
  async json<T = { id: string }>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.send(method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
