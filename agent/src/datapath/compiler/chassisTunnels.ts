import { type Encap, type RemoteChassis, ResourceType } from '@iovisor-ovn/proto';
import {
  addresses,
  chooseTunnels,
  type LocalEnd,
  NO_OUTER_SETTINGS,
  type OuterSettings,
} from '../chooseTunnel.js';
import { compileLocals, compileTunnel } from '../compile/tunnel.js';
import { type Tunnel, type TunnelPath, usableWays } from '../compile/tunnelFacts.js';
import { canonicalIp } from '../compile/underlay.js';
import type { Entry } from '../entry.js';
import { Holdings } from '../holdings.js';
import { tunnelIdentity, wayIdentity } from '../identities.js';
import type { Numbers } from '../numbers.js';
import type { Common } from './common.js';

/** A tunnel and its number. */
export interface HeldTunnel {
  tunnel: Tunnel;
  number: number;
}

/** The kernel's routing as the compiler asks it. */
export interface Underlay {
  /** Undefined: no route. */
  pathOf(tunnel: Tunnel): TunnelPath | undefined;
  /** The source address that the kernel chooses towards that address. */
  sourceTo(remoteIp: string): string | undefined;
}

/** The tunnels to other chassis. */
export class ChassisTunnels {
  readonly #common: Common;
  readonly #underlay: Underlay;
  readonly #numbers: Holdings;
  readonly #tunnels = new Map<string, readonly HeldTunnel[]>();
  #local: LocalEnd;
  #compiled = false;

  constructor(common: Common, numbers: Numbers, underlay: Underlay) {
    this.#common = common;
    this.#underlay = underlay;
    this.#numbers = new Holdings(numbers);
    this.#local = { ...NO_OUTER_SETTINGS, encaps: [], sourceTo: (ip) => underlay.sourceTo(ip) };
  }

  /** By chassis; the first of each is for what asks for no particular address. */
  get all(): ReadonlyMap<string, readonly HeldTunnel[]> {
    return this.#tunnels;
  }

  get local(): LocalEnd {
    return this.#local;
  }

  setLocal(encaps: readonly Encap[], outer: OuterSettings): void {
    const { claims, resources, work } = this.#common;
    this.#local = { ...this.#local, ...outer, encaps };
    claims.set('locals', 0, compileLocals(addresses(encaps)));
    for (const id of resources.chassis.keys()) work.chassis.add(id);
  }

  /** Has those compiled again whose way may be another now. */
  refresh(concerns: (tunnel: Tunnel) => boolean): void {
    for (const [id, tunnels] of this.#tunnels)
      if (tunnels.some(({ tunnel }) => concerns(tunnel))) this.#common.work.chassis.add(id);
  }

  /** Whether a chassis was compiled since the last call. */
  takeCompiled(): boolean {
    const compiled = this.#compiled;
    this.#compiled = false;
    return compiled;
  }

  /**
   * The number of the tunnel to a chassis.
   * @param ip of the chassis; undefined, or one that it does not have: its first, as ovn-controller does
   */
  to(chassis: string, ip?: string): number | undefined {
    const tunnels = this.#tunnels.get(chassis) ?? [];
    const wanted = ip === undefined ? undefined : canonicalIp(ip);
    return (tunnels.find(({ tunnel }) => tunnel.remoteIp === wanted) ?? tunnels[0])?.number;
  }

  /** Of several chassis the first tunnels, each once, sorted: the far side of a group. */
  toEach(
    chassis: readonly string[],
    ipOf: (chassis: string) => string | undefined = () => undefined,
  ): number[] {
    const numbers = chassis.flatMap((id) => this.to(id, ipOf(id)) ?? []);
    return [...new Set(numbers)].sort((a, b) => a - b);
  }

  compile(id: string): void {
    this.#compiled = true;
    const before = this.#numbersOf(id);
    const { refusals, resources, work } = this.#common;
    const remote = resources.chassis.get(id);
    if (remote === undefined) this.#withdraw(id);
    else {
      const ref = { type: ResourceType.REMOTE_CHASSIS, id };
      refusals.attempt(
        ref,
        () => this.#apply(id, remote),
        () => this.#withdraw(id),
      );
    }
    if (before === this.#numbersOf(id)) return;
    for (const port of resources.portsAt(id)) {
      work.ports.add(port);
      work.groups.add(resources.ports.get(port)!.switchId);
    }
  }

  #apply(id: string, remote: RemoteChassis): void {
    const identities = new Set<string>();
    const hold = (identity: string) => {
      identities.add(identity);
      return this.#numbers.holdOneOf(id, identity);
    };
    const entries: Entry[] = [];
    const held = chooseTunnels(this.#local, remote).map((tunnel): HeldTunnel => {
      const identity = tunnelIdentity(tunnel);
      const number = hold(identity);
      const path = this.#underlay.pathOf(tunnel);
      const others = path === undefined ? [] : usableWays(path).slice(1);
      const ways = others.map((_, index) => hold(wayIdentity(identity, index + 1)));
      entries.push(...compileTunnel([number, ...ways], tunnel, path));
      return { tunnel, number };
    });
    this.#numbers.keepOnly(id, identities);
    this.#tunnels.set(id, held);
    this.#common.claims.set(`tunnel:${id}`, 0, entries);
  }

  #withdraw(id: string): void {
    this.#tunnels.delete(id);
    this.#numbers.release(id);
    this.#common.claims.set(`tunnel:${id}`, 0, []);
  }

  /** What the entries of ports at the chassis depend on, as text. */
  #numbersOf(chassis: string): string {
    const tunnels = this.#tunnels.get(chassis) ?? [];
    return tunnels.map(({ tunnel, number }) => `${tunnel.remoteIp}=${number}`).join();
  }
}
