import type { Lab } from '../lab/index.js';

/** A difference that `iovctl verify --json` tells (proto: report.proto). */
export interface VerifiedDifference {
  kind: string;
  where: string;
  key: string;
  wanted: string;
  found: string;
  owner: string;
}

export interface VerifiedNode {
  node: string;
  report?: {
    error: string;
    differences: VerifiedDifference[];
    more: number;
    entries: number;
    maps: number;
    attachments: number;
    unsettled: number;
    milliseconds: number;
    rounds: number;
  };
  resources: number;
}

export interface Verified {
  /** iovctl's exit status, or the signal that ended it. */
  status: number | string;
  nodes: VerifiedNode[];
  unreachableNodes: string[];
}

/** Runs `iovctl verify`, whatever it finds. */
export async function verify(lab: Pick<Lab, 'coordinator'>, node?: string): Promise<Verified> {
  const args = node === undefined ? [] : [node];
  const { status, stdout, stderr } = await lab.coordinator.tryIovctl('verify', ...args, '--json');
  if (stdout === '') throw new Error(`iovctl verify: ${stderr}`);
  return { ...(JSON.parse(stdout) as Omit<Verified, 'status'>), status };
}

/**
 * What is not as a fresh start would compute it on any hypervisor, a line each; empty: all is well. To be called after a fault, once
 * things have settled (lab.sync()).
 */
export async function deviations(lab: Pick<Lab, 'coordinator'>, node?: string): Promise<string[]> {
  const { nodes, unreachableNodes, status } = await verify(lab, node);
  const lines = nodes.flatMap(({ node: name, report }) => {
    if (report === undefined) return [`${name}: no report`];
    const { error, differences, more } = report;
    const said = differences.map(
      ({ where, key, wanted, found, owner }) =>
        `${name}: ${where} ${key}: wanted ${wanted || 'nothing'}, found ${found || 'nothing'} (${owner})`,
    );
    if (error !== '') said.push(`${name}: ${error}`);
    if (more > 0) said.push(`${name}: and ${more} more`);
    return said;
  });
  lines.push(...unreachableNodes.map((name) => `${name}: no answer`));
  if (lines.length === 0 && status !== 0) lines.push(`iovctl verify ended with ${status}`);
  return lines;
}
