import { getSystemErrorMap } from 'node:util';

/** The kernel, or the C library, refused a call. `errno` is the positive number of errno(3), `code` its name. */
export class NetlinkError extends Error {
  readonly code: string;

  constructor(
    what: string,
    readonly errno: number,
    explanation?: string,
  ) {
    const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${what}: ${explanation === undefined ? text : `${explanation} (${text})`}`);
    this.name = 'NetlinkError';
    this.code = code;
  }
}
