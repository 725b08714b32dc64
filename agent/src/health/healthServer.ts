import { chmodSync, rmSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { addReflection, removeStaleSocket, serverCredentials, type TlsFollower } from '@iovisor-ovn/endpoint';
import { HealthImplementation, protoPath, type ServingStatusMap } from 'grpc-health-check';
import { type Address, formatAddress, isLocal } from '../session/index.js';

/** Services of grpc.health.v1; '' is the agent as a whole. */
export type HealthName = '' | 'ovsdb' | 'datapath' | 'coordinator';
const NAMES: readonly HealthName[] = ['', 'ovsdb', 'datapath', 'coordinator'];

/** When a client that says nothing is asked whether it is there, and how long it has to answer, ms. */
export interface HealthTiming {
  readonly keepaliveMs: number;
  readonly timeoutMs: number;
}

const TIMING: HealthTiming = { keepaliveMs: 5000, timeoutMs: 3000 };

/** grpc.health.v1: SERVING only while it is true. */
export class HealthServer {
  readonly #health = new HealthImplementation(
    Object.fromEntries(NAMES.map((name) => [name, 'NOT_SERVING'])) as ServingStatusMap,
  );
  readonly #server: Server;
  readonly #address: Address;
  readonly #credentials: ServerCredentials;
  readonly #known = new Map<HealthName, boolean>();

  /** @param tls for an address that others reach; undefined: plain text there, too */
  constructor(address: Address, tls: TlsFollower | undefined, timing = TIMING) {
    this.#address = address;
    this.#server = new Server({
      // Node does not notice the end of a connection on which it met a frame that is none: it would be kept for good.
      'grpc.keepalive_time_ms': timing.keepaliveMs,
      'grpc.keepalive_timeout_ms': timing.timeoutMs,
      'grpc.max_concurrent_streams': 100,
      'grpc.enable_channelz': 0,
    });
    this.#credentials =
      tls === undefined || isLocal(address) ? ServerCredentials.createInsecure() : serverCredentials(tls);
    this.#health.addToServer(this.#server);
    addReflection(this.#server, { files: [protoPath], includeDirs: [] });
  }

  /** @throws Error when the address is taken */
  async listen(): Promise<void> {
    const address = this.#address;
    if (address.kind === 'unix' && !(await removeStaleSocket(address.path)))
      throw new Error(
        `--health: ${formatAddress(address)} is in use by another agent, or no socket; give this one its own address`,
      );
    const target = address.kind === 'unix' ? `unix:${address.path}` : formatAddress(address);
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(target, this.#credentials, (error) => (error ? reject(error) : resolve()));
    });
    if (address.kind === 'unix') chmodSync(address.path, 0o660);
  }

  set(name: HealthName, serving: boolean): void {
    if (this.#known.get(name) === serving) return;
    this.#known.set(name, serving);
    this.#health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  }

  close(): void {
    for (const name of NAMES) this.set(name, false);
    this.#server.forceShutdown();
    if (this.#address.kind === 'unix') rmSync(this.#address.path, { force: true });
  }
}
