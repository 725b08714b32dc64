import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.js';

/** A certificate authority of the lab's own, and certificates signed by it. */
export class Pki {
  private constructor(private readonly dir: string) {}

  static async create(dir: string): Promise<Pki> {
    mkdirSync(dir, { recursive: true });
    const pki = new Pki(dir);
    const self = [
      '-x509',
      '-days',
      '2',
      '-subj',
      '/CN=lab CA',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
    ];
    await pki.#openssl('req', ...self, ...pki.#newKey('ca'), '-out', pki.file('ca.pem'));
    return pki;
  }

  /** Flags for one of our programs that make it `name`; `ip` goes into the certificate of a server. */
  async flags(name: string, ip?: string): Promise<string[]> {
    const request = this.file(`${name}.csr`);
    const certificate = this.file(`${name}.pem`);
    const extensions = this.file(`${name}.ext`);
    await this.#openssl('req', '-subj', `/CN=${name}`, ...this.#newKey(name), '-out', request);
    writeFileSync(extensions, ip ? `subjectAltName=IP:${ip}\n` : `subjectAltName=DNS:${name}\n`);
    const authority = ['-CA', this.file('ca.pem'), '-CAkey', this.file('ca.key'), '-CAcreateserial'];
    await this.#openssl(
      ...['x509', '-req', '-days', '2', '-in', request, '-extfile', extensions],
      ...[...authority, '-out', certificate],
    );
    const key = this.file(`${name}.key`);
    return ['--tls-cert', certificate, '--tls-key', key, '--tls-ca', this.file('ca.pem')];
  }

  #newKey(name: string): string[] {
    return [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      this.file(`${name}.key`),
    ];
  }

  /** Where "ca.pem", "NAME.pem" and "NAME.key" are. */
  file(name: string): string {
    return join(this.dir, name);
  }

  async #openssl(...args: string[]): Promise<void> {
    await command(['openssl', ...args]);
  }
}
