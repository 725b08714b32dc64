import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';

/** Certificates as ovs-pki makes them, all of one authority, in `pki` of the site's directory: NAME-cert.pem, NAME-privkey.pem, cacert.pem. */
export class Pki {
  #authority;

  static async create(site, names) {
    const pki = new Pki();
    pki.directory = join(site.directory, 'pki');
    pki.#authority = join(site.directory, 'authority');
    mkdirSync(pki.directory, { recursive: true });
    await pki.#run('init');
    for (const name of names) await pki.sign(name);
    copyFileSync(join(pki.#authority, 'switchca/cacert.pem'), pki.ca);
    return pki;
  }

  get ca() {
    return join(this.directory, 'cacert.pem');
  }

  files(name) {
    return {
      cert: join(this.directory, `${name}-cert.pem`),
      key: join(this.directory, `${name}-privkey.pem`),
      ca: this.ca,
    };
  }

  /** A new certificate with a new key; one that is there is replaced. `--unique`: Prometheus looks for the name alone. */
  sign(name) {
    return this.#run('--unique', 'req+sign', name, 'switch');
  }

  #run(...words) {
    const own = [`--dir=${this.#authority}`, '--force', '--batch'];
    return command(['ovs-pki', ...own, ...words], { cwd: this.directory });
  }
}
