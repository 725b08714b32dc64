import { chmodSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type AdminServer, AdminService, type CoordinatorServer } from '@iovisor-ovn/proto';
import { HealthImplementation } from 'grpc-health-check';
import { type Address, addressText } from './config/address.js';
import type { TlsMaterial } from './config/coordinator-config.js';
import { UsageError } from './config/settings.js';
import { boundedService } from './session/bounded-service.js';
import { limits } from './session/limits.js';

export interface GrpcServerOptions {
  listen: readonly Address[];
  tls?: TlsMaterial;
  coordinator: CoordinatorServer;
  admin: AdminServer;
}

/** What grpc.health.v1 is asked for. */
export type HealthService = '' | 'ovn-nb' | 'ovn-sb' | 'leader';

/** A dead peer is noticed within time + timeout, so that its agent can come back from elsewhere soon. */
const options = {
  'grpc.keepalive_time_ms': 5000,
  'grpc.keepalive_timeout_ms': 3000,
  'grpc.keepalive_permit_without_calls': 1,
  // A Hello states every resource an agent holds.
  'grpc.max_receive_message_length': limits.helloBytes,
  // An agent needs one, iovctl a few.
  'grpc.max_concurrent_streams': 100,
  // Nobody asks for its statistics, and they are kept at each message.
  'grpc.enable_channelz': 0,
};

/** The gRPC server of agents and iovctl, with the health service. */
export class GrpcServer {
  readonly #server = new Server(options);
  readonly #health = new HealthImplementation({
    '': 'NOT_SERVING',
    'ovn-nb': 'NOT_SERVING',
    'ovn-sb': 'NOT_SERVING',
    leader: 'NOT_SERVING',
  });
  readonly #options: GrpcServerOptions;

  constructor(given: GrpcServerOptions) {
    this.#options = given;
    this.#server.addService(boundedService, given.coordinator);
    this.#server.addService(AdminService, given.admin);
    this.#health.addToServer(this.#server);
  }

  /** Binds all addresses; resolves with them, with the ports chosen for 0. Throws UsageError naming one that cannot be bound. */
  async listen(): Promise<string[]> {
    const bound: string[] = [];
    for (const address of this.#options.listen) bound.push(await this.#bind(address));
    return bound;
  }

  setHealth(service: HealthService, serving: boolean): void {
    this.#health.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** Ends all streams at once. */
  stop(): void {
    this.#server.forceShutdown();
    for (const address of this.#options.listen) if ('path' in address) rmSync(address.path, { force: true });
  }

  async #bind(address: Address): Promise<string> {
    const text = addressText(address);
    if ('path' in address) await removeStaleSocket(address.path);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(text, this.#credentials(address), (error, port) => {
        if (error) return reject(new UsageError(`listen: ${text}: ${bindError(error)}`));
        if ('path' in address) chmodSync(address.path, 0o600);
        resolve('port' in address ? addressText({ ...address, port }) : text);
      });
    });
  }

  /** A unix socket is guarded by its file permissions. */
  #credentials(address: Address): ServerCredentials {
    const { tls } = this.#options;
    if (!tls || 'path' in address) return ServerCredentials.createInsecure();
    return ServerCredentials.createSsl(tls.ca, [{ cert_chain: tls.cert, private_key: tls.key }], true);
  }
}

/** grpc-js wraps what the system said: "No address added out of total 1 resolved errors: [listen EADDRINUSE: …]". */
function bindError({ message }: Error): string {
  return /errors: \[(.*)\]/s.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
}

/** A killed predecessor leaves its socket, and binding to that fails; one that somebody listens on is left alone. */
export function removeStaleSocket(path: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true });
      resolve();
    });
  });
}
