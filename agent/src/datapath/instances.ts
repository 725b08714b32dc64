import {
  iov_datapathCodec,
  iov_group_keyCodec,
  iov_groupCodec,
  iov_port_flag,
  iov_portCodec,
  iov_security_ip4_keyCodec,
  iov_security_ip6_keyCodec,
  iov_security_keyCodec,
  iov_securityCodec,
  iov_tunnel_flag,
  iov_tunnelCodec,
  SECURITY_EGRESS,
} from './abi.js';
import { Generations, GROUP_CHUNK, isGroupHead } from './compile/group.js';
import { elementSignature, type Range, rangeText } from './compile/security.js';
import { rowAddressText } from './compile/underlay.js';
import { type ConfigMap, keyBuffer, keyText } from './entry.js';
import { elementIdentity, tunnelIdentity, wayIdentity } from './identities.js';
import { Numbers } from './numbers.js';

/** Contents of a configuration map: a Mirror, or a Map in tests. */
export interface Contents {
  get(key: string): Buffer | undefined;
  entries(): Iterable<[string, Buffer]>;
}

/** How many of each the maps have room for. */
export interface Limits {
  datapaths: number;
  ports: number;
  tunnels: number;
}

/** All instance numbers of this agent. */
export class Instances {
  readonly datapaths: Numbers;
  readonly ports: Numbers;
  readonly tunnels: Numbers;
  /** First part of the keys of the security tries; the bit above them is IOV_SECURITY_EGRESS. */
  readonly elements = new Numbers('security element', SECURITY_EGRESS - 1);
  readonly generations = new Generations();
  /** Numbers of ports that were found to forward: those among them that were to wait for a RARP had it. */
  readonly #active = new Set<number>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.datapaths = new Numbers('datapath', limits.datapaths - 1);
    this.ports = new Numbers('port', limits.ports - 1);
    this.tunnels = new Numbers('tunnel', limits.tunnels - 1);
  }

  get all(): readonly Numbers[] {
    return [this.datapaths, this.ports, this.tunnels, this.elements];
  }

  /** Another one that has handed out the same numbers for the same: what a restart would find in the maps. */
  copy(): Instances {
    const copy = new Instances(this.#limits);
    for (const [index, numbers] of copy.all.entries()) numbers.adopt(this.all[index]!);
    copy.generations.adopt(this.generations);
    return copy;
  }

  /** Reads from the pinned maps what was handed out before a restart. */
  recover(contents: (map: ConfigMap) => Contents): void {
    for (const [key, value] of contents('iov_datapaths').entries()) {
      this.datapaths.recover(`${iov_datapathCodec.decode(value).tunnel_key}`, numberOf(key));
    }
    for (const [key, value] of contents('iov_ports').entries()) {
      const { datapath, port_key, flags } = iov_portCodec.decode(value);
      this.ports.recover(`${datapath}/${port_key}`, numberOf(key));
      if ((flags & iov_port_flag.IOV_PORT_INACTIVE) === 0) this.#active.add(numberOf(key));
    }
    this.#recoverTunnels(contents('iov_tunnels'));
    this.#recoverElements(contents);
    this.#recoverGroups(contents('iov_groups'));
  }

  /** Gives back what nobody asked for since recover(): to be called when all that is wanted has been allocated. */
  releaseUnclaimed(): void {
    for (const numbers of this.all) numbers.releaseUnclaimed();
    this.#active.clear();
  }

  /** Whether the port of this number was found to forward at start; true at most once. */
  takeActive(port: number): boolean {
    return this.#active.delete(port);
  }

  #recoverTunnels(rows: Contents): void {
    const ways = new Map<string, number>();
    for (const [key, value] of rows.entries()) {
      const { flags, local_ip, remote_ip } = iov_tunnelCodec.decode(value);
      const encap = flags & iov_tunnel_flag.IOV_TUNNEL_GENEVE ? 'geneve' : 'vxlan';
      const [localIp, remoteIp] = [rowAddressText(local_ip), rowAddressText(remote_ip)];
      const identity = tunnelIdentity({ encap, localIp, remoteIp });
      if (flags & iov_tunnel_flag.IOV_TUNNEL_WAY) {
        // Which of them it was does not matter: each is written anew.
        const way = (ways.get(identity) ?? 0) + 1;
        ways.set(identity, way);
        this.tunnels.recover(wayIdentity(identity, way), numberOf(key));
      } else this.tunnels.recover(identity, numberOf(key));
    }
  }

  #recoverElements(contents: (map: ConfigMap) => Contents): void {
    const ranges = new Map<number, Range[]>();
    const add = (element: number, range: Range) => {
      const list = ranges.get(element);
      if (list === undefined) ranges.set(element, [range]);
      else list.push(range);
    };
    for (const [key] of contents('iov_security_ip4').entries()) {
      const { prefix_length, element, ip } = iov_security_ip4_keyCodec.decode(keyBuffer(key));
      const address = Buffer.alloc(4);
      address.writeUInt32BE(ip);
      add(element, { address, length: prefix_length - 32 });
    }
    for (const [key] of contents('iov_security_ip6').entries()) {
      const { prefix_length, element, ip } = iov_security_ip6_keyCodec.decode(keyBuffer(key));
      add(element, { address: ip, length: prefix_length - 32 });
    }
    const sorted = (element: number) =>
      (ranges.get(element) ?? []).sort((a, b) => (rangeText(a) < rangeText(b) ? -1 : 1));
    // Rows that no MAC points at, left by a crash: nobody may get their number before they are swept away.
    const rowsOnly = new Set([...ranges.keys()].map((element) => element % SECURITY_EGRESS));
    const seen = new Set<number>();
    const identities = new Set<string>();
    for (const [key, value] of contents('iov_security').entries()) {
      const { port } = iov_security_keyCodec.decode(keyBuffer(key));
      const { element } = iov_securityCodec.decode(value);
      if (seen.has(element)) continue; // shared by MACs of a port
      seen.add(element);
      const lists = { ingress: sorted(element), egress: sorted(element + SECURITY_EGRESS) };
      const identity = elementIdentity(port, elementSignature(lists));
      // Agents of before wrote equal lists once for each MAC: one of them is kept, nobody may get the number of another.
      this.elements.recover(identities.has(identity) ? `rows of ${element}` : identity, element);
      identities.add(identity);
      rowsOnly.delete(element);
    }
    for (const element of rowsOnly) this.elements.recover(`rows of ${element}`, element);
  }

  #recoverGroups(groups: Contents): void {
    for (const [key, value] of groups.entries()) {
      if (!isGroupHead(key)) continue;
      const id = iov_group_keyCodec.decode(keyBuffer(key));
      const { generation, chunks, members, count } = iov_groupCodec.decode(value);
      const all = members.slice(0, count);
      for (let chunk = 1; chunk < chunks && all.length === chunk * GROUP_CHUNK; chunk++) {
        const tail = groups.get(keyText(iov_group_keyCodec.encode({ ...id, generation, chunk })));
        const rest = tail === undefined ? undefined : iov_groupCodec.decode(tail);
        all.push(...(rest?.members.slice(0, rest.count) ?? []));
      }
      this.generations.recover(id, generation, all);
    }
  }
}

function numberOf(key: string): number {
  return keyBuffer(key).readUInt32LE(0);
}
