import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TlsMaterial, TlsPaths } from './tlsMaterial.js';

const run = promisify(execFile);

/** Two certificate authorities of the real ovs-pki(8): one for switches (hypervisors), one for controllers (coordinators). */
export class OvsPki {
  readonly #dir: string;
  #last: Promise<void> = Promise.resolve();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** @param dir is made; it must not exist */
  static async create(dir: string): Promise<OvsPki> {
    mkdirSync(dir, { recursive: true });
    const pki = new OvsPki(dir);
    await pki.#run('init');
    return pki;
  }

  /** What agents and operators are trusted by. */
  get switchCa(): string {
    return join(this.#dir, 'pki/switchca/cacert.pem');
  }

  /** What coordinators are trusted by. */
  get controllerCa(): string {
    return join(this.#dir, 'pki/controllerca/cacert.pem');
  }

  /** Of a hypervisor or operator; `unique`: without " id:UUID" behind the name. */
  switch(name: string, { unique = false } = {}): Promise<TlsPaths> {
    return this.#sign(name, 'switch', unique, this.controllerCa);
  }

  /** Of a coordinator. */
  controller(name: string, { unique = false } = {}): Promise<TlsPaths> {
    return this.#sign(name, 'controller', unique, this.switchCa);
  }

  async #sign(name: string, type: string, unique: boolean, ca: string): Promise<TlsPaths> {
    await this.#run('--force', ...(unique ? ['--unique'] : []), 'req+sign', name, type);
    const file = (suffix: string) => join(this.#dir, `${name}-${suffix}.pem`);
    return { cert: file('cert'), key: file('privkey'), ca };
  }

  /** One at a time: the files of an authority are nothing that two may write at once. */
  #run(...args: string[]): Promise<void> {
    const own = [`--dir=${join(this.#dir, 'pki')}`, `--log=${join(this.#dir, 'ovs-pki.log')}`, '--batch'];
    this.#last = this.#last.then(async () => {
      await run('ovs-pki', [...own, ...args], { cwd: this.#dir });
    });
    return this.#last;
  }
}

/** What a certificate of TestAuthority says. */
export interface TestCertificate {
  /** As `openssl req -subj` wants it; default: /CN=NAME. */
  subject?: string;
  /** "DNS:hv1,IP:10.0.0.1". */
  alternativeNames?: string;
  /** From now; default: 2. Negative: it has expired. */
  days?: number;
}

/** A certificate authority of openssl's, for certificates that ovs-pki does not make. */
export class TestAuthority {
  readonly dir: string;
  readonly ca: string;

  private constructor(dir: string) {
    this.dir = dir;
    this.ca = join(dir, 'ca.pem');
  }

  static async create(dir: string): Promise<TestAuthority> {
    mkdirSync(dir, { recursive: true });
    const made = new TestAuthority(dir);
    const own = ['-x509', '-days', '2', '-subj', '/CN=test authority', '-out', made.ca];
    await run('openssl', ['req', ...own, ...newKey(join(dir, 'ca.key'))]);
    return made;
  }

  /** Makes NAME.pem and NAME.key, signed; an earlier one of that name is replaced. */
  async sign(name: string, { subject, alternativeNames, days = 2 }: TestCertificate = {}): Promise<TlsPaths> {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
      join(this.dir, `${name}.${end}`),
    ) as [string, string, string, string];
    await run('openssl', ['req', '-subj', subject ?? `/CN=${name}`, ...newKey(key), '-out', request]);
    writeFileSync(extensions, alternativeNames === undefined ? '' : `subjectAltName=${alternativeNames}\n`);
    const by = ['-CA', this.ca, '-CAkey', join(this.dir, 'ca.key'), '-set_serial', `${randomInt(2 ** 40)}`];
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      request,
      '-extfile',
      extensions,
      '-days',
      `${days}`,
      ...by,
      '-out',
      cert,
    ]);
    return { cert, key, ca: this.ca };
  }
}

/** Contents of the files. */
export function material({ cert, key, ca }: TlsPaths): TlsMaterial {
  return { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
}

/** As flags: --PREFIX-cert … */
export function tlsFlags({ cert, key, ca }: TlsPaths, prefix = 'tls'): string[] {
  return [`--${prefix}-cert`, cert, `--${prefix}-key`, key, `--${prefix}-ca`, ca];
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file];
}
