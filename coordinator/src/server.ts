import { chmodSync, rmSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { addReflection, removeStaleSocket, serverCredentials, type TlsFollower } from '@iovisor-ovn/endpoint';
import { type AdminServer, AdminService, type CoordinatorServer, protoDirectory } from '@iovisor-ovn/proto';
import { HealthImplementation, protoPath as healthProto, type ServingStatusMap } from 'grpc-health-check';
import { type Address, addressText } from './config/address.js';
import { UsageError } from './config/settings.js';
import { boundedService } from './session/bounded-service.js';
import { limits } from './session/limits.js';

export interface GrpcServerOptions {
  listen: readonly Address[];
  /** Undefined: plain text everywhere. */
  tls?: TlsFollower;
  coordinator: CoordinatorServer;
  admin: AdminServer;
}

/** What grpc.health.v1 is asked for. */
const healthServices = ['', 'ovn-nb', 'ovn-sb', 'leader'] as const;
export type HealthService = (typeof healthServices)[number];

/** Until connections that are to come anew are cut; their peers were told. */
const drainMs = 100;

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
  readonly #health = new HealthImplementation(
    Object.fromEntries(healthServices.map((name) => [name, 'NOT_SERVING'])) as ServingStatusMap,
  );
  readonly #serving = new Map<HealthService, boolean>();
  /** With TLS, as gRPC knows them. */
  readonly #secure: string[] = [];
  readonly #options: GrpcServerOptions;

  constructor(given: GrpcServerOptions) {
    this.#options = given;
    this.#server.addService(boundedService, given.coordinator);
    this.#server.addService(AdminService, given.admin);
    this.#health.addToServer(this.#server);
    addReflection(this.#server, {
      files: ['iovisor/v1/session.proto', 'iovisor/v1/admin.proto', healthProto],
      includeDirs: [protoDirectory],
    });
  }

  /** Binds all addresses; resolves with them, with the ports chosen for 0. Throws UsageError naming one that cannot be bound. */
  async listen(): Promise<string[]> {
    const bound: string[] = [];
    for (const address of this.#options.listen) bound.push(await this.#bind(address));
    return bound;
  }

  setHealth(service: HealthService, serving: boolean): void {
    // Who watches hears of changes only.
    if (this.#serving.get(service) === serving) return;
    this.#serving.set(service, serving);
    this.#health.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** All connections with TLS have to be made anew: other authorities count now. */
  endConnections(): void {
    for (const address of this.#secure) this.#server.drain(address, drainMs);
  }

  /** Nothing is served any more; who watches is told. */
  setStopping(): void {
    for (const service of healthServices) this.setHealth(service, false);
  }

  /** Ends all streams at once. */
  stop(): void {
    this.#server.forceShutdown();
    for (const address of this.#options.listen) if ('path' in address) rmSync(address.path, { force: true });
  }

  async #bind(address: Address): Promise<string> {
    const text = addressText(address);
    if ('path' in address && !(await removeStaleSocket(address.path)))
      throw new UsageError(`listen: ${text}: in use by another process, or no socket`);
    const secure = this.#options.tls !== undefined && !('path' in address);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(text, this.#credentials(address), (error, port) => {
        if (error) return reject(new UsageError(`listen: ${text}: ${bindError(error)}`));
        if ('path' in address) chmodSync(address.path, 0o600);
        const bound = 'port' in address ? addressText({ ...address, port }) : text;
        if (secure) this.#secure.push(bound);
        resolve(bound);
      });
    });
  }

  /** A unix socket is guarded by its file permissions. */
  #credentials(address: Address): ServerCredentials {
    const { tls } = this.#options;
    if (!tls || 'path' in address) return ServerCredentials.createInsecure();
    return serverCredentials(tls);
  }
}

/** grpc-js wraps what the system said: "No address added out of total 1 resolved errors: [listen EADDRINUSE: …]". */
function bindError({ message }: Error): string {
  return /errors: \[(.*)\]/s.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
}
