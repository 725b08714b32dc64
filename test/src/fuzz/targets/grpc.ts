import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import {
  type Central,
  type CoordinatorProcess,
  ScriptedAgent,
  startCentral,
  startCoordinator,
} from '@iovisor-ovn/coordinator/testing';
import {
  AdminService,
  AgentMessage,
  Interfaces,
  Observations,
  Report,
  type ResourceType,
} from '@iovisor-ovn/proto';
import { Random } from '../random.js';
import { AgentEnds } from './agentEnds.js';
import { mutate } from './mutate.js';
import { rawHttp2, sendRaw } from './rawHttp.js';
import { Tally, type Target } from './target.js';

/** Messages of one stream. */
const PER_STREAM = 30;
/** Names under which it comes: each has a budget. */
const NAMES = 40;

export const grpcTarget: Target = {
  name: 'grpc',
  what: 'mutated messages, nonsense and raw HTTP at a coordinator and where an agent listens: they live, bind nothing of others, and serve them',
  cases: 50_000,
  run: async ({ seed, cases, stop = () => false }) => {
    const tally = new Tally();
    const central = await startCentral();
    const coordinator = await startCoordinator(central);
    const good = new ScriptedAgent({ address: coordinator.address, name: 'good', plugged: ['p1'] });
    const agent = await AgentEnds.open(tally);
    try {
      await central.nbctl('ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'p1', '--', 'lsp-add', 'sw0', 'p2');
      await good.until(() => good.port('p1')?.local === true);
      await new GrpcFuzz({ central, coordinator, good, agent }, new Random(seed), tally).run(cases, stop);
    } finally {
      await agent.close();
      good.close();
      await coordinator.stop('SIGKILL');
      await central.stop();
    }
    return tally;
  },
};

const same = (bytes: Buffer) => bytes;

/** What there is. */
interface Sides {
  readonly central: Central;
  readonly coordinator: CoordinatorProcess;
  /** An agent that is well-behaved, and where another one listens. */
  readonly good: ScriptedAgent;
  readonly agent: AgentEnds;
}

class GrpcFuzz {
  readonly #central: Central;
  readonly #coordinator: CoordinatorProcess;
  readonly #good: ScriptedAgent;
  readonly #agent: AgentEnds;
  readonly #random: Random;
  readonly #tally: Tally;
  #checks = 0;

  constructor({ central, coordinator, good, agent }: Sides, random: Random, tally: Tally) {
    this.#central = central;
    this.#coordinator = coordinator;
    this.#good = good;
    this.#agent = agent;
    this.#random = random;
    this.#tally = tally;
  }

  async run(cases: number, stop: () => boolean): Promise<void> {
    let next = 1000;
    while (this.#tally.cases < cases && !stop() && !this.#tally.isFull) {
      const kind = this.#random.weighted<() => Promise<void>>([
        [6, () => this.#session()],
        [2, () => this.#admin()],
        [2, () => this.#frames()],
        [12, () => this.#agent.attack(this.#random)],
      ]);
      await kind();
      if (this.#tally.cases < next) continue;
      next += 1000;
      await this.#check();
    }
    await this.#check();
    const bad = this.#coordinator.log
      .split('\n')
      .filter((line) => /"level":[56]0|refused a write/.test(line));
    if (bad.length > 0) this.#tally.fail(`in its log: ${bad[0]}`);
  }

  /** The others are served as ever, and have what they had. */
  async #check(): Promise<void> {
    const last = ++this.#checks % 250;
    const mac = `0a:00:00:00:00:${last.toString(16).padStart(2, '0')}`;
    await this.#central.nbctl('lsp-set-addresses', 'p1', mac);
    const late = delay(20_000, 'late', { ref: false });
    const served = this.#good
      .until(() => this.#good.port('p1')?.addresses[0]?.mac[5] === last)
      .then(() => 'served');
    const found = await Promise.race([late, served]).catch((error: Error) => error.message);
    if (found !== 'served') this.#tally.fail(`another agent was not served: ${found}`);
    if (this.#good.port('p1')?.chassis !== 'good')
      this.#tally.fail('a port of another agent is bound elsewhere');
    await this.#agent.check();
    this.#tally.saw('checked');
  }

  async #session(): Promise<void> {
    const client = this.#client();
    const call = client.makeBidiStreamRequest('/iovisor.v1.Coordinator/Session', same, same);
    call.on('data', () => undefined);
    const ended = new Promise<void>((resolve) => {
      call.on('error', (error) => {
        this.#tally.saw(`session ended ${(error as { code?: number }).code}`);
        resolve();
      });
      call.on('end', () => resolve());
    });
    const name = `evil${this.#random.int(NAMES)}`;
    if (this.#random.chance(0.9)) this.#write(call, this.#hello(name), 0.1);
    for (let n = 0; n < PER_STREAM; n++) this.#write(call, this.#message(name), 0.3);
    // It may be held back by flow control: then it is not waited for.
    await Promise.race([ended, delay(50)]);
    call.cancel();
    client.close();
  }

  #write(call: { write(bytes: Buffer): boolean }, message: AgentMessage, broken: number): void {
    this.#tally.cases++;
    const bytes = Buffer.from(AgentMessage.encode(message).finish());
    call.write(this.#random.chance(broken) ? mutate(this.#random, bytes) : bytes);
  }

  #hello(name: string): AgentMessage {
    const ip = `192.0.2.${100 + Number(name.slice(4))}`;
    const value = {
      protocol: this.#random.chance(0.95) ? 1 : 7,
      chassis: {
        name,
        hostname: this.#text(),
        encaps: [{ type: 'geneve', ip, csum: true }],
        otherConfig: { a: this.#text() },
        transportZones: [],
      },
      instance: name,
      softwareVersion: this.#text(),
      abi: 1,
      held: [...this.#good.held.values()].map(({ id, version }) => ({ type: 2, id, version })),
      interfaces: { complete: true, upserts: [this.#interface()], removals: [] },
    };
    return { message: { $case: 'hello', value } };
  }

  #interface() {
    return {
      ifaceId: this.#random.pick(['p1', 'p2', this.#text()]),
      tap: this.#text(),
      ifindex: this.#number(),
      ifaceIdVer: this.#text(),
      encapIp: this.#text(),
      macInUse: '',
    };
  }

  #text(): string {
    return this.#random.pick([
      '',
      'x',
      'good',
      'good.example',
      '\u0000',
      'é',
      '../..',
      '__proto__',
      ',',
      'x'.repeat(this.#random.int(3000)),
    ]);
  }

  #number(): number {
    return this.#random.pick([0, 1, 5, 0x7fffffff, 0xffffffff]);
  }

  #id(): string {
    return this.#random.pick([...[...this.#good.held.values()].map(({ id }) => id), '', 'x', '__proto__']);
  }

  #message(name: string): AgentMessage {
    const random = this.#random;
    const ref = { type: random.pick([0, 1, 2, 3, 4, 9]) as ResourceType, id: this.#id() };
    const refusal = { resource: random.chance(0.9) ? ref : undefined, version: 5n, message: this.#text() };
    const big = () => random.pick([0n, 1n, 2n ** 63n - 1n, 2n ** 64n - 1n]);
    const bytes = () => Buffer.alloc(random.pick([0, 3, 4, 6, 16, 300]), random.int(256));
    const make = random.pick<() => AgentMessage['message']>([
      () => ({
        $case: 'interfaces',
        value: Interfaces.create({
          complete: random.chance(0.3),
          upserts: [this.#interface()],
          removals: [this.#text()],
        }),
      }),
      () => ({
        $case: 'ack',
        value: {
          revision: random.pick([1n, 2n, big()]),
          nbCfg: big() >> 1n,
          refusals: [refusal],
          forwarding: [this.#id()],
          forwardingComplete: random.chance(0.5),
          notForwarding: [this.#id()],
          nbCfgTimestamp: big() >> 1n,
        },
      }),
      () => ({ $case: 'refusal', value: refusal }),
      () => ({
        $case: 'chassisConfig',
        value: {
          name: random.pick([name, 'good']),
          hostname: this.#text(),
          encaps: [],
          otherConfig: { [this.#text()]: this.#text() },
          transportZones: [this.#text()],
        },
      }),
      () => ({ $case: 'report', value: Report.create({ queryId: big() }) }),
      () => ({
        $case: 'observations',
        value: Observations.create({
          macs: [{ portId: this.#id(), mac: bytes() }],
          memberships: [{ portId: this.#id(), group: bytes(), left: random.chance(0.5) }],
          virtualClaims: [{ portId: this.#id(), parentId: this.#id() }],
          activated: [this.#id()],
        }),
      }),
      () => ({ $case: 'goodbye', value: { removeChassis: random.chance(0.5) } }),
      () => undefined,
    ]);
    return { message: make() };
  }

  /** What iovctl asks, broken. */
  async #admin(): Promise<void> {
    const client = this.#client();
    const calls = Object.values(AdminService).map(({ path }) => {
      this.#tally.cases++;
      const request = mutate(this.#random, Buffer.from('0a046769726c1205676f6f6421', 'hex'));
      return new Promise<void>((resolve) => {
        const options = { deadline: Date.now() + 5000 };
        client.makeUnaryRequest(path, same, same, request, options, (error) => {
          this.#tally.saw(`admin ${error?.code ?? 'answered'}`);
          resolve();
        });
      });
    });
    await Promise.all(calls);
    client.close();
  }

  /** HTTP/2 that is none. */
  async #frames(): Promise<void> {
    const path = this.#random.pick([
      '/iovisor.v1.Coordinator/Session',
      AdminService.getStatus.path,
      '/nowhere',
    ]);
    const wire = rawHttp2(this.#random, path);
    this.#tally.cases += 20;
    const hungUp = await sendRaw({ path: this.#coordinator.address.replace('unix:', '') }, wire);
    this.#tally.saw(`frames: ${wire.name}, ${hungUp ? 'hung up' : 'borne'}`);
  }

  #client(): Client {
    return new Client(this.#coordinator.address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }
}
