import { byUuid, type Transaction } from '@iovisor-ovn/ovsdb-client';
import type { Membership, Observations, ObservedMac, VirtualClaim } from '@iovisor-ovn/proto';
import { activated, activatedKey, awaitsRarp } from '../logic/activation.js';
import { ipText } from '../logic/addresses.js';
import type { Compiler } from '../logic/compiler.js';
import type { PortState } from '../logic/southbound.js';
import type { Claims } from './claims.js';
import type { MacLearner } from './mac-learner.js';
import { mapMutations } from './map-mutations.js';
import type { MulticastLearner } from './multicast-learner.js';
import { routersAddress } from './snoop-table.js';
import type { SouthboundWriter } from './writer.js';

/** Of each kind in one message; what is more is dropped, so that no message blocks the event loop. */
const maxPerMessage = 1000;

/**
 * What agents' data planes saw. An agent is believed about ports that its own chassis has and nothing else: what does not
 * fit is left out without a word, as it is when a port has moved while the message was on its way.
 */
export class Observer {
  readonly #compiler: Compiler;
  readonly #claims: Claims;
  readonly #learner: MacLearner;
  readonly #multicast: MulticastLearner;
  readonly #writer: SouthboundWriter;
  /** By port uuid: names of the chassis of which the activation is not written yet. */
  readonly #activating = new Map<string, Set<string>>();

  constructor(
    compiler: Compiler,
    claims: Claims,
    { macs, multicast }: { macs: MacLearner; multicast: MulticastLearner },
    writer: SouthboundWriter,
  ) {
    this.#compiler = compiler;
    this.#claims = claims;
    this.#learner = macs;
    this.#multicast = multicast;
    this.#writer = writer;
  }

  /** Takes what the agent of `chassis` saw. */
  take(chassis: string, { macs, virtualClaims, activated: ports, memberships }: Observations): void {
    for (const one of macs.slice(0, maxPerMessage)) this.#mac(chassis, one);
    for (const one of virtualClaims.slice(0, maxPerMessage)) this.#virtualClaim(chassis, one);
    for (const id of ports.slice(0, maxPerMessage)) this.#activated(chassis, id);
    for (const one of memberships.slice(0, maxPerMessage)) this.#membership(chassis, one);
  }

  #mac(chassis: string, { portId, mac }: ObservedMac): void {
    const port = this.#port(portId);
    // Multicast addresses are nobody's.
    if (!port || mac.length !== 6 || (mac[0]! & 1) === 1 || mac.every((byte) => byte === 0)) return;
    const nb = this.#compiler.northbound.port(port.row.logical_port);
    if (!nb || nb.gone || !nb.config.learn) return;
    // A localnet port is on each chassis of its switch.
    const isHere =
      port.row.type === 'localnet' ? port.switch.members.has(chassis) : port.bound.includes(chassis);
    const datapathKey = port.switch.row?.tunnel_key;
    if (!isHere || datapathKey === undefined) return;
    const text = [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    this.#learner.learn(chassis, datapathKey, port.row.tunnel_key, text);
  }

  #membership(chassis: string, { portId, group, left }: Membership): void {
    const port = this.#port(portId);
    const address = group.length === 0 ? routersAddress : ipText(group);
    if (!port || address === undefined || !isAt(port, chassis)) return;
    if (group.length > 0 && !isMulticast(group)) return;
    this.#multicast.take(chassis, port, address, left && group.length > 0);
  }

  #virtualClaim(chassis: string, { portId, parentId }: VirtualClaim): void {
    const port = this.#port(portId);
    const parent = this.#port(parentId);
    if (port?.row.type !== 'virtual' || parent?.switch !== port.switch) return;
    if (!parent.bound.includes(chassis)) return;
    const name = parent.row.logical_port;
    const nb = this.#compiler.northbound.port(port.row.logical_port);
    if (!nb?.config.options.virtual?.parents.includes(name)) return;
    this.#claims.claimVirtual(port, name, chassis);
  }

  #activated(chassis: string, portId: string): void {
    if (!this.#awaiting(chassis, portId)) return;
    // Several of a moment are one value of one key.
    const names = this.#activating.get(portId);
    if (names) {
      names.add(chassis);
      return;
    }
    const fresh = new Set([chassis]);
    this.#activating.set(portId, fresh);
    this.#writer.queue(`activated:${portId}`, {
      build: (transaction) => this.#writeActivated(transaction, fresh, portId),
      dropped: () => this.#activating.delete(portId),
    });
  }

  #writeActivated(transaction: Transaction, chassis: ReadonlySet<string>, portId: string): void {
    if (this.#activating.get(portId) === chassis) this.#activating.delete(portId);
    const fresh = [...chassis].filter((name) => this.#awaiting(name, portId));
    const row = this.#port(portId)?.row;
    if (!row || fresh.length === 0) return;
    const value = [...activated(row), ...fresh].join(',');
    const wanted = new Map([[activatedKey, value]]);
    const mutations = mapMutations('options', row.options, wanted, () => false);
    transaction.mutate('Port_Binding', [byUuid(row._uuid)], mutations);
  }

  /** The port, when it waits for a RARP on that chassis. */
  #awaiting(chassis: string, portId: string): PortState | undefined {
    const port = this.#port(portId);
    return port && awaitsRarp(port, this.#compiler.southbound.chassis.get(chassis)?.row) ? port : undefined;
  }

  #port(uuid: string): PortState | undefined {
    const port = this.#compiler.southbound.ports.get(uuid);
    return port && this.#compiler.southbound.isSwitch(port.switch) ? port : undefined;
  }
}

/** Of an IP address. */
function isMulticast(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? bytes[0]! >> 4 === 0xe : bytes[0] === 0xff;
}

/** Whether the chassis has the port. Localnet ports and localports are on each chassis of their switch. */
function isAt({ row, switch: { members }, bound }: PortState, chassis: string): boolean {
  return row.type === 'localnet' || row.type === 'localport' ? members.has(chassis) : bound.includes(chassis);
}
