import { byUuid, type Transaction, type TransactionError } from '@iovisor-ovn/ovsdb-client';
import type { LocalInterface } from '@iovisor-ovn/proto';
import { type PortState, rowBinding, type Southbound, sameBinding } from '../logic/southbound.js';
import type { PortBindingRow } from '../monitor/rows.js';
import type { ProblemRegistry, ProblemStatement } from '../problems/registry.js';
import { type Candidate, type Decision, decideClaim, type Owner } from './claim-policy.js';
import type { SouthboundWriter } from './writer.js';

/** How long a claim may wait for its agent's acknowledgement, to be written with it. */
const patienceMs = 5;

/** An interface that a connected agent has plugged. */
export interface Plugged {
  /** Chassis name. */
  chassis: string;
  interface: LocalInterface;
  order: number;
  /** Whether the port with this uuid forwards there; undefined while the agent has not told. */
  forwarding(portUuid: string): boolean | undefined;
}

/** What the claims need to know of the agents. */
export interface AgentDirectory {
  plugged(ifaceId: string): Iterable<Plugged>;
  /** The chassis has a session, so what it does not have plugged is not there. */
  isConnected(chassis: string): boolean;
}

/** Keeps Port_Binding.chassis, additional_chassis, encap and up of VIFs as the policy says. */
export class Claims {
  readonly #southbound: Southbound;
  readonly #agents: AgentDirectory;
  readonly #writer: SouthboundWriter;
  readonly #problems: ProblemRegistry;
  /** Ports of which the last write was refused: the next one has to be done before anything follows from it. */
  readonly #refused = new Set<string>();

  constructor(
    southbound: Southbound,
    agents: AgentDirectory,
    writer: SouthboundWriter,
    problems: ProblemRegistry,
  ) {
    this.#southbound = southbound;
    this.#agents = agents;
    this.#writer = writer;
    this.#problems = problems;
  }

  /** True when the row is not as decided and no write is under way that would make it so: this must not happen. */
  isForgotten(port: PortState): boolean {
    const name = port.row.logical_port;
    if (this.#southbound.port(name) !== port || !this.#southbound.isSwitch(port.switch)) return false;
    if (this.#writer.isPending(writeKey(name)) || this.#refused.has(name)) return false;
    const decision = this.#decide(port, [...this.#agents.plugged(name)]);
    return port.expected !== undefined || this.#difference(port, decision) !== undefined;
  }

  /** Looks at the port of that name again: something about it, its interface or its agent changed. */
  reconcile(name: string): void {
    const plugged = [...this.#agents.plugged(name)];
    const port = this.#southbound.port(name);
    if (!port || !this.#southbound.isSwitch(port.switch)) {
      this.#problems.replace(`claim:${name}`, plugged.map(unknownPort));
      return;
    }
    const decision = this.#decide(port, plugged);
    const losers = decision.losers.map((loser) => bindingProblem(port.row, loser.message, loser.name));
    const unfit = isVif(port.row) ? [] : plugged.map((one) => notVif(one, port.row));
    this.#problems.replace(`claim:${name}`, [...losers, ...unfit]);
    this.#expect(port, decision);
    if (this.#difference(port, decision)) this.#queue(name, decision);
  }

  /**
   * Agents hear of a binding while it is written, not after: this coordinator alone decides, so it will be as decided.
   * What they acknowledge is written after it, or with it.
   */
  #expect(port: PortState, decision: Decision): void {
    const done = sameBinding(decision, rowBinding(port.row));
    const { chassis, additional } = decision;
    if (done || this.#refused.has(port.row.logical_port)) this.#southbound.expect(port, undefined);
    else if (!port.expected || !sameBinding(port.expected, decision))
      this.#southbound.expect(port, { chassis, additional });
  }

  #queue(name: string, decision: Decision): void {
    const write = {
      build: (transaction: Transaction) => this.#build(transaction, name),
      settled: (error?: TransactionError) => this.#done(name, error),
    };
    // An agent that is told of its port acknowledges it in a moment: chassis, up and nb_cfg are one transaction then.
    this.#writer.queue(writeKey(name), write, decision.chassis === undefined ? 0 : patienceMs);
  }

  #build(transaction: Transaction, name: string): void {
    const port = this.#southbound.port(name);
    if (!port || !this.#southbound.isSwitch(port.switch)) return;
    const decision = this.#decide(port, [...this.#agents.plugged(name)]);
    this.#expect(port, decision);
    const update = this.#difference(port, decision);
    if (!update) return;
    // When somebody else has bound it meanwhile nothing is written, and that change has us look again.
    const write = (chassis: string | undefined) =>
      transaction.update('Port_Binding', [byUuid(port.row._uuid), ['chassis', '==', chassis]], update);
    write(port.row.chassis);
    // Our own claim may be done already, and the row not here yet: `up` must not be late then, nb_cfg goes with it.
    if ('chassis' in update && update.up === true) write(decision.chassis);
  }

  #done(name: string, error?: TransactionError): void {
    const port = this.#southbound.port(name);
    const message = `Southbound refused the binding: ${error?.message}; it is tried again`;
    this.#problems.replace(`claim-write:${name}`, error && port ? [bindingProblem(port.row, message)] : []);
    if (!error) {
      this.#refused.delete(name);
      return;
    }
    this.#refused.add(name);
    if (port) this.#southbound.expect(port, undefined);
    setTimeout(() => this.reconcile(name), 1000).unref();
  }

  #decide(port: PortState, plugged: readonly Plugged[]): Decision {
    const candidates: Candidate[] = [];
    // A port that became something else than a VIF is let go.
    for (const one of isVif(port.row) ? plugged : []) {
      const row = this.#southbound.chassis.get(one.chassis)?.row;
      // Not registered yet: the Chassis row's arrival has us look again.
      if (!row) continue;
      candidates.push({
        chassis: row._uuid,
        name: row.name,
        hostname: row.hostname,
        ifaceIdVersion: one.interface.ifaceIdVer,
        forwarding: one.forwarding(port.row._uuid),
        order: one.order,
      });
    }
    const owners = new Map<string, Owner>();
    for (const uuid of [port.row.chassis, ...(port.row.additional_chassis ?? [])]) {
      const row = uuid === undefined ? undefined : this.#southbound.chassisByUuid(uuid)?.row;
      if (!row) continue;
      const live = this.#agents.isConnected(row.name);
      owners.set(row._uuid, { chassis: row._uuid, name: row.name, live, foreign: !isOurs(row.other_config) });
    }
    const decision = decideClaim(port.row, candidates, owners);
    // Its Chassis row was deleted by hand: it is back in a moment, and the port with it, which never stopped forwarding.
    return candidates.length < plugged.length && !decision.chassis
      ? { ...decision, up: undefined }
      : decision;
  }

  /** The columns to write to make the row say what was decided; undefined when it does. */
  #difference(port: PortState, decision: Decision): Partial<PortBindingRow> | undefined {
    const { row } = port;
    const update: { -readonly [C in keyof PortBindingRow]?: PortBindingRow[C] } = {};
    let differs = false;
    if (row.chassis !== decision.chassis) {
      update.chassis = decision.chassis;
      differs = true;
    }
    const additional = [...(row.additional_chassis ?? [])].sort();
    if (row.additional_chassis && additional.join() !== decision.additional.join()) {
      update.additional_chassis = decision.additional;
      differs = true;
    }
    if (decision.up !== undefined && row.up !== decision.up) {
      update.up = decision.up;
      differs = true;
    }
    const encap = this.#encapOf(port, decision);
    if (row.encap !== encap) {
      update.encap = encap;
      differs = true;
    }
    return differs ? update : undefined;
  }

  /** The Encap row of the interface's own encap-ip; none when it has none: then any encap of the chassis will do. */
  #encapOf(port: PortState, decision: Decision): string | undefined {
    const chassis =
      decision.chassis === undefined ? undefined : this.#southbound.chassisByUuid(decision.chassis)?.row;
    if (!chassis) return undefined;
    for (const one of this.#agents.plugged(port.row.logical_port)) {
      if (one.chassis !== chassis.name) continue;
      const ip = one.interface.encapIp;
      return chassis.encaps.find((uuid) => ip !== '' && this.#southbound.encap(uuid)?.ip === ip);
    }
    // Nobody of ours has it plugged: a stock ovn-controller's, or an agent that is away.
    return port.row.encap;
  }
}

/** A key of Chassis.other_config that only agents of this product publish. */
export const ownChassisKey = 'iovisor-abi';

/** True for the chassis of one of our agents, false for a stock ovn-controller's. */
export function isOurs(otherConfig: ReadonlyMap<string, string> | undefined): boolean {
  return otherConfig?.has(ownChassisKey) ?? false;
}

function writeKey(port: string): string {
  return `claim:${port}`;
}

function isVif(row: PortBindingRow): boolean {
  return row.type === '' && (row.parent_port ?? '') === '';
}

function unknownPort(one: Plugged): ProblemStatement {
  return {
    where: `Open_vSwitch (${one.chassis})`,
    table: 'Interface',
    name: one.interface.ifaceId,
    column: 'external_ids:iface-id',
    node: one.chassis,
    message: `no logical switch port of that name (${one.interface.ifaceId}); ${one.interface.tap} drops everything until there is one`,
  };
}

function notVif(one: Plugged, row: PortBindingRow): ProblemStatement {
  const what = row.type === '' ? 'a nested port' : `of type ${row.type}`;
  return {
    ...unknownPort(one),
    message: `port ${row.logical_port} is ${what}, which an interface cannot have yet; ${one.interface.tap} drops everything`,
  };
}

function bindingProblem(row: PortBindingRow, message: string, node = ''): ProblemStatement {
  return {
    where: 'Southbound',
    table: 'Port_Binding',
    uuid: row._uuid,
    name: row.logical_port,
    column: 'chassis',
    node,
    message: `port ${row.logical_port}: ${message}`,
  };
}
