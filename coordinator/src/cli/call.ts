import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { tlsChannelOptions, channelCredentials as tlsCredentials } from '@iovisor-ovn/endpoint';
import { AdminClient } from '@iovisor-ovn/proto';
import { parseAddress } from '../config/address.js';
import { Failure } from './failure.js';
import { type CliOptions, checkPlaintext } from './options.js';

/** Longer than the coordinator waits for agents. */
const defaultDeadlineMs = 5000;
/** What these say is for the operator as it is. */
const plain: ReadonlySet<status> = new Set([
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
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

/** What an error of gRPC means to an operator. */
export function explain(address: string, error: ServiceError): Failure {
  if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED)
    return new Failure(
      `no coordinator answers at ${address}; start iovisor-coordinator, or name another with --coordinator`,
    );
  if (plain.has(error.code)) return new Failure(error.details);
  return new Failure(`the coordinator at ${address} says: ${error.details} (${status[error.code]})`);
}
