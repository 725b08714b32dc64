import { setTimeout } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { ProblemList } from '@iovisor-ovn/proto';
import type { ExecutionContext } from 'ava';
import { type Central, type CentralOptions, startCentral } from './central.js';
import { type CoordinatorProcess, type CoordinatorProcessOptions, startCoordinator } from './process.js';
import { ScriptedAgent, type ScriptedAgentOptions } from './scripted-agent.js';

/** A central, coordinators and scripted agents for one test; all end with it. */
export class Scene {
  readonly central: Central;
  /** The coordinator started last. */
  coordinator!: CoordinatorProcess;
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, central: Central) {
    this.#t = t;
    this.central = central;
  }

  async startCoordinator(options?: CoordinatorProcessOptions): Promise<CoordinatorProcess> {
    const coordinator = await startCoordinator(this.central, options);
    this.#t.teardown(() => coordinator.stop('SIGKILL'));
    this.coordinator = coordinator;
    return coordinator;
  }

  /** Connects an agent and waits for its first commit. As any agent it comes again while one before it still seems to be connected. */
  async agent(name: string, options: Partial<ScriptedAgentOptions> = {}): Promise<ScriptedAgent> {
    for (const deadline = Date.now() + 10_000; ; await setTimeout(20)) {
      const agent = this.connect(name, options);
      try {
        await agent.until(() => agent.commits.length > 0);
        return agent;
      } catch (error) {
        if (agent.ended?.error?.code !== status.ALREADY_EXISTS || Date.now() > deadline) throw error;
      }
    }
  }

  /** Connects an agent without waiting. */
  connect(name: string, options: Partial<ScriptedAgentOptions> = {}): ScriptedAgent {
    const agent = new ScriptedAgent({ address: this.coordinator.address, name, ...options });
    this.#t.teardown(() => agent.close());
    return agent;
  }

  /** One column of one Southbound row, as ovn-sbctl prints it. */
  async sb(table: string, record: string, column: string): Promise<string> {
    return this.central.sbctl('--bare', `--columns=${column}`, 'list', table, record);
  }

  /** The Port_Binding's columns, as ovn-sbctl prints them. */
  async binding(port: string, column: string): Promise<string> {
    return this.central.sbctl(
      '--bare',
      `--columns=${column}`,
      'find',
      'Port_Binding',
      `logical_port=${port}`,
    );
  }

  /** Name of the chassis the port is bound to; empty when it is not. */
  async boundTo(port: string): Promise<string> {
    const chassis = await this.binding(port, 'chassis');
    return chassis === '' ? '' : this.sb('Chassis', chassis, 'name');
  }

  /** Messages of the problems listed now. */
  async problems(): Promise<string[]> {
    const messages: string[] = [];
    const parts: AsyncIterable<ProblemList> = this.coordinator.admin.listProblems({ node: '', name: '' });
    for await (const { problems } of parts) for (const { message } of problems) messages.push(message);
    return messages;
  }
}

/** A running central and a coordinator which serves. */
export async function scene(
  t: ExecutionContext,
  options: { central?: CentralOptions; coordinator?: CoordinatorProcessOptions } = {},
): Promise<Scene> {
  const central = await startCentral(options.central);
  t.teardown(() => central.stop());
  const made = new Scene(t, central);
  await made.startCoordinator(options.coordinator);
  return made;
}

/** Arguments of ovn-nbctl that make a switch with ports of these names. */
export function switchWith(name: string, ...ports: string[]): string[] {
  return ['ls-add', name, ...ports.flatMap((port) => ['--', 'lsp-add', name, port])];
}
