import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** PEM contents of one end of mutual TLS. */
export interface TlsMaterial {
  /** Own certificate, then those between it and its authority. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Authorities that the other ends' certificates must be signed by. */
  readonly ca: Buffer;
}

/** Where they are. */
export type TlsPaths = Readonly<Record<keyof TlsMaterial, string>>;

/** One of the files cannot be used; the message begins with its path. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';

  constructor(
    readonly which: keyof TlsMaterial,
    path: string,
    reason: string,
  ) {
    super(`${path}: ${reason.split('\n')[0]}`);
  }
}

const complete = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]*-----END \1-----/g;

/**
 * Reads and checks the three files, but for dates.
 * @throws TlsFileError
 */
export function readMaterial(paths: TlsPaths): TlsMaterial {
  const read = (which: keyof TlsMaterial) => {
    try {
      return readFileSync(paths[which]);
    } catch (error) {
      throw new TlsFileError(which, paths[which], (error as Error).message);
    }
  };
  const material = { cert: read('cert'), key: read('key'), ca: read('ca') };
  checkMaterial(material, paths);
  return material;
}

/**
 * What would go wrong later, at each connection, and be hard to find then; all but the dates of the own certificate.
 * @throws TlsFileError
 */
export function checkMaterial(material: TlsMaterial, paths: TlsPaths): void {
  const attempt = <T>(which: keyof TlsMaterial, step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw new TlsFileError(which, paths[which], (error as Error).message);
    }
  };
  const [own] = attempt('cert', () => certificates(material.cert)) as [X509Certificate];
  attempt('ca', () => certificates(material.ca));
  const key = attempt('key', () => privateKey(material.key));
  attempt('key', () => {
    if (!own.checkPrivateKey(key)) throw new Error(`is not the private key of ${paths.cert}`);
  });
  attempt('cert', () => {
    // What OpenSSL refuses besides: a key that is too short, a digest that is too weak.
    createSecureContext({ ...material });
  });
}

/** When a certificate is valid, ms since 1970. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** Of the first certificate of a file that was found to have one. */
export function validityOf(pem: Buffer): Validity {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { from: Date.parse(validFrom), to: Date.parse(validTo) };
}

/** Undefined when it is valid now. */
export function dateProblem({ from, to }: Validity): string | undefined {
  const now = Date.now();
  if (now > to) return `has expired: it was valid until ${new Date(to).toISOString()}`;
  return now < from ? `is not valid before ${new Date(from).toISOString()}` : undefined;
}

/** All certificates of a PEM file, at least one. Throws when one is cut off: the file is being written. */
function certificates(pem: Buffer): X509Certificate[] {
  const text = pem.toString('latin1');
  const blocks = text.match(complete) ?? [];
  if (blocks.length !== (text.match(/-----BEGIN /g)?.length ?? 0))
    throw new Error('is cut off, or not only certificates');
  if (blocks.length === 0) throw new Error('has no certificate in PEM format');
  return blocks.map((block) => new X509Certificate(block));
}

function privateKey(pem: Buffer) {
  if (!pem.includes('-----BEGIN ')) throw new Error('has no private key in PEM format');
  return createPrivateKey(pem);
}
