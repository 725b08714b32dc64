import type { DatabaseStatus, Status, StatusRequest } from '@iovisor-ovn/proto';
import type { Command } from 'commander';
import { callAdmin } from './call.js';
import { cliOptions } from './options.js';
import { titled } from './page.js';
import { printJson } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { bytes } from './table.js';
import { cleaned } from './terminal.js';

/** Adds `iovctl status`. */
export function status(program: Command): void {
  const command = program.command('status').description('the coordinator at a glance');
  documentJson(command, { message: 'Status' });
  command.action(async () => {
    const options = cliOptions(command);
    const reply = await callAdmin<StatusRequest, Status>(options, (client) => client.getStatus, {});
    if (options.json) printJson(reply);
    else console.log(statusText(reply, options.address));
  });
}

/** For people. */
export function statusText(one: Status, address: string): string {
  return lines(cleaned(one), address)
    .map(([title, value]) => titled(title, value))
    .join('\n');
}

function lines(one: Status, address: string): [string, string][] {
  return [
    ['Coordinator', `${address}, version ${one.version}, ${one.leader ? 'leader' : 'standby'}`],
    ['Northbound', database(one.nb)],
    ['Southbound', database(one.sb)],
    ['Hypervisors', `${one.nodesConnected} connected of ${one.nodesKnown}`],
    ['Switches', String(one.switches)],
    ['Ports', `${one.ports}, ${one.portsUp} up`],
    ['Problems', one.problems === 0 ? 'none' : `${one.problems}: see iovctl problems`],
    ['nb_cfg', String(one.nbCfg)],
    ['Running for', duration(Number(one.uptimeSeconds))],
    ['Memory', bytes(one.memoryBytes)],
  ];
}

function database(one: DatabaseStatus | undefined): string {
  if (!one) return '-';
  const state = one.connected ? `${one.rows} rows` : 'NOT CONNECTED';
  return `${one.remote}, ${state}${one.schemaVersion ? `, schema ${one.schemaVersion}` : ''}`;
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = new Date((seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}
