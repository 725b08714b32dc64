import { byUuid, type Transaction, type TransactionError } from '@iovisor-ovn/ovsdb-client';
import type { LocalInterface } from '@iovisor-ovn/proto';
import { type PortState, rowBinding, type Southbound, sameBinding } from '../logic/southbound.js';
import type { ChassisRow, PortBindingRow } from '../monitor/rows.js';
import type { ProblemRegistry, ProblemStatement } from '../problems/registry.js';
import {
  type Candidate,
  type Decision,
  decideClaim,
  decideDesignated,
  decideVirtual,
  kindOf,
  type Owner,
  type PortKind,
  type VirtualParent,
} from './claim-policy.js';
import { VirtualClaims } from './virtual-claims.js';
import type { SouthboundWriter } from './writer.js';

/** How long a claim may wait for its agent's acknowledgement, to be written with it. */
const patienceMs = 5;
/** How long the row of a nested port's parent may come after its own. */
const orphanMs = 1000;

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
  /** The chassis has a session, or had one a moment ago: what only one hypervisor may do stays with it. */
  isAlive(chassis: string): boolean;
}

/** Keeps what ovn-controller writes to Port_Binding rows of logical switches as the policy says. */
export class Claims {
  readonly #southbound: Southbound;
  readonly #agents: AgentDirectory;
  readonly #writer: SouthboundWriter;
  readonly #problems: ProblemRegistry;
  /** Ports of which the last write was refused: the next one has to be done before anything follows from it. */
  readonly #refused = new Set<string>();
  readonly #orphans = new Map<string, { timer?: NodeJS.Timeout }>();
  readonly #virtual = new VirtualClaims((name) => this.reconcile(name));

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
    const decision = this.#decide(port);
    return port.expected !== undefined || this.#difference(port, decision) !== undefined;
  }

  /** Looks at the port of that name again: something about it, its interface, its parent or its agent changed. */
  reconcile(name: string): void {
    const port = this.#southbound.port(name);
    if (!port || !this.#southbound.isSwitch(port.switch)) {
      this.#problems.replace(`claim:${name}`, [...this.#agents.plugged(name)].map(unknownPort));
      this.#virtual.remove(name);
      clearTimeout(this.#orphans.get(name)?.timer);
      this.#orphans.delete(name);
    } else {
      this.#reconcile(port);
    }
    for (const dependent of [...this.#southbound.dependentsOf(name)])
      if (dependent.row.logical_port !== name && this.#southbound.isSwitch(dependent.switch))
        this.#reconcile(dependent);
  }

  #reconcile(port: PortState): void {
    const name = port.row.logical_port;
    const decision = this.#decide(port);
    const losers = decision.losers.map((loser) => bindingProblem(port.row, loser.message, loser.name));
    this.#problems.replace(`claim:${name}`, [...losers, ...this.#unfit(port)]);
    this.#expect(port, decision);
    if (this.#difference(port, decision)) this.#queue(port, decision);
    else this.#virtual.done(port.row);
  }

  /** A parent announced the address of the virtual port; whether it may is decided here. */
  claimVirtual(port: PortState, parent: string, chassis: string): void {
    const isDone = port.row.virtual_parent === parent && port.bound[0] === chassis;
    this.#virtual.claim(port.row, parent, chassis, isDone);
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

  #queue(port: PortState, decision: Decision): void {
    const name = port.row.logical_port;
    const write = {
      build: (transaction: Transaction) => this.#build(transaction, name),
      settled: (error?: TransactionError) => this.#done(name, error),
      dropped: () => this.#dropped(name),
    };
    // An agent that is told of its port acknowledges it in a moment: chassis, up and nb_cfg are one transaction then.
    const waits = decision.chassis !== undefined && hasTap(kindOf(port.row));
    this.#writer.queue(writeKey(name), write, waits ? patienceMs : 0);
  }

  #build(transaction: Transaction, name: string): void {
    const port = this.#southbound.port(name);
    if (!port || !this.#southbound.isSwitch(port.switch)) return;
    const decision = this.#decide(port);
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
    this.#virtual.forget(name);
    if (port) this.#southbound.expect(port, undefined);
    setTimeout(() => this.reconcile(name), 1000).unref();
  }

  /** The row is what another coordinator says. */
  #dropped(name: string): void {
    const port = this.#southbound.port(name);
    if (port) this.#southbound.expect(port, undefined);
  }

  #decide(port: PortState): Decision {
    const { row } = port;
    const owners = this.#owners(row);
    switch (kindOf(row)) {
      case 'vif':
        return this.#decideVif(port, owners);
      case 'nested':
        return this.#decideNested(port, owners);
      case 'virtual':
        return decideVirtual(row, this.#virtualParent(row), owners);
      case 'l2gateway':
        return decideDesignated(row, this.#gateway(row), owners);
      case 'external':
        return decideDesignated(row, this.#active(port), owners);
      default:
        return decideDesignated(row, undefined, owners);
    }
  }

  #decideVif(port: PortState, owners: ReadonlyMap<string, Owner>): Decision {
    const plugged = [...this.#agents.plugged(port.row.logical_port)];
    const candidates: Candidate[] = [];
    for (const one of plugged) {
      const row = this.#southbound.chassis.get(one.chassis)?.row;
      // Not registered yet: the Chassis row's arrival has us look again.
      if (row) candidates.push(candidate(one, row, port, one.interface.ifaceIdVer, one.order));
    }
    const decision = decideClaim(port.row, candidates, owners);
    // Its Chassis row was deleted by hand: it is back in a moment, and the port with it, which never stopped forwarding.
    return candidates.length < plugged.length && !decision.chassis
      ? { ...decision, up: undefined }
      : decision;
  }

  /** A nested port is where its parent is, and has its parent's interface. */
  #decideNested(port: PortState, owners: ReadonlyMap<string, Owner>): Decision {
    const parent = this.#vif(port.row.parent_port);
    const wanted = port.row.options.get('iface-id-ver') ?? '';
    const candidates: Candidate[] = [];
    for (const one of parent ? this.#agents.plugged(parent.row.logical_port) : []) {
      const row = this.#southbound.chassis.get(one.chassis)?.row;
      const place = parent?.bound.indexOf(one.chassis) ?? -1;
      if (!row || place < 0) continue;
      const found = candidate(one, row, port, wanted, place);
      // Without a tag nothing can reach it; ovn-controller binds it all the same, and there is nothing to wait for.
      candidates.push(port.row.tag === undefined ? { ...found, forwarding: true } : found);
    }
    const decision = decideClaim(port.row, candidates, owners);
    return { ...decision, losers: decision.losers.filter((loser) => !loser.taken) };
  }

  #virtualParent(row: PortBindingRow): VirtualParent | undefined {
    const claim = this.#virtual.due(row);
    const parent = this.#vif(claim?.parent ?? row.virtual_parent);
    if (claim && parent?.bound.includes(claim.chassis)) return this.#parentAt(parent, [claim.chassis]);
    if (claim) this.#virtual.forget(row.logical_port);
    const kept = claim ? this.#vif(row.virtual_parent) : parent;
    if (kept) return this.#parentAt(kept, kept.bound);
    return row.virtual_parent === undefined ? undefined : { name: row.virtual_parent, hosts: [], up: false };
  }

  #parentAt(parent: PortState, names: readonly string[]): VirtualParent {
    const hosts = names.map((name) => this.#owner(this.#southbound.chassis.get(name)?.row));
    return {
      name: parent.row.logical_port,
      hosts: hosts.filter((host) => host !== undefined),
      up: this.#decide(parent).up ?? parent.row.up ?? true,
    };
  }

  #vif(name: string | undefined): PortState | undefined {
    const port = name === undefined ? undefined : this.#southbound.port(name);
    return port && kindOf(port.row) === 'vif' && this.#southbound.isSwitch(port.switch) ? port : undefined;
  }

  /** By name only, not by hostname, as ovn-controller. */
  #gateway(row: PortBindingRow): Owner | undefined {
    const name = row.options.get('l2gateway-chassis');
    return name === undefined ? undefined : this.#owner(this.#southbound.chassis.get(name)?.row);
  }

  /**
   * The chassis that serves an external port: of those of its HA_Chassis_Group that are alive the one with the highest
   * priority. A stock ovn-controller decides for itself, by BFD on its tunnels: it counts when it has the port.
   */
  #active(port: PortState): Owner | undefined {
    const able: (Owner & { priority: number })[] = [];
    for (const { chassis, priority } of port.candidates) {
      const owner = this.#owner(this.#southbound.chassisByUuid(chassis)?.row);
      if (!owner) continue;
      const alive = owner.foreign ? port.row.chassis === chassis : this.#agents.isAlive(owner.name);
      if (alive || port.candidates.length === 1) able.push({ ...owner, priority });
    }
    return able.sort((a, b) => b.priority - a.priority || (a.name < b.name ? 1 : -1))[0];
  }

  #owners(row: PortBindingRow): Map<string, Owner> {
    const owners = new Map<string, Owner>();
    for (const uuid of [row.chassis, ...(row.additional_chassis ?? [])]) {
      const owner = uuid === undefined ? undefined : this.#owner(this.#southbound.chassisByUuid(uuid)?.row);
      if (owner) owners.set(owner.chassis, owner);
    }
    return owners;
  }

  #owner(row: ChassisRow | undefined): Owner | undefined {
    if (!row) return undefined;
    const { _uuid: chassis, name, hostname, other_config } = row;
    const live = this.#agents.isConnected(name);
    const foreign = !isOurs(other_config);
    const leaving = !live && !foreign && this.#agents.isAlive(name);
    return { chassis, name, hostname, live, foreign, leaving };
  }

  /** What is wrong with the port that is no matter of who gets it. */
  #unfit(port: PortState): ProblemStatement[] {
    const { row } = port;
    const kind = kindOf(row);
    const found: ProblemStatement[] = [];
    if (kind === 'nested') found.push(...this.#unfitNested(row));
    if (kind === 'l2gateway' && row.options.has('l2gateway-chassis') && !this.#gateway(row))
      found.push(
        bindingProblem(
          row,
          `l2gateway-chassis ${row.options.get('l2gateway-chassis')} is no Chassis (its name counts, not its hostname); the port is not bound`,
        ),
      );
    if (kind === 'vif' || kind === 'localport') return found;
    for (const one of this.#agents.plugged(row.logical_port)) found.push(notVif(one, row));
    return found;
  }

  /** Rows come in any order: a nested port whose parent is still missing a moment later is one. */
  #isOrphan(name: string, parent: string): boolean {
    const known = this.#orphans.get(name);
    if (this.#vif(parent)) {
      clearTimeout(known?.timer);
      this.#orphans.delete(name);
      return false;
    }
    if (known) return known.timer === undefined;
    const orphan: { timer?: NodeJS.Timeout } = {};
    orphan.timer = setTimeout(() => {
      orphan.timer = undefined;
      if (this.#southbound.port(name)) this.reconcile(name);
      else this.#orphans.delete(name);
    }, orphanMs).unref();
    this.#orphans.set(name, orphan);
    return false;
  }

  #unfitNested(row: PortBindingRow): ProblemStatement[] {
    const found: ProblemStatement[] = [];
    const parent = row.parent_port ?? '';
    if (this.#isOrphan(row.logical_port, parent))
      found.push(
        bindingProblem(row, `its parent_name ${parent} is no port with an own interface; it is not bound`),
      );
    if (row.tag === undefined)
      found.push(bindingProblem(row, 'a nested port without a tag: nothing reaches it'));
    return found;
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
    if (row.virtual_parent !== decision.virtualParent) {
      update.virtual_parent = decision.virtualParent;
      differs = true;
    }
    const encap = this.#encapAt(port, decision.chassis, row.encap);
    if (row.encap !== encap) {
      update.encap = encap;
      differs = true;
    }
    const beside = this.#encapsBeside(port, decision);
    if (row.additional_encap && !sameSet(row.additional_encap, beside)) {
      update.additional_encap = beside;
      differs = true;
    }
    return differs ? update : undefined;
  }

  /** The Encap row of the interface's own encap-ip; none when it has none: then any encap of the chassis will do. */
  #encapAt(port: PortState, uuid: string | undefined, known: string | undefined): string | undefined {
    const chassis = uuid === undefined ? undefined : this.#southbound.chassisByUuid(uuid)?.row;
    if (!chassis) return undefined;
    const kind = kindOf(port.row);
    const iface = kind === 'nested' ? (port.row.parent_port ?? '') : port.row.logical_port;
    for (const one of hasTap(kind) ? this.#agents.plugged(iface) : []) {
      if (one.chassis !== chassis.name) continue;
      const ip = one.interface.encapIp;
      const there = chassis.encaps.filter((encap) => ip !== '' && this.#southbound.encap(encap)?.ip === ip);
      // Several types of tunnel end at that address: the best one, as ovn-controller chooses.
      return there.find((encap) => this.#southbound.encap(encap)?.type === 'geneve') ?? there[0];
    }
    // Nobody of ours has it plugged: a stock ovn-controller's, or an agent that is away.
    return this.#agents.isConnected(chassis.name) ? undefined : known;
  }

  #encapsBeside(port: PortState, decision: Decision): string[] {
    const found = decision.additional.map((uuid) => {
      const name = this.#southbound.chassisByUuid(uuid)?.row.name;
      const known = port.row.additional_encap?.find(
        (encap) => this.#southbound.encap(encap)?.chassis_name === name,
      );
      return this.#encapAt(port, uuid, known);
    });
    return found.filter((encap) => encap !== undefined);
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

/** Kinds of which an agent says when they forward. */
function hasTap(kind: PortKind): boolean {
  return kind === 'vif' || kind === 'nested';
}

function candidate(
  one: Plugged,
  row: ChassisRow,
  port: PortState,
  ifaceIdVersion: string,
  order: number,
): Candidate {
  return {
    chassis: row._uuid,
    name: row.name,
    hostname: row.hostname,
    ifaceIdVersion,
    forwarding: one.forwarding(port.row._uuid),
    order,
  };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
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
  const what = row.type === '' ? `a nested port of ${row.parent_port}` : `of type ${row.type}`;
  return {
    ...unknownPort(one),
    message: `port ${row.logical_port} is ${what}, which has no interface of its own; ${one.interface.tap} drops everything`,
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
