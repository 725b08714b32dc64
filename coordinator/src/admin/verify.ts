import {
  type Difference,
  type NodeVerify,
  ReportKind,
  type VerifiedResource,
  type VerifyList,
  type VerifyRequest,
} from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import { type ResourceKey, refKey } from '../logic/resource.js';
import { isOurs } from '../southbound/claims.js';
import { collectReports } from './reports.js';

/** An audit takes about a second for 100,000 entries, several times that under a stream of changes. */
export const verifyTimeoutMs = 30_000;

/** What is on its way to an agent differs for a moment: only what differs each time is listed. */
const rounds = 4;
const sliceMs = 3;

/**
 * Asks the agents to compare their kernels with what they hold (all agents, or the one on a node), and compares what they hold with
 * what the databases say now.
 */
export async function verifyNodes(coordinator: Coordinator, request: VerifyRequest): Promise<VerifyList> {
  const { node, repair } = request;
  const ask = { timeoutMs: verifyTimeoutMs, repair };
  const { reports, unreachable } = await collectReports(
    coordinator.sessions,
    ReportKind.REPORT_VERIFY,
    node,
    ask,
  );
  const nodes: NodeVerify[] = [];
  for (const { node: name, report } of reports) {
    const { verify } = report;
    if (verify === undefined) {
      unreachable.push(name);
      continue;
    }
    const resources = await compareHeld(coordinator, name, verify.held);
    if (repair) resend(coordinator, name, resources.keys);
    const differences = [...verify.differences, ...resources.differences];
    nodes.push({
      node: name,
      report: { ...verify, differences, held: [] },
      resources: resources.compared,
    });
  }
  if (node === '') unreachable.push(...unconnected(coordinator));
  return { nodes, unreachableNodes: unreachable.sort() };
}

/** Hypervisors of ours that are registered and have no session with this coordinator. */
function unconnected({ compiler, sessions }: Coordinator): string[] {
  return [...compiler.southbound.chassis.values()]
    .filter(({ row }) => isOurs(row.other_config) && sessions.get(row.name) === undefined)
    .map(({ row }) => row.name);
}

interface Compared {
  differences: Difference[];
  keys: ResourceKey[];
  compared: number;
}

async function compareHeld(
  coordinator: Coordinator,
  node: string,
  first: readonly VerifiedResource[],
): Promise<Compared> {
  let held = first;
  let before: ReadonlyMap<ResourceKey, Difference> | undefined;
  let compared = 0;
  for (let round = 0; ; round++) {
    const now = await compareOnce(coordinator, node, held);
    compared ||= now.compared;
    const lasting = new Map([...now.differences].filter(([key]) => before?.has(key) ?? true));
    if (lasting.size === 0 || round === rounds - 1)
      return { differences: [...lasting.values()], keys: [...lasting.keys()], compared };
    before = lasting;
    const report = await coordinator.sessions
      .get(node)
      ?.queries.ask(ReportKind.REPORT_VERIFY, { timeoutMs: verifyTimeoutMs });
    // Its session ended: the next one states what it holds.
    if (report?.verify === undefined) return { differences: [], keys: [], compared };
    held = report.verify.held;
  }
}

async function compareOnce(
  coordinator: Coordinator,
  node: string,
  held: readonly VerifiedResource[],
): Promise<{ differences: Map<ResourceKey, Difference>; compared: number }> {
  const { compiler } = coordinator;
  const differences = new Map<ResourceKey, Difference>();
  const versions = new Map<ResourceKey, bigint>();
  for (const { type, id, version } of held) {
    const key = refKey({ type, id });
    if (key !== undefined) versions.set(key, version);
  }
  const keys = new Set([...versions.keys(), ...compiler.wanted(node)]);
  let end = performance.now() + sliceMs;
  for (const key of keys) {
    if (performance.now() > end) {
      await new Promise(setImmediate);
      end = performance.now() + sliceMs;
    }
    const wanted = compiler.resourceAnew(node, key)?.resource.version;
    const found = versions.get(key);
    if (wanted === found || coordinator.hasRefused(node, key)) continue;
    differences.set(key, {
      kind: 'resource',
      where: key.slice(0, key.indexOf('/')),
      key: key.slice(key.indexOf('/') + 1),
      wanted: versionText(wanted),
      found: versionText(found),
      owner: '',
    });
  }
  return { differences, compared: keys.size };
}

/** What the agent should have is sent again, whatever it was thought to hold. */
function resend(coordinator: Coordinator, node: string, keys: readonly ResourceKey[]): void {
  const session = coordinator.sessions.get(node);
  if (session === undefined || keys.length === 0) return;
  for (const key of keys) session.forget(key);
  session.kick();
}

function versionText(version: bigint | undefined): string {
  return version === undefined ? '' : `version ${version.toString(16).padStart(16, '0')}`;
}
