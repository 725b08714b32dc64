import { status } from '@grpc/grpc-js';
import {
  type NodeTrace,
  ReportKind,
  type TracePacket,
  TraceReport,
  type TraceRequest,
  type TraceResult,
} from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import { checkFrame } from '../frame/hex.js';
import { AdminError } from './admin-error.js';
import { findPort } from './port-detail.js';
import { away, placeOf } from './port-place.js';

/** The first trace of an agent loads its programs a second time, which takes a few seconds on a busy machine. */
const timeoutMs = 20_000;
/** A packet from a tunnel goes into no other, so two hypervisors are the longest way; more is a loop. */
const maxHops = 3;
/** As many as an agent notes of one packet. */
const maxCopies = 128;

/**
 * Follows a packet over all hypervisors it reaches, by test runs of their agents.
 * @throws AdminError NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION
 */
export async function tracePacket(coordinator: Coordinator, request: TracePacket): Promise<TraceResult> {
  const { southbound } = findPort(coordinator, request.port);
  try {
    checkFrame(Buffer.from(request.frame));
  } catch (error) {
    throw new AdminError(status.INVALID_ARGUMENT, (error as Error).message);
  }
  const place = southbound && placeOf(coordinator, southbound, request.node);
  if (!place?.session)
    throw new AdminError(
      status.FAILED_PRECONDITION,
      place?.reason ?? `port ${request.port} has no Port_Binding in Southbound`,
    );
  const { port, frame } = request;
  const nodes: NodeTrace[] = [];
  let next: Hop[] = [{ node: place.node, from: '', trace: { port, frame } }];
  for (let hop = 0; hop < maxHops && next.length > 0; hop++) {
    const reached = await Promise.all(next.map((one) => traceAt(coordinator, one)));
    nodes.push(...reached);
    next = reached.flatMap(intoTunnels);
  }
  return { nodes };
}

/** A packet that is about to reach a hypervisor. */
interface Hop {
  node: string;
  from: string;
  trace: TraceRequest;
}

async function traceAt(coordinator: Coordinator, { node, from, trace }: Hop): Promise<NodeTrace> {
  const session = coordinator.sessions.get(node);
  const failed = (error: string) => ({ node, from, trace: TraceReport.create({ error }) });
  if (!session) return failed(away(coordinator, node));
  const report = await session.queries.ask(ReportKind.REPORT_TRACE, { trace, timeoutMs });
  if (!report) return failed(`the agent of hypervisor ${node} does not answer`);
  return {
    node,
    from,
    trace: report.trace ?? TraceReport.create({ error: `the agent of ${node} cannot trace` }),
  };
}

/** Where a packet goes on: every tunnel that it left by. */
function intoTunnels({ node, trace }: NodeTrace): Hop[] {
  const tunnelled = trace?.outputs.filter(({ chassis }) => chassis !== '') ?? [];
  return tunnelled
    .slice(0, maxCopies)
    .map(({ chassis, frame }) => ({ node: chassis, from: node, trace: { port: '', frame } }));
}
