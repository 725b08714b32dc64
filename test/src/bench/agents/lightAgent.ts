import { randomUUID } from 'node:crypto';
import { type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import {
  type AgentMessage,
  type Commit,
  CoordinatorClient,
  type CoordinatorMessage,
  type Delta,
  Report,
  type Resource,
  ResourceType,
} from '@iovisor-ovn/proto';
import { type AgentSpec, changeNumber } from './messages.js';

/** Of an agent that is refused or loses its session, as the real one's. */
const backoffMs = { least: 200, most: 5000 };

const types = {
  logicalSwitch: ResourceType.LOGICAL_SWITCH,
  logicalPort: ResourceType.LOGICAL_PORT,
  remoteChassis: ResourceType.REMOTE_CHASSIS,
  learnedMac: ResourceType.LEARNED_MAC,
} as const;

/** What becomes of an agent's session. */
export interface LightAgentListener {
  /** The first, full commit of a session was acknowledged and all its ports forward; false: it is no more so. */
  settled(settled: boolean): void;
  /** A port with the mark of change `number` came, and its Ack is on its way. */
  seen(number: number, local: boolean): void;
}

interface Held {
  type: ResourceType;
  version: bigint;
}

/**
 * Speaks the agent's side of the protocol on a connection of its own, and keeps of each resource the version only, so that a
 * thousand fit into two processes beside what is measured.
 */
export class LightAgent {
  readonly #address: string;
  readonly #spec: AgentSpec;
  readonly #listener: LightAgentListener;
  readonly #instance = randomUUID();
  readonly #ports: ReadonlySet<string>;
  readonly #held = new Map<string, Held>();
  readonly #local = new Set<string>();
  /** Local ports that came since the last Ack. */
  #fresh: string[] = [];
  #changes: [number: number, local: boolean][] = [];
  #client?: CoordinatorClient;
  #stream?: ClientDuplexStream<AgentMessage, CoordinatorMessage>;
  #failures = 0;
  #full = false;
  #settled = false;

  constructor(address: string, spec: AgentSpec, listener: LightAgentListener) {
    this.#address = address;
    this.#spec = spec;
    this.#listener = listener;
    this.#ports = new Set(spec.ports);
  }

  connect(): void {
    const client = new CoordinatorClient(this.#address, credentials.createInsecure(), {
      'grpc.keepalive_time_ms': 5000,
      'grpc.keepalive_timeout_ms': 3000,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_retries': 0,
    });
    const stream = client.session();
    this.#client = client;
    this.#stream = stream;
    this.#full = false;
    stream.on('data', ({ message }: CoordinatorMessage) => this.#receive(message));
    // 'end' comes behind each error too, or after it: the first of them counts.
    for (const event of ['error', 'end'] as const) stream.on(event, () => this.#lost(stream));
    this.#send({ $case: 'hello', value: this.#hello() });
  }

  /** Breaks off without a word, and comes back as after any loss. */
  drop(): void {
    const stream = this.#stream;
    if (!stream) return;
    this.#lost(stream);
    stream.cancel();
  }

  #lost(stream: ClientDuplexStream<AgentMessage, CoordinatorMessage>): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#client?.close();
    this.#setSettled(false);
    const most = Math.min(backoffMs.most, backoffMs.least * 2 ** this.#failures++);
    setTimeout(() => this.connect(), most * (0.5 + Math.random() / 2));
  }

  #receive(message: CoordinatorMessage['message']): void {
    if (message?.$case === 'delta') {
      this.#apply(message.value);
      if (message.value.commit) this.#commit(message.value.commit);
    } else if (message?.$case === 'commit') this.#commit(message.value);
    else if (message?.$case === 'query')
      this.#send({ $case: 'report', value: Report.create({ queryId: message.value.id }) });
  }

  #apply({ upserts, removals }: Delta): void {
    for (const { id } of removals) {
      this.#held.delete(id);
      this.#local.delete(id);
    }
    for (const resource of upserts) this.#take(resource);
  }

  #take({ id, version, body }: Resource): void {
    if (!body) return;
    this.#held.set(id, { type: types[body.$case], version });
    if (body.$case !== 'logicalPort') return;
    const port = body.value;
    const local = port.local && this.#ports.has(port.name);
    if (local) {
      this.#local.add(id);
      this.#fresh.push(id);
    } else this.#local.delete(id);
    const number = changeNumber(port.addresses[0]?.mac);
    if (number !== undefined) this.#changes.push([number, local]);
  }

  #commit({ revision, nbCfg, full }: Commit): void {
    this.#failures = 0;
    const forwarding = full ? [...this.#local] : this.#fresh;
    this.#fresh = [];
    this.#send({
      $case: 'ack',
      value: {
        revision,
        nbCfg,
        nbCfgTimestamp: 0n,
        refusals: [],
        forwarding,
        forwardingComplete: full,
        notForwarding: [],
      },
    });
    this.#full ||= full;
    for (const [number, local] of this.#changes) this.#listener.seen(number, local);
    this.#changes = [];
    this.#setSettled(this.#full && this.#local.size === this.#ports.size);
  }

  #setSettled(settled: boolean): void {
    if (settled === this.#settled) return;
    this.#settled = settled;
    this.#listener.settled(settled);
  }

  #send(message: AgentMessage['message']): void {
    this.#stream?.write({ message });
  }

  #hello() {
    const { name, ip, ports } = this.#spec;
    const upserts = ports.map((ifaceId, index) => ({
      ifaceId,
      tap: `tap${index}`,
      ifindex: index + 2,
      ifaceIdVer: '',
      encapIp: '',
      macInUse: '',
    }));
    return {
      protocol: 1,
      instance: this.#instance,
      softwareVersion: 'simulated',
      abi: 1,
      held: [...this.#held].map(([id, held]) => ({ ...held, id })),
      chassis: {
        name,
        hostname: `${name}.example`,
        encaps: [{ type: 'geneve', ip, csum: true }],
        otherConfig: {},
        transportZones: [],
      },
      interfaces: { complete: true, upserts, removals: [] },
    };
  }
}
