import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials,
  type ServiceError,
} from '@grpc/grpc-js';
import { tlsChannelOptions } from '@iovisor-ovn/endpoint';
import {
  type AgentMessage,
  type ChassisConfig,
  type Commit,
  CoordinatorClient,
  type CoordinatorMessage,
  type Delta,
  type HeldResource,
  type Interfaces,
  type LearnedMac,
  type LocalInterface,
  type LogicalPort,
  type LogicalSwitch,
  type Observations,
  type Query,
  type RemoteChassis,
  Report,
  type Resource,
  ResourceType,
} from '@iovisor-ovn/proto';

export interface ScriptedAgentOptions {
  /** Coordinator address. */
  address: string;
  name: string;
  hostname?: string;
  encaps?: ChassisConfig['encaps'];
  otherConfig?: Record<string, string>;
  transportZones?: readonly string[];
  /** iface-ids plugged from the start. */
  plugged?: readonly string[];
  /** Resources applied before, as a reconnecting agent states them. */
  held?: ReadonlyMap<string, Resource>;
  instance?: string;
  /** Which one of the instance's sessions this is; default: not said. */
  attempt?: bigint;
  /** Answer each commit at once, with all local ports forwarding. Default true. */
  autoAck?: boolean;
  credentials?: ChannelCredentials;
}

interface AgentEvents {
  delta: [Delta];
  /** After its deltas are applied and, with autoAck, after the Ack was sent. */
  commit: [Commit];
  query: [Query];
  end: [ServiceError | undefined];
}

let agents = 0;

/** Plays the agent's side of a session: applies what it is sent to a map. Our own protocol, so it mocks nothing foreign. */
export class ScriptedAgent extends EventEmitter<AgentEvents> {
  readonly name: string;
  readonly instance: string;
  /** What it holds, by "type/id". */
  readonly held: Map<string, Resource>;
  readonly commits: Commit[] = [];
  readonly deltas: Delta[] = [];
  autoAck: boolean;
  /** Why the session ended; undefined while it lives. */
  ended?: { error?: ServiceError };
  /** Acknowledge only what the commit brought, as real agents do with many ports, rather than all ports that forward. */
  ackDifference = false;
  /** Of every Ack; 0: not said. */
  nbCfgTimestamp = 0n;
  /** Answer no query. */
  mute = false;
  /** What it answers to a query. */
  report: Partial<Report> | ((query: Query) => Partial<Report>) = {};
  readonly #client: CoordinatorClient;
  readonly #stream: ClientDuplexStream<AgentMessage, CoordinatorMessage>;
  #fresh: Resource[] = [];
  readonly #plugged = new Map<string, LocalInterface>();

  constructor(options: ScriptedAgentOptions) {
    super();
    this.setMaxListeners(0);
    this.name = options.name;
    this.instance = options.instance ?? randomUUID();
    this.autoAck = options.autoAck ?? true;
    this.held = new Map(options.held);
    this.#client = new CoordinatorClient(
      options.address,
      options.credentials ?? credentials.createInsecure(),
      tlsChannelOptions('127.0.0.1'),
    );
    this.#stream = this.#client.session();
    this.#stream.on('data', ({ message }: CoordinatorMessage) => this.#receive(message));
    this.#stream.on('error', (error: ServiceError) => this.#end(error));
    this.#stream.on('end', () => this.#end());
    for (const id of options.plugged ?? []) this.#plugged.set(id, localInterface(id));
    this.send({ $case: 'hello', value: this.#hello(options) });
  }

  /** Resources of one kind that it holds. */
  get switches(): LogicalSwitch[] {
    return this.#bodies('logicalSwitch') as LogicalSwitch[];
  }

  get ports(): LogicalPort[] {
    return this.#bodies('logicalPort') as LogicalPort[];
  }

  get chassis(): RemoteChassis[] {
    return this.#bodies('remoteChassis') as RemoteChassis[];
  }

  get macs(): LearnedMac[] {
    return this.#bodies('learnedMac') as LearnedMac[];
  }

  port(name: string): LogicalPort | undefined {
    return this.ports.find((port) => port.name === name);
  }

  plug(ifaceId: string, more: Partial<LocalInterface> = {}): void {
    const one = { ...localInterface(ifaceId), ...more };
    this.#plugged.set(ifaceId, one);
    this.#interfaces({ complete: false, upserts: [one], removals: [] });
  }

  unplug(ifaceId: string): void {
    this.#plugged.delete(ifaceId);
    this.#interfaces({ complete: false, upserts: [], removals: [ifaceId] });
  }

  /** Tells what its data plane saw. */
  observe(seen: Partial<Observations>): void {
    const value = { macs: [], virtualClaims: [], activated: [], memberships: [], ...seen };
    this.send({ $case: 'observations', value });
  }

  /** Acknowledges the last commit. */
  ack(): void {
    const commit = this.commits.at(-1);
    if (commit) this.#ack(commit);
  }

  send(message: AgentMessage['message']): void {
    this.#stream.write({ message });
  }

  /** Resolves when `condition` holds; it is looked at after each commit. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#next();
  }

  /** Resolves with why the session ended. */
  async untilEnded(): Promise<ServiceError | undefined> {
    while (!this.ended) await new Promise((resolve) => this.once('end', resolve));
    return this.ended.error;
  }

  /** Closes the connection without a word, as a killed agent. */
  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }

  #next(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(new Error(`session of ${this.name} ended: ${this.ended.error?.message}`));
      const done = () => {
        this.off('commit', done);
        this.off('end', failed);
        resolve();
      };
      const failed = (error?: ServiceError) => {
        this.off('commit', done);
        reject(new Error(`session of ${this.name} ended: ${error?.message}`));
      };
      this.once('commit', done);
      this.once('end', failed);
    });
  }

  #receive(message: CoordinatorMessage['message']): void {
    if (message?.$case === 'delta') {
      this.#apply(message.value);
      if (message.value.commit) this.#commit(message.value.commit);
    } else if (message?.$case === 'query') this.#answer(message.value);
    else if (message?.$case === 'commit') this.#commit(message.value);
  }

  #commit(commit: Commit): void {
    this.commits.push(commit);
    if (this.autoAck) this.#ack(commit);
    this.emit('commit', commit);
  }

  #apply(delta: Delta): void {
    this.deltas.push(delta);
    for (const { type, id } of delta.removals) this.held.delete(`${type}/${id}`);
    this.#fresh.push(...delta.upserts);
    for (const resource of delta.upserts) this.held.set(`${resourceType(resource)}/${resource.id}`, resource);
    this.emit('delta', delta);
  }

  #answer(query: Query): void {
    if (this.mute) return;
    const report = typeof this.report === 'function' ? this.report(query) : this.report;
    this.send({ $case: 'report', value: Report.create({ ...report, queryId: query.id }) });
    this.emit('query', query);
  }

  #ack(commit: Commit): void {
    const candidates = this.ackDifference ? this.#fresh : this.held.values();
    const local = [...candidates].filter(
      ({ body }) =>
        body?.$case === 'logicalPort' &&
        body.value.local &&
        this.#plugged.has(body.value.parent || body.value.name),
    );
    const { revision, nbCfg } = commit;
    const forwarding = local.map(({ id }) => id);
    this.send({
      $case: 'ack',
      value: {
        revision,
        nbCfg,
        nbCfgTimestamp: this.nbCfgTimestamp,
        refusals: [],
        forwarding,
        forwardingComplete: !this.ackDifference || commit.full,
        notForwarding: [],
      },
    });
    this.#fresh = [];
  }

  #interfaces(value: Interfaces): void {
    this.send({ $case: 'interfaces', value });
  }

  #end(error?: ServiceError): void {
    if (this.ended) return;
    this.ended = { error };
    this.emit('end', error);
  }

  #hello(options: ScriptedAgentOptions) {
    const held: HeldResource[] = [...this.held.values()].map((resource) => ({
      type: resourceType(resource),
      id: resource.id,
      version: resource.version,
    }));
    const encaps = options.encaps ?? [{ type: 'vxlan', ip: `192.0.2.${(++agents % 250) + 1}`, csum: true }];
    return {
      protocol: 1,
      instance: this.instance,
      attempt: options.attempt,
      softwareVersion: 'scripted',
      abi: 1,
      held,
      chassis: {
        name: options.name,
        hostname: options.hostname ?? `${options.name}.example`,
        encaps,
        otherConfig: options.otherConfig ?? {},
        transportZones: [...(options.transportZones ?? [])],
      },
      interfaces: { complete: true, upserts: [...this.#plugged.values()], removals: [] },
    };
  }

  #bodies(kind: NonNullable<Resource['body']>['$case']): unknown[] {
    return [...this.held.values()].filter(({ body }) => body?.$case === kind).map(({ body }) => body?.value);
  }
}

function resourceType({ body }: Resource): ResourceType {
  switch (body?.$case) {
    case 'logicalSwitch':
      return ResourceType.LOGICAL_SWITCH;
    case 'logicalPort':
      return ResourceType.LOGICAL_PORT;
    case 'learnedMac':
      return ResourceType.LEARNED_MAC;
    default:
      return ResourceType.REMOTE_CHASSIS;
  }
}

function localInterface(ifaceId: string): LocalInterface {
  return { ifaceId, tap: `tap-${ifaceId}`, ifindex: 1, ifaceIdVer: '', encapIp: '', macInUse: '' };
}

/** Name of a switch, port or chassis that was sent; undefined for what has none. */
export function nameOf({ body }: Resource): string | undefined {
  return body && 'name' in body.value ? body.value.name : undefined;
}
