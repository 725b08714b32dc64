import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { checkServerName } from '@iovisor-ovn/endpoint';
import { type Address, addressText, isLocal } from '../../config/address.js';
import { exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type CliOptions, checkPlaintext } from '../options.js';

/** A module as the Hover API shows it. */
export interface HoverModule {
  id: string;
  module_type: string;
  display_name: string;
  tags: string[] | null;
  config: Record<string, unknown>;
}

/** A link as the Hover API shows it; the numbers are those of the ports. */
export interface HoverLink {
  id: string;
  from: string;
  to: string;
  'from-id': number;
  'to-id': number;
}

/** The API said no; the message is its reason. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Compiling a module may take as long. */
const timeoutMs = 60_000;

/** Speaks to the Hover API of an agent. Methods throw Refused, or Failure when nobody answers. */
export class HoverClient {
  readonly #address: Address;
  readonly #tls: RequestOptions | undefined;

  /** Throws UsageError when `address` is of another machine and there is no TLS. */
  constructor(address: Address, options: CliOptions) {
    checkPlaintext(address, options);
    const { tls, serverName } = options;
    this.#address = address;
    if (tls && !isLocal(address))
      this.#tls = {
        ...tls,
        // As gRPC: certificates of Open vSwitch name no hosts.
        checkServerIdentity: (_host, certificate) => checkServerName(certificate, serverName),
      };
  }

  modules(): Promise<HoverModule[]> {
    return this.#call('GET', '/modules/');
  }

  links(): Promise<HoverLink[]> {
    return this.#call('GET', '/links/');
  }

  createModule(module: Omit<HoverModule, 'id' | 'config'> & { config?: object }): Promise<HoverModule> {
    return this.#call('POST', '/modules/', module);
  }

  updateModule({ id, ...rest }: Omit<HoverModule, 'module_type'>): Promise<HoverModule> {
    return this.#call('PUT', `/modules/${id}`, rest);
  }

  createLink(from: string, to: string): Promise<HoverLink> {
    return this.#call('POST', '/links/', { from, to });
  }

  /** What is gone already is no error. */
  async remove(kind: 'modules' | 'links', id: string): Promise<void> {
    try {
      await this.#call('DELETE', `/${kind}/${id}`);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
    }
  }

  #call<T>(method: string, path: string, body?: object): Promise<T> {
    const target = 'path' in this.#address ? { socketPath: this.#address.path } : this.#address;
    const options = { ...target, method, path, timeout: timeoutMs, headers: { Host: this.#host() } };
    const place = addressText(this.#address);
    return new Promise((resolve, reject) => {
      const request = this.#tls ? httpsRequest({ ...options, ...this.#tls }) : httpRequest(options);
      request.on('timeout', () => request.destroy(new Error('no answer in a minute')));
      request.on('error', (error) =>
        reject(
          new Failure(
            `the Hover API at ${place}: ${error.message}; start iovisor-agent, or name another with --hover`,
            exit.unreachable,
          ),
        ),
      );
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status !== 200) reject(new Refused(status, text.trim()));
          else resolve((text === '' ? undefined : JSON.parse(text)) as T);
        });
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #host(): string {
    return 'path' in this.#address ? 'localhost' : addressText(this.#address);
  }
}
