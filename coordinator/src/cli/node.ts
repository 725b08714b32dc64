import type { DropReport, NodeDetail, NodeRequest, Port, Problem, TunnelReport } from '@iovisor-ovn/proto';
import { Argument, type Command } from 'commander';
import { callAdmin } from './call.js';
import { completes } from './completion/kinds.js';
import { cliOptions } from './options.js';
import { listed, problemText, rowLines, titled } from './page.js';
import { printJson } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { bytes } from './table.js';
import { cleaned } from './terminal.js';

/** Adds `iovctl node NAME`. */
export function node(program: Command): void {
  const command = program
    .command('node')
    .description(
      'one hypervisor: rows, session, versions, health, tunnels, ports that do not forward, IOModules, drops, problems',
    )
    .addArgument(completes('node', new Argument('<name>', 'its chassis name (external_ids:system-id)')));
  documentJson(command, { message: 'NodeDetail' });
  command.action(async (name: string) => {
    const options = cliOptions(command);
    const detail = await callAdmin<NodeRequest, NodeDetail>(options, (client) => client.getNode, { name });
    if (options.json) printJson(detail);
    else console.log(nodeText(detail));
  });
}

/** For people. */
export function nodeText(raw: NodeDetail): string {
  const detail = cleaned(raw);
  return [
    titled('Hypervisor', `${detail.node?.chassis ?? ''} (${detail.node?.hostname ?? ''})`),
    ...session(detail),
    ...agent(detail),
    ...rowLines('Chassis', 'Chassis', detail.chassis),
    ...rowLines('Progress', 'Chassis_Private', detail.chassisPrivate),
    ...listed('Encaps', detail.encaps.map(encap)),
    titled('Switches', detail.switches.join(' ') || 'none'),
    ...ports(detail),
    ...listed('Tunnels', tunnels(detail.tunnels)),
    ...listed(
      'IOModules',
      detail.modules.map(({ name, instances, programId }) => `${name}: ${instances} × program ${programId}`),
    ),
    ...listed('Drops', drops(detail.drops)),
    ...detail.missing.map((text) => titled('Missing', text)),
    ...listed(
      'Problems',
      detail.problems.map((one: Problem) => problemText(one)),
    ),
  ].join('\n');
}

function session({ node: one }: NodeDetail): string[] {
  if (!one) return [];
  const since = one.since.replace(/\.\d+Z$/, 'Z');
  if (!one.connected)
    return [titled('Session', one.kind === 'iovisor' ? 'none' : `none: it runs a stock ${one.kind}`)];
  return [
    titled('Session', `from ${one.address} since ${since}`),
    titled('Applied', `revision ${one.revisionAcked} of ${one.revisionSent}, nb_cfg ${one.nbCfg}`),
  ];
}

function agent({ agent: one }: NodeDetail): string[] {
  if (!one) return [];
  const health = Object.entries(one.health)
    .filter(([name]) => name !== '')
    .map(([name, serving]) => `${name} ${serving ? 'SERVING' : 'NOT_SERVING'}`);
  const whole = one.health[''] ? 'SERVING' : 'NOT_SERVING';
  return [
    titled('Agent', `version ${one.version}, ABI ${one.abi}, ${one.runtime}, kernel ${one.kernel}`),
    titled('', `${bytes(one.memoryBytes)}, running for ${one.uptimeSeconds} s, log level ${one.logLevel}`),
    titled('Data plane', `${one.hook}, ${one.bpffs}`),
    titled('Health', `${whole} (${health.join(', ')})`),
  ];
}

function encap({ type, ip, options }: NodeDetail['encaps'][number]): string {
  const more = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  return [type, ip, ...more].join(' ');
}

function ports({ ports: all, agent: self }: NodeDetail): string[] {
  const up = all.filter((one) => one.up).length;
  const forwarding = self ? `; its agent: ${self.ports} local, ${self.forwarding} forwarding` : '';
  const idle = all.filter(({ local }) => local && !local.forwarding);
  return [
    titled('Ports', `${all.length} bound, ${up} up${forwarding}`),
    ...idle.map(({ name, local }: Port) => `  ${name}: ${local?.state ?? ''}`),
  ];
}

function tunnels(all: readonly TunnelReport[]): string[] {
  if (all.length === 0) return [];
  const states = new Map<string, string[]>();
  for (const { chassis, state, resolved } of all) {
    const text = state || (resolved ? 'resolved' : 'not resolved');
    states.set(text, [...(states.get(text) ?? []), chassis]);
  }
  return [...states].map(([state, names]) => {
    const which = state === 'resolved' ? '' : `: ${names.join(' ')}`;
    return `${names.length} ${state}${which}`;
  });
}

function drops(all: readonly DropReport[]): string[] {
  const sums = new Map<string, { packets: bigint; ports: Set<string>; description: string }>();
  for (const { reason, packets, port, description } of all) {
    const sum = sums.get(reason) ?? { packets: 0n, ports: new Set(), description };
    sum.packets += packets;
    if (port !== '') sum.ports.add(port);
    sums.set(reason, sum);
  }
  return [...sums].map(([reason, { packets, ports: at, description }]) => {
    const where = at.size === 0 ? '' : at.size === 1 ? ` at ${[...at][0]}` : ` at ${at.size} ports`;
    return `${packets} × ${reason}${where}: ${description}`;
  });
}
