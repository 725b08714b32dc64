import type { PortDetail, PortDrop, PortRequest, Problem } from '@iovisor-ovn/proto';
import type { Command } from 'commander';
import { callAdmin } from './call.js';
import { cliOptions } from './options.js';
import { printJson } from './print.js';
import { bytes } from './table.js';

/** Adds `iovctl port NAME`. */
export function port(program: Command): void {
  const command = program
    .command('port')
    .description(
      'one logical port from its Northbound row to its tap: rows, device, IOModules, counters, drops, problems',
    )
    .argument('<name>', 'the logical port')
    .option('--node <CHASSIS>', 'as it is on this hypervisor, when it is on several');
  command.action(async (name: string) => {
    const options = cliOptions(command);
    const node = command.opts<{ node?: string }>().node ?? '';
    const request = { name, node, neighbour: Buffer.alloc(0) };
    const detail = await callAdmin<PortRequest, PortDetail>(options, (client) => client.getPort, request);
    if (options.json) {
      const { senders: _senders, neighbourMac: _mac, ...shown } = detail;
      printJson(shown);
    } else console.log(lines(detail).join('\n'));
  });
}

const width = 13;
const titled = (title: string, text: string) => `${title.padEnd(width)}${text}`;

function lines(detail: PortDetail): string[] {
  const { port: one, missing, problems } = detail;
  return [
    titled('Port', `${one?.name ?? ''}${one?.switchName ? `, of switch ${one.switchName}` : ''}`),
    ...row('Northbound', 'Logical_Switch_Port', detail.northbound),
    ...row('Southbound', 'Port_Binding', detail.southbound),
    ...device(detail),
    ...missing.map((text) => titled('Missing', text)),
    ...listed('Problems', problems.map(problemText)),
  ];
}

function row(title: string, table: string, columns: Readonly<Record<string, string>>): string[] {
  const { _uuid: uuid, ...rest } = columns;
  if (uuid === undefined) return [titled(title, `no ${table}`)];
  const longest = Math.max(...Object.keys(rest).map((name) => name.length));
  const values = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    titled(title, `${table} ${uuid}`),
    ...values.map(([name, value]) => `  ${name.padEnd(longest)} : ${value}`),
  ];
}

function device({ port: one }: PortDetail): string[] {
  const state = titled('Hypervisor', one?.node || 'none');
  const local = one?.local;
  if (!local) return [state];
  const hook = local.hook === '' ? 'no program attached' : local.hook;
  const tap = local.tap === '' ? 'none' : `${local.tap}, ifindex ${local.ifindex}, ${hook}`;
  return [
    state,
    titled('Device', tap),
    titled('IOModules', local.instances.join(' → ') || 'none'),
    titled('State', local.state),
    titled('Received', `${local.rxPackets} packets, ${bytes(local.rxBytes)} from the machine`),
    titled('Sent', `${local.txPackets} packets, ${bytes(local.txBytes)} to the machine`),
    ...listed('Drops', local.dropsByReason.flatMap(dropText)),
  ];
}

function listed(title: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [titled(title, 'none')];
  return [title, ...texts.map((text) => `  ${text}`)];
}

function dropText({ reason, packets, last, packet, description }: PortDrop): string[] {
  return [`${packets} × ${reason}: ${description}`, `    last ${last}: ${packet}`];
}

function problemText({ where, table, name, column, message, since }: Problem): string {
  const place = [where, table, name, column].filter(Boolean).join(' ');
  return `${place}: ${message} (since ${since.replace(/\.\d+Z$/, 'Z')})`;
}
