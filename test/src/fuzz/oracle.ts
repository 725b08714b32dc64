import type { Deviation } from './deviations.js';
import { type NetworkSpec, type PortSpec, portNamed } from './network.js';
import type { Ip6Body, NeighbourDiscovery, Packet } from './packet.js';
import { mayReceive, maySend, type Ruling } from './portSecurity.js';
import { type Answer, answerText, ipHex, macHex } from './receipt.js';
import type { TraceOutput } from './traceVerdict.js';

/** What must become of a packet. */
export interface Expectation {
  /** "PORT: what it gets", sorted. */
  receipts: string[];
  /** Deviations that had a say. */
  because: Deviation[];
}

/**
 * ovn-trace says what a switch without port security does, our model of port security which of that remains: ovn-trace has
 * read the Southbound database before port security was set.
 */
export function expectation(
  network: NetworkSpec,
  packet: Packet,
  trace: readonly TraceOutput[],
): Expectation {
  const { body } = packet;
  const sender = portNamed(network, packet.from);
  const admitted = maySend(sender.portSecurity, packet);
  const because = [...admitted.because];
  if (!admitted.passes || trace.length === 0) return { receipts: [], because };
  if ((body.kind === 'ip4' || body.kind === 'ip6') && body.lie !== undefined)
    return { receipts: [], because: ['lyingIpHeader'] };
  const receipts: string[] = [];
  for (const output of trace) {
    const port = portNamed(network, output.port);
    const at = receiverSide(port, sender, packet);
    if (at === undefined) continue;
    const delivered = delivery(packet, output);
    const ruling = mayReceive(port.portSecurity, delivered.packet);
    because.push(...delivered.because, ...ruling.because);
    if (ruling.passes) receipts.push(`${receiverName(port, at)}: ${delivered.text}`);
  }
  return { receipts: receipts.sort(), because: [...new Set(because)] };
}

/** On which hypervisor a port gets it: what comes from or goes to a localport stays on its own (ovn-architecture(7)). */
function receiverSide(port: PortSpec, sender: PortSpec, packet: Packet): number | undefined {
  const here = packet.side ?? sender.hv;
  if (port.type === 'localport') return here;
  if (port.hv === 0 || (sender.type === 'localport' && port.hv !== here)) return undefined;
  return port.hv;
}

/** Of a localport there is one on each hypervisor. */
export function receiverName({ name, type }: PortSpec, hv: number): string {
  return type === 'localport' ? `${name} on hv${hv}` : name;
}

interface Delivery {
  packet: Packet;
  text: string;
  because: Ruling['because'];
}

function delivery(packet: Packet, output: TraceOutput): Delivery {
  if (output.made === undefined && output.assigned.size === 0)
    return { packet, text: 'unchanged', because: [] };
  if (output.made === 'nd_na' && packet.body.kind === 'ip6' && packet.body.l4.kind === 'nd')
    return advertised(packet, packet.body, packet.body.l4, output.assigned);
  if (output.made === undefined && packet.body.kind === 'arp') return replied(packet, output.assigned);
  throw new Error(`ovn-trace makes something unexpected of it: ${JSON.stringify(output)}`);
}

function replied(packet: Packet, assigned: ReadonlyMap<string, string>): Delivery {
  const { body } = packet;
  if (body.kind !== 'arp') throw new Error('not an ARP packet');
  const value = (field: string, before: string) => assigned.get(field) ?? before;
  const [src, dst] = [value('eth.src', packet.src), value('eth.dst', packet.dst)];
  const [sha, spa] = [value('arp.sha', body.sha), value('arp.spa', body.spa)];
  const [tha, tpa] = [value('arp.tha', body.tha), value('arp.tpa', body.tpa)];
  if (assigned.get('arp.op') !== '2') throw new Error('ovn-trace changes an ARP packet into no reply');
  const answer: Answer = {
    kind: 'arp',
    src: macHex(src),
    dst: macHex(dst),
    sha: macHex(sha),
    spa: ipHex(spa),
    tha: macHex(tha),
    tpa: ipHex(tpa),
  };
  const made: Packet = { ...packet, src, dst, body: { ...body, op: 2, sha, spa, tha, tpa } };
  return { packet: made, text: answerText(answer), because: [] };
}

/** ovn-trace does not show what ovn-controller takes over from the question: its sender. */
function advertised(
  packet: Packet,
  body: Ip6Body,
  question: NeighbourDiscovery,
  assigned: ReadonlyMap<string, string>,
): Delivery {
  const value = (field: string) => {
    const found = assigned.get(field);
    if (found === undefined) throw new Error(`ovn-trace makes an NA without ${field}`);
    return found;
  };
  const probe = body.src === '::';
  const to = probe ? 'ff02::1' : body.src;
  const dst = probe ? '33:33:00:00:00:01' : packet.src;
  const [src, from, target, tll] = [value('eth.src'), value('ip6.src'), value('nd.target'), value('nd.tll')];
  const answer: Answer = {
    kind: 'na',
    src: macHex(src),
    dst: macHex(dst),
    from: ipHex(from),
    to: ipHex(to),
    target: ipHex(target),
    tll: macHex(tll),
    flags: probe ? 'O' : 'SO',
  };
  const made: Packet = {
    from: packet.from,
    src,
    dst,
    body: {
      ...body,
      src: from,
      dst: to,
      l4: { ...question, type: 136, target, options: [{ type: 2, mac: tll }] },
    },
  };
  return { packet: made, text: answerText(answer), because: probe ? ['answerToProbe'] : [] };
}
