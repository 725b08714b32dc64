import type { PortDetail, PortDrop, PortRequest, Problem } from '@iovisor-ovn/proto';
import { Argument, type Command, Option } from 'commander';
import { callAdmin } from './call.js';
import { completes } from './completion/kinds.js';
import { cliOptions } from './options.js';
import { listed, problemText, rowLines, titled } from './page.js';
import { printJson } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { bytes } from './table.js';
import { cleaned } from './terminal.js';

/** Adds `iovctl port NAME`. */
export function port(program: Command): void {
  const command = program
    .command('port')
    .description(
      'one logical port from its Northbound row to its tap: rows, device, IOModules, counters, drops, problems',
    )
    .addArgument(completes('port', new Argument('<name>', 'the logical port')))
    .addOption(
      completes('node', new Option('--node <CHASSIS>', 'as it is on this hypervisor, when it is on several')),
    );
  documentJson(command, { message: 'PortDetail', text: 'Without `senders` and `neighbourMac`.' });
  command.action(async (name: string) => {
    const options = cliOptions(command);
    const node = command.opts<{ node?: string }>().node ?? '';
    const request = { name, node, neighbour: Buffer.alloc(0) };
    const detail = await callAdmin<PortRequest, PortDetail>(options, (client) => client.getPort, request);
    if (options.json) {
      const { senders: _senders, neighbourMac: _mac, ...shown } = detail;
      printJson(shown);
    } else console.log(portText(detail));
  });
}

/** For people. */
function portText(raw: PortDetail): string {
  const detail = cleaned(raw);
  const { port: one, missing, problems } = detail;
  return [
    titled('Port', `${one?.name ?? ''}${one?.switchName ? `, of switch ${one.switchName}` : ''}`),
    ...rowLines('Northbound', 'Logical_Switch_Port', detail.northbound),
    ...rowLines('Southbound', 'Port_Binding', detail.southbound),
    ...device(detail),
    ...missing.map((text) => titled('Missing', text)),
    ...listed(
      'Problems',
      problems.map((one: Problem) => problemText(one)),
    ),
  ].join('\n');
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

function dropText({ reason, packets, last, packet, description }: PortDrop): string[] {
  return [`${packets} × ${reason}: ${description}`, `    last ${last}: ${packet}`];
}
