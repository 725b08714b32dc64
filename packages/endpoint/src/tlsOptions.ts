import { readMaterial, TlsFileError, type TlsMaterial, type TlsPaths } from './tlsMaterial.js';

/** The options that name the files of one end of mutual TLS, without dashes. */
export type OptionNames = Readonly<Record<keyof TlsMaterial, string>>;

/** Those of a daemon, and of iovctl. */
export const tlsOptions: OptionNames = { cert: 'tls-cert', key: 'tls-key', ca: 'tls-ca' };

/** What an option was given; undefined: it was not. @param name without dashes */
export type GivenOption = (name: string) => string | undefined;

/** An option is missing, or its file cannot be used. The message begins with its name, without dashes. */
export class TlsOptionError extends Error {
  override readonly name = 'TlsOptionError';
}

/**
 * The files that were given, all or none; checked, but for dates.
 * @throws TlsOptionError
 */
export function givenTls(given: GivenOption, options: OptionNames = tlsOptions): TlsPaths | undefined {
  const paths = { cert: given(options.cert), key: given(options.key), ca: given(options.ca) };
  const kinds = ['cert', 'key', 'ca'] as const;
  const missing = kinds.filter((which) => paths[which] === undefined);
  if (missing.length === kinds.length) return undefined;
  if (missing.length > 0)
    throw new TlsOptionError(
      `${options[missing[0]!]} is missing: --${options.cert}, --${options.key} and --${options.ca} go together`,
    );
  return usablePaths(paths as TlsPaths, options);
}

/** The same paths, if their files can be used. @throws TlsOptionError */
export function usablePaths(paths: TlsPaths, options: OptionNames): TlsPaths {
  try {
    readMaterial(paths);
    return paths;
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    throw new TlsOptionError(`${options[error.which]}: ${error.message}`);
  }
}

/**
 * Files with certificates, whose ends are to be known, by the option that names them.
 * @param more such options than those of tlsOptions
 */
export function certificateFiles(
  given: GivenOption,
  ...more: string[]
): Readonly<Record<string, string | undefined>> {
  const names = [tlsOptions.cert, tlsOptions.ca, ...more];
  return Object.fromEntries(names.map((name) => [name, given(name)]));
}
