import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Sample } from './family.js';

/** What a file of certificates was when it was last looked at. */
interface Looked {
  mtimeMs: number;
  size: number;
  /** Of the certificate that expires first; undefined: nothing in the file is one. */
  expiry: number | undefined;
}

/** When the certificates in files expire. A file is read again when it is another than before. */
export class CertificateExpiry {
  readonly #looked = new Map<string, Looked>();

  /**
   * One sample a file, labelled `file` (its path) and `option` (what it is for): seconds since 1970. A file that is not there, or
   * has no certificate in it, has no sample.
   * @param files option → path
   */
  *samples(files: Readonly<Record<string, string | undefined>>): Generator<Sample> {
    for (const [option, file] of Object.entries(files)) {
      const value = file === undefined ? undefined : this.#expiryOf(file);
      if (file !== undefined && value !== undefined) yield { labels: { option, file }, value };
    }
  }

  #expiryOf(file: string): number | undefined {
    try {
      const { mtimeMs, size } = statSync(file);
      const known = this.#looked.get(file);
      if (known?.mtimeMs === mtimeMs && known.size === size) return known.expiry;
      const expiry = firstExpiry(readFileSync(file, 'utf8'));
      this.#looked.set(file, { mtimeMs, size, expiry });
      return expiry;
    } catch {
      this.#looked.delete(file);
      return undefined;
    }
  }
}

/** Of all certificates in a PEM text the earliest end, seconds since 1970; what cannot be read does not count. */
function firstExpiry(pem: string): number | undefined {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const ends = found.flatMap((text) => {
    try {
      const end = Date.parse(new X509Certificate(text).validTo);
      return Number.isNaN(end) ? [] : [end / 1000];
    } catch {
      return [];
    }
  });
  return ends.length > 0 ? Math.min(...ends) : undefined;
}
