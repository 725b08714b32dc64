import {
  type ChannelCredentials,
  type ChannelOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { tlsChannelOptions, channelCredentials as tlsCredentials } from '@iovisor-ovn/endpoint';
import { AdminClient } from '@iovisor-ovn/proto';
import { parseAddress } from '../config/address.js';
import { exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type CliOptions, checkPlaintext } from './options.js';

/** Longer than the coordinator waits for agents. */
const defaultDeadlineMs = 5000;
/** A long list takes a while over a thin line. */
const listDeadlineMs = 60_000;
/** What these say is for the operator as it is. */
const plain: ReadonlySet<status> = new Set([
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.RESOURCE_EXHAUSTED,
]);

/** A unary method of the Admin service. */
export type AdminMethod<Request, Reply> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, reply: Reply) => void,
) => unknown;

/** Credentials for the connection that the flags describe. Throws UsageError when there had to be some, and are none. */
export function channelCredentials(options: CliOptions): ChannelCredentials {
  const { tls, serverName, address } = options;
  checkPlaintext(parseAddress('coordinator', address), options);
  if (!tls || address.startsWith('unix:')) return credentials.createInsecure();
  return tlsCredentials(tls, serverName);
}

/** Options that belong to them. */
export function channelOptions({ address }: CliOptions): ChannelOptions {
  const parsed = parseAddress('coordinator', address);
  return 'host' in parsed ? tlsChannelOptions(parsed.host) : {};
}

/** Asks the coordinator. Throws Failure with what to do when it does not answer. */
export async function callAdmin<Request, Reply>(
  options: CliOptions,
  method: (client: AdminClient) => AdminMethod<Request, Reply>,
  request: Request,
  deadlineMs = defaultDeadlineMs,
): Promise<Reply> {
  const client = new AdminClient(options.address, channelCredentials(options), channelOptions(options));
  const deadline = Date.now() + deadlineMs;
  try {
    return await new Promise<Reply>((resolve, reject) => {
      method(client).call(client, request, new Metadata(), { deadline }, (error, reply) =>
        error ? reject(explain(options.address, error)) : resolve(reply),
      );
    });
  } finally {
    client.close();
  }
}

/** A server-streaming method of the Admin service. */
export type AdminStream<Request, Reply> = (
  request: Request,
  metadata: Metadata,
  options: { deadline?: number },
) => ClientReadableStream<Reply>;

/** Opens a stream from the coordinator and gives what comes. Throws Failure when it does not answer, or ends badly. */
export async function* streamAdmin<Request, Reply>(
  options: CliOptions,
  method: (client: AdminClient) => AdminStream<Request, Reply>,
  request: Request,
  { deadlineMs, signal }: { deadlineMs?: number; signal?: AbortSignal } = {},
): AsyncGenerator<Reply> {
  const client = new AdminClient(options.address, channelCredentials(options), channelOptions(options));
  const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  const call = method(client).call(client, request, new Metadata(), deadline);
  const cancel = () => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const reply of call as AsyncIterable<Reply>) yield reply;
  } catch (error) {
    if (signal?.aborted) return;
    throw explain(options.address, error as ServiceError);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
    client.close();
  }
}

/** All parts of a list. */
export async function collectParts<Request, Reply>(
  options: CliOptions,
  method: (client: AdminClient) => AdminStream<Request, Reply>,
  request: Request,
): Promise<Reply[]> {
  const parts: Reply[] = [];
  for await (const part of streamAdmin(options, method, request, { deadlineMs: listDeadlineMs }))
    parts.push(part);
  return parts;
}

/** What an error of gRPC means to an operator. */
export function explain(address: string, error: ServiceError): Failure {
  if (error.code === status.UNAVAILABLE && error.details.includes('stopping'))
    return new Failure(`the coordinator at ${address} is stopping`, exit.unreachable);
  if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED)
    return new Failure(
      `no coordinator answers at ${address}; start iovisor-coordinator, or name another with --coordinator`,
      exit.unreachable,
    );
  if (error.code === status.PERMISSION_DENIED || error.code === status.UNAUTHENTICATED)
    return new Failure(
      `the coordinator at ${address} does not permit it: ${error.details}`,
      exit.notPermitted,
    );
  if (error.code === status.UNIMPLEMENTED)
    return new Failure(
      `the coordinator at ${address} is of another release, which cannot do that; upgrade it`,
    );
  if (plain.has(error.code)) return new Failure(error.details);
  return new Failure(`the coordinator at ${address} says: ${error.details} (${status[error.code]})`);
}
