import { parseSchema } from '../schema/parseSchema.js';
import type { DatabaseSchema } from '../schema/schemaTypes.js';
import { RpcError, UnsuitableServerError } from './errors.js';
import { openSocket, type TlsFiles, type TlsSource } from './openSocket.js';
import type { Remote } from './remote.js';
import { RpcConnection } from './rpcConnection.js';
import type { SeenIndexes, ServerStatus } from './serverStatus.js';
import { StatusWatch } from './statusWatch.js';

/** How to set up a session; see ClientOptions. */
export interface SessionOptions {
  readonly database: string;
  readonly leaderOnly: boolean;
  readonly probeIntervalMs: number;
  readonly tls: TlsFiles | TlsSource;
  readonly seen: SeenIndexes;
}

/** A connection to a server that was found fit to serve the database. */
export interface Session {
  readonly remote: Remote;
  readonly rpc: RpcConnection;
  readonly schema: DatabaseSchema;
  /** Undefined for a server too old to have the database _Server. */
  readonly status: ServerStatus | undefined;
}

/** How long a server may take from the first packet to the schema, in milliseconds, when probes are off. */
const SETUP_TIMEOUT_MS = 10_000;

/** Connects to one remote; rejects with the reason when that fails or the server is not one to use. */
export async function openSession(
  remote: Remote,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  const timeoutMs = 2 * options.probeIntervalMs || SETUP_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const limited = AbortSignal.any([signal, timeout]);
  const abort = () => rpc?.close(giveUp());
  const giveUp = () =>
    timeout.aborted && !signal.aborted
      ? new Error(`the server did not answer within ${timeoutMs / 1000} s`)
      : (signal.reason as Error);
  let rpc: RpcConnection | undefined;
  try {
    const socket = await openSocket(remote, options.tls, limited);
    rpc = new RpcConnection(socket, options.probeIntervalMs);
    limited.addEventListener('abort', abort);
    const ownDatabase = options.database === '_Server';
    const status = ownDatabase ? undefined : await StatusWatch.start(rpc, options);
    const schema = await readSchema(rpc, options.database);
    return { remote, rpc, schema, status };
  } catch (error) {
    rpc?.close(error as Error);
    if (limited.aborted) throw giveUp();
    throw rpc?.closeReason ?? error;
  } finally {
    limited.removeEventListener('abort', abort);
  }
}

async function readSchema(rpc: RpcConnection, database: string): Promise<DatabaseSchema> {
  try {
    return parseSchema(await rpc.request('get_schema', [database]));
  } catch (error) {
    if (error instanceof RpcError && error.code === 'unknown database') {
      throw new UnsuitableServerError(`the server has no database ${database}`);
    }
    throw error;
  }
}
