import { readFileSync } from 'node:fs';
import type { PortDetail, PortRequest, TracePacket, TraceResult } from '@iovisor-ovn/proto';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../config/settings.js';
import { buildFrame, wantedNeighbour } from '../frame/build-frame.js';
import { FrameError } from '../frame/frame-error.js';
import { checkFrame, hexFrame } from '../frame/hex.js';
import { firstPacket } from '../frame/pcap.js';
import { ExpressionError } from '../microflow/expression-error.js';
import { type Microflow, parseMicroflow } from '../microflow/microflow.js';
import { callAdmin } from './call.js';
import { completes } from './completion/kinds.js';
import { type CliOptions, cliOptions } from './options.js';
import { printJson } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { clean, cleaned } from './terminal.js';
import { detailed, minimal, summary } from './trace-text.js';

/** Longer than the coordinator waits for hypervisors, one after the other. */
const deadlineMs = 65_000;

interface Flags {
  frame?: string;
  pcap?: string;
  size?: number;
  node?: string;
  minimal?: boolean;
  summary?: boolean;
}

const help = `
The expression says what the packet has, in OVN's language (ovn-sb(5)), as for ovn-trace(8):
  iovctl trace vm1 'ip4.dst == 10.0.0.2'
  iovctl trace vm1 'eth.dst == 0a:00:00:00:00:02 && ip4.src == 10.0.0.9 && ip4.dst == 10.0.0.2 && tcp.dst == 80'
  iovctl trace vm1 'arp.tpa == 10.0.0.2'
  iovctl trace vm1 'nd_ns && nd.target == fd00::2'
Fields: eth.{src,dst,type} vlan.{vid,pcp} ip.{proto,ttl,dscp,ecn,frag} ip4.{src,dst} ip6.{src,dst,label} arp.* rarp.*
  icmp4.{type,code} icmp6.{type,code} nd.{target,sll,tll} {tcp,udp,sctp}.{src,dst} tcp.flags; predicates such as ip4, icmp4,
  tcp, eth.bcast, ip4.mcast, ip.first_frag.
What it leaves open is as the port's machine would send it: its own addresses, the MAC of the port that has ip4.dst or
ip6.dst, an echo request, source port 49152, destination port 9, TTL 64, correct checksums.

The packet goes through the real programs and tables of the hypervisors by test runs: nothing is sent, counted or learned.
Most kernels take test packets of up to some 3500 bytes.`;

/** Adds `iovctl trace PORT EXPRESSION`. */
export function trace(program: Command): void {
  const command = program
    .command('trace')
    .description('one packet through the IOModules of all hypervisors it reaches, without sending it')
    .addArgument(completes('port', new Argument('<port>', 'logical port whose machine sends the packet')))
    .argument(
      '[expression]',
      "what the packet is: 'eth.dst==0a:00:00:00:00:02 && ip4.dst==10.0.0.2 && icmp4'",
    )
    .option('--frame <HEX>', 'the whole frame instead of an expression')
    .addOption(
      completes(
        'file',
        new Option('--pcap <FILE>', 'the first packet of a capture file instead of an expression'),
      ),
    )
    .option('--size <BYTES>', 'size of the frame that an expression makes', wholeNumber)
    .addOption(
      completes(
        'node',
        new Option('--node <CHASSIS>', 'start at this hypervisor, when the port is on several'),
      ),
    )
    .option('--summary', 'one line for each hypervisor')
    .option('--minimal', 'only where the packet comes out, or why not')
    .addHelpText('after', help);
  documentJson(command, {
    text: '`frame` (hexadecimal) and `nodes`: an array of `node`, `from`, `error`, `steps` (TraceStep) and `outputs` (TraceOutput, its `frame` hexadecimal).',
  });
  command.action(async (port: string, expression: string | undefined) => {
    const options = cliOptions(command);
    const flags = command.opts<Flags>();
    const node = flags.node ?? '';
    const frame = await frameOf(options, port, expression, flags);
    const request = { port, frame, node };
    const result = await callAdmin<TracePacket, TraceResult>(
      options,
      (client) => client.trace,
      request,
      deadlineMs,
    );
    if (options.json) printJson(withHexFrames(frame, result));
    else console.log(render(flags)(clean(port), frame, cleaned(result)));
  });
}

function render(flags: Flags) {
  if (flags.minimal) return minimal;
  return flags.summary ? summary : detailed;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('a number of bytes is wanted.');
  return Number(text);
}

/** @throws UsageError when nothing, or no frame, is described */
async function frameOf(
  options: CliOptions,
  port: string,
  expression: string | undefined,
  flags: Flags,
): Promise<Buffer> {
  const given = [expression, flags.frame, flags.pcap].filter((one) => one !== undefined);
  if (given.length !== 1) throw new UsageError('say the packet by one of: an expression, --frame, --pcap');
  if (flags.size !== undefined && expression === undefined)
    throw new UsageError('--size goes with an expression only');
  try {
    if (flags.frame !== undefined) return hexFrame(flags.frame);
    if (flags.pcap !== undefined) return checkFrame(firstPacket(readCapture(flags.pcap)));
    return await describedFrame(options, port, expression!, flags);
  } catch (error) {
    if (error instanceof FrameError) throw new UsageError(error.message);
    throw error;
  }
}

function readCapture(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`--pcap: ${(error as Error).message}`);
  }
}

async function describedFrame(
  options: CliOptions,
  port: string,
  expression: string,
  { size, node = '' }: Flags,
): Promise<Buffer> {
  const flow = readExpression(expression);
  if (flow.inport !== undefined && flow.inport !== port)
    throw new UsageError(`inport is "${flow.inport}", and the port to trace from is "${port}"`);
  const neighbour = wantedNeighbour(flow) ?? Buffer.alloc(0);
  const request = { name: port, node, neighbour };
  const { senders, neighbourMac } = await callAdmin<PortRequest, PortDetail>(
    options,
    (client) => client.getPort,
    request,
  );
  const addresses = senders.map(({ mac, ips }) => ({ mac, ips: ips.map(({ address }) => address) }));
  const known = neighbourMac.length > 0 ? neighbourMac : undefined;
  return buildFrame(flow, { port, addresses, neighbour: known }, size);
}

/** @throws UsageError that shows where it went wrong */
function readExpression(text: string): Microflow {
  try {
    return parseMicroflow(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const shown = text.replace(/\s/g, ' ');
    throw new UsageError(`${error.message}\n  ${shown}\n  ${' '.repeat(error.column)}^`);
  }
}

/** Bytes are hexadecimal in JSON. */
function withHexFrames(frame: Buffer, { nodes }: TraceResult): unknown {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return {
    frame: hex(frame),
    nodes: nodes.map(({ node, from, trace: one }) => ({
      node,
      from,
      error: one?.error ?? '',
      steps: one?.steps ?? [],
      outputs: one?.outputs.map((output) => ({ ...output, frame: hex(output.frame) })) ?? [],
    })),
  };
}
