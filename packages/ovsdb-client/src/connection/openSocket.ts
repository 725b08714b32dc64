import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { Remote } from './remote.js';

/** PEM files for `ssl:` remotes. They are read at each connect, so that renewed certificates are picked up. */
export interface TlsFiles {
  /** Certificate (chain) of this client; ovsdb-server demands one unless told otherwise. */
  readonly certFile?: string;
  /** Private key of `certFile`. */
  readonly keyFile?: string;
  /**
   * The authorities that may have signed the server's certificate. As everywhere in Open vSwitch, a server proves
   * itself by that signature and not by its host name. Without it, the system's authorities and the host name count.
   */
  readonly caFile?: string;
}

/** Contents of such files, as somebody keeps them who knows when they change; asked at each connect. */
export interface TlsSource {
  material(): { readonly cert?: Buffer; readonly key?: Buffer; readonly ca?: Buffer };
}

/** Connects to `remote`; rejects with what the operating system or TLS says, or with the reason of `signal`. */
export async function openSocket(
  remote: Remote,
  files: TlsFiles | TlsSource,
  signal: AbortSignal,
): Promise<net.Socket> {
  const options = remote.kind === 'ssl' ? await tlsOptions(remote.host, files) : undefined;
  signal.throwIfAborted();
  const socket =
    remote.kind === 'unix'
      ? net.connect({ path: remote.path })
      : options
        ? tls.connect({ ...options, host: remote.host, port: remote.port })
        : net.connect({ host: remote.host, port: remote.port });
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed while it was being set up')));
      socket.once(options ? 'secureConnect' : 'connect', resolve);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.removeAllListeners('error').removeAllListeners('close');
  }
  socket.setNoDelay(true);
  return socket;
}

async function tlsOptions(host: string, files: TlsFiles | TlsSource): Promise<tls.ConnectionOptions> {
  const material = 'material' in files ? files.material() : await readFiles(files);
  return {
    ...material,
    servername: net.isIP(host) ? '' : host,
    ...(material.ca ? { checkServerIdentity: () => undefined } : {}),
  };
}

async function readFiles(files: TlsFiles): Promise<ReturnType<TlsSource['material']>> {
  const read = async (what: string, path: string | undefined) => {
    if (path === undefined) return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      throw new Error(`cannot read the TLS ${what} ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const [cert, key, ca] = await Promise.all([
    read('certificate', files.certFile),
    read('private key', files.keyFile),
    read('CA certificate', files.caFile),
  ]);
  return { cert, key, ca };
}
